package labels

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/glipvk/glipvk/internal/file"
)

// journalName is the file, in the folder of labels, that a run can be gone on with from. Without it the labels are
// whole, but nothing can be added to them.
const journalName = ".glip-labels.jsonl"

// mostLine bounds a line of a journal, in bytes: that of the picture with the most objects is shorter.
const mostLine = 256 << 20

// heading is a journal's first line: what the labels in it are, which a run that goes on must share.
type heading struct {
	Version     int      `json:"glip_labels"`
	Format      string   `json:"format"`
	Asked       string   `json:"asked"`
	Stored      bool     `json:"stored,omitempty"`
	VOC         VOC      `json:"voc,omitempty"`
	Classes     []string `json:"classes"`
	CategoryIDs []int64  `json:"category_ids,omitempty"`
}

// unlike says in which way labels were made otherwise than now, "" if they were not.
func (h heading) unlike(now heading) string {
	switch {
	case h.Version != now.Version:
		return fmt.Sprintf("they are of version %d of the journal, this program has %d", h.Version, now.Version)
	case h.Format != now.Format:
		return fmt.Sprintf("they are in the format %s, not %s", h.Format, now.Format)
	case !slices.Equal(h.Classes, now.Classes), !slices.Equal(h.CategoryIDs, now.CategoryIDs):
		return "they are of other classes"
	case h.Asked != now.Asked:
		return "they are of another model, or of another question"
	case h.Stored != now.Stored:
		return "their pictures were turned otherwise"
	case h.VOC != now.VOC:
		return "they have another convention of Pascal VOC"
	}
	return ""
}

// record is a line of a journal: a picture.
type record struct {
	Name    string      `json:"name"`
	ID      int64       `json:"id,omitempty"`
	Width   int         `json:"w"`
	Height  int         `json:"h"`
	Dropped int         `json:"dropped,omitempty"` // objects that were left out
	Objects [][]float64 `json:"o,omitempty"`       // class, corners, and the score if there is one
	Crowds  []int       `json:"crowds,omitempty"`  // indices of objects
}

func recordOf(p *Picture, dropped int) record {
	r := record{Name: p.Name, ID: p.ID, Width: p.Width, Height: p.Height, Dropped: dropped}
	for i, o := range p.Objects {
		row := []float64{float64(o.Class), o.Box.X1, o.Box.Y1, o.Box.X2, o.Box.Y2}
		if o.Scored {
			row = append(row, o.Score)
		}
		if o.Crowd {
			r.Crowds = append(r.Crowds, i)
		}
		r.Objects = append(r.Objects, row)
	}
	return r
}

// picture is what was recorded.
func (r record) picture(classes int) (*Picture, error) {
	p := &Picture{Name: r.Name, ID: r.ID, Width: r.Width, Height: r.Height}
	for _, row := range r.Objects {
		if len(row) != 5 && len(row) != 6 || !(row[0] >= 0 && row[0] < float64(classes)) {
			return nil, errors.New("an object is not as it was written")
		}
		o := Object{Class: int(row[0]), Box: Box{row[1], row[2], row[3], row[4]}}
		if len(row) == 6 {
			o.Score, o.Scored = row[5], true
		}
		p.Objects = append(p.Objects, o)
	}
	for _, i := range r.Crowds {
		if i < 0 || i >= len(p.Objects) {
			return nil, errors.New("an object is not as it was written")
		}
		p.Objects[i].Crowd = true
	}
	return p, p.check(classes)
}

// journal is the file while it is open.
type journal struct {
	f    *file.File // to which lines are added
	in   *os.File   // the same, from which they are read
	path string
	size int64 // bytes of whole lines
}

// span is where a line lies.
type span struct {
	at     int64
	length int
}

// begin makes a journal with its heading, whole: there is none, or one that begins with its heading.
func begin(path string, h heading) (*journal, error) {
	line, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	if err := file.Replace(path, append(line, '\n'), 0o644); err != nil {
		return nil, err
	}
	j, err := reopen(path)
	if err == nil {
		j.size = int64(len(line)) + 1
	}
	return j, err
}

func reopen(path string) (*journal, error) {
	in, _, err := file.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := file.Append(path, 0o644)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return &journal{f: f, in: in, path: path}, nil
}

func (j *journal) close() error { return errors.Join(j.f.Close(), j.in.Close()) }

// scan reads a journal: its heading, then every line that is whole. What a killed program left of a line is cut off.
func (j *journal) scan(heed func(h heading) error, take func(r record, at span) error) error {
	r := bufio.NewReaderSize(j.in, 1<<20)
	for number := 1; ; number++ {
		line, err := readLine(r)
		if err == io.EOF && number > 1 {
			return j.f.Truncate(j.size)
		}
		if err == nil && number == 1 {
			var h heading
			if err = json.Unmarshal(line, &h); err == nil {
				err = heed(h)
			}
		} else if err == nil {
			var rec record
			if err = json.Unmarshal(line, &rec); err == nil {
				err = take(rec, span{j.size, len(line)})
			}
		}
		if err != nil {
			return fmt.Errorf("%s: line %d: %w", j.path, number, err)
		}
		j.size += int64(len(line)) + 1
	}
}

// readLine is a line without its end; io.EOF for what has none.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > mostLine:
			return nil, fmt.Errorf("longer than %d bytes", mostLine)
		case err == bufio.ErrBufferFull:
		case err != nil:
			return nil, err
		default:
			return bytes.TrimSuffix(line, []byte("\n")), nil
		}
	}
}

// add appends a picture. Where there is no room for all of it, nothing is there of it.
func (j *journal) add(r record) (span, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return span{}, err
	}
	if info, err := j.f.Stat(); err != nil || info.Size() != j.size {
		return span{}, errors.Join(err, fmt.Errorf("%s: another program writes here too; end it, or choose another folder", j.path))
	}
	if _, err := j.f.Write(append(line, '\n')); err != nil {
		return span{}, errors.Join(err, j.f.Truncate(j.size))
	}
	at := span{j.size, len(line)}
	j.size += int64(len(line)) + 1
	return at, nil
}

// at reads a line again.
func (j *journal) at(s span) (r record, err error) {
	line := make([]byte, s.length)
	if _, err := j.in.ReadAt(line, s.at); err != nil {
		return r, fmt.Errorf("%s: at byte %d: %w", j.path, s.at, err)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("%s: at byte %d: %w", j.path, s.at, err)
	}
	return r, nil
}
