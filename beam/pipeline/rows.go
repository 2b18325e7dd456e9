package pipeline

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/glipvk/glipvk/loader"
	"github.com/parquet-go/parquet-go"
)

// Row is what was found in a picture: a line of JSON Lines, a row of Parquet.
type Row struct {
	Input      string  `json:"input" parquet:"input"`                // path of the picture, or of the archive that it is in
	Key        string  `json:"key,omitempty" parquet:"key"`          // in an archive
	Width      int     `json:"width" parquet:"width"`                // of the picture, pixels
	Height     int     `json:"height" parquet:"height"`              // of the picture, pixels
	Detections []Found `json:"detections" parquet:"detections,list"` // by falling score
}

// Found is a box in which a picture shows a phrase, as "glip detect --format jsonl" prints it.
type Found struct {
	Box    [4]float64 `json:"box" parquet:"-"` // x1, y1, x2, y2 in pixels of the picture, both corners within
	X1     float64    `json:"-" parquet:"x1"`
	Y1     float64    `json:"-" parquet:"y1"`
	X2     float64    `json:"-" parquet:"x2"`
	Y2     float64    `json:"-" parquet:"y2"`
	Score  float64    `json:"score" parquet:"score"`   // 0 to 1
	Label  int        `json:"label" parquet:"label"`   // from 1
	Phrase string     `json:"phrase" parquet:"phrase"` // by the name that the query gave it
	Span   [2]int     `json:"span" parquet:"-"`        // [begin, end) of the caption, in code points
}

// Letter is a dead letter: what has no row, and why.
type Letter struct {
	Input  string `json:"input"`
	Key    string `json:"key,omitempty"`
	Reason string `json:"reason"` // a sentence
}

// sink writes what a model says of pictures, one after the other.
type sink interface {
	add(s *sample, f finding) error
	close() error // writes the end, without which the file is not whole
}

// newSink is that of a format.
func newSink(w io.Writer, c Config) sink {
	switch c.Format {
	case "parquet":
		return &table{parquet.NewGenericWriter[Row](w, parquet.Compression(&parquet.Snappy), parquet.CreatedBy("glipbeam", "", ""), parquet.MaxRowsPerRowGroup(rowGroup))}
	case "tar":
		return &shelf{tar.NewWriter(w), c}
	}
	return lines{jsonLines(w)}
}

// rowGroup is how many rows of a table are held in memory until they are written.
const rowGroup = 1 << 14

// jsonLines writes an object on each line, and leaves <, > and & as they are.
func jsonLines(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// row is that of a finding.
func row(s *sample, f finding) Row {
	r := Row{Input: s.source, Key: s.key, Width: f.size.Width, Height: f.size.Height, Detections: make([]Found, 0, len(f.detections))}
	for _, d := range f.detections {
		b := d.Box
		r.Detections = append(r.Detections, Found{
			Box: b.Corners(), X1: b.X1, Y1: b.Y1, X2: b.X2, Y2: b.Y2, Score: d.Score, Label: d.Label, Phrase: d.Phrase, Span: [2]int{d.Span.Begin, d.Span.End},
		})
	}
	return r
}

// lines are JSON Lines.
type lines struct{ *json.Encoder }

func (l lines) add(s *sample, f finding) error { return l.Encode(row(s, f)) }
func (l lines) close() error                   { return nil }

// table is Parquet, a row a picture.
type table struct{ *parquet.GenericWriter[Row] }

func (t *table) add(s *sample, f finding) error {
	_, err := t.Write([]Row{row(s, f)})
	return err
}

func (t *table) close() error { return t.Close() }

// shelf are feature maps, in a tar archive that webdataset reads: of each picture NAME.json, which says whose they are, and
// NAME.safetensors, where NAME is a hash of its path, key and place. So no name in it is of anybody else's making.
type shelf struct {
	*tar.Writer
	config Config
}

// About says whose feature maps a sample of the output has.
type About struct {
	Input  string `json:"input"`
	Key    string `json:"key,omitempty"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

func (m *shelf) add(s *sample, f finding) error {
	about, err := json.Marshal(About{s.source, s.key, f.size.Width, f.size.Height})
	if err != nil {
		return err
	}
	var list []loader.Saved
	for _, f := range f.features {
		list = append(list, loader.Saved{Name: f.Name, Shape: f.Shape, Data: func() ([]float32, error) { return f.Data, nil }})
	}
	said := map[string]string{"input": s.source, "key": s.key, "width": strconv.Itoa(f.size.Width), "height": strconv.Itoa(f.size.Height)}
	var tensors bytes.Buffer
	if err := loader.SaveSafetensors(&tensors, said, list); err != nil {
		return err
	}
	name := hash([]any{s.source, s.key, s.entry})[:20]
	for _, file := range []struct {
		ending string
		data   []byte
	}{{"json", about}, {"safetensors", tensors.Bytes()}} {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("%s.%s", name, file.ending), Mode: 0o644, Size: int64(len(file.data)), Format: tar.FormatUSTAR}
		if err := m.WriteHeader(h); err != nil {
			return err
		}
		if _, err := m.Write(file.data); err != nil {
			return err
		}
	}
	return nil
}

func (m *shelf) close() error { return m.Close() }
