package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/file"
)

// earlier are the results of a run before, which this one goes on with. The zero value has none.
type earlier struct {
	path    string
	inputs  map[string]bool // that have a result, by their path
	images  map[int64]bool  // likewise, of COCO's results
	results []any           // as they are printed again
	here    bool            // the output is this very file: nothing is printed again
	cut     bool            // the file ended in the middle of a result
	whole   int64           // bytes before that
}

// mostResults bounds a file of results, in bytes.
const mostResults = 1 << 30

// asked is told apart by everything that decides what is found in a picture.
type asked struct {
	Model, Arch, Weights, Entry, Vocabulary, Size string
	Query                                         glipvk.Query
	Threshold                                     float64
	Max                                           int
	Overrides                                     map[string]float32
	Stored                                        bool // pictures as they are stored
}

// hash is that of what is asked, short enough to stand beside every result.
func (a asked) hash() string {
	text, err := json.Marshal(a)
	if err != nil {
		return "" // a threshold that is no number, which is refused before
	}
	return fmt.Sprintf("%.6x", sha256.Sum256(text))
}

// written is what is read of a result: of one input, or of one box as COCO has them.
type written struct {
	Input   *string `json:"input"`
	Error   string  `json:"error"`
	Image   *int64  `json:"image_id"`
	Weights string  `json:"weights"`
	Asked   string  `json:"asked"`
}

// resume reads the results of --resume, which must have been made with the same weights for the same question.
func (j *search) resume(ctx context.Context, stdout, stderr io.Writer) error {
	path := j.flags.resume
	if path == "" {
		return nil
	}
	data, err := file.ReadAll(ctx, path, mostResults)
	if err != nil {
		return cli.Usage("--resume: %w", err)
	}
	e := earlier{path: path, inputs: map[string]bool{}, images: map[int64]bool{}, here: isFile(stdout, path)}
	switch {
	case e.here && len(data) == 0:
		fmt.Fprintf(stderr, "glip: --resume %s: nothing is in the file yet, so all inputs are taken; to go on there, append: >> %s\n", path, path)
		return nil
	case e.here && j.flags.format != "jsonl":
		return cli.Usage("--resume %s: a list cannot go on in its own file; send the output to another", path)
	}
	if err := e.read(data, j); err != nil {
		return cli.Usage("--resume %s: %w", path, err)
	}
	if e.cut {
		fmt.Fprintf(stderr, "glip: --resume %s: the last result is cut short and is made again\n", path)
	}
	if e.cut && e.here {
		if err := file.Truncate(path, e.whole); err != nil {
			return cli.Usage("--resume: %w", err)
		}
	}
	if len(e.images) > 0 {
		fmt.Fprintf(stderr, "glip: --resume %s: COCO's results do not say what was asked; it must have been the same of the same inputs\n", path)
	}
	j.earlier = e
	return nil
}

// isFile says whether what is written goes into the file at path.
func isFile(w io.Writer, path string) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	a, err := f.Stat()
	b, failed := os.Stat(path)
	return err == nil && failed == nil && os.SameFile(a, b)
}

// read takes the results of a list, or of lines, as far as they are whole.
func (e *earlier) read(data []byte, j *search) error {
	list := bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("["))
	dec := json.NewDecoder(bytes.NewReader(data))
	if list {
		if _, err := dec.Token(); err != nil {
			return err
		}
	}
	for dec.More() {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		rest := bytes.TrimLeft(data[dec.InputOffset():], " \t\r")
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF), err == nil && !list && !bytes.HasPrefix(rest, []byte("\n")):
			e.cut = true
			return nil
		case err != nil:
			return fmt.Errorf("it holds no results of glip detect: %w", err)
		}
		if err := e.take(raw, j); err != nil {
			return err
		}
		e.whole = int64(len(data) - len(rest) + 1)
	}
	if _, err := dec.Token(); list && err != nil {
		e.cut = true // before the list was closed, between two results
	}
	return nil
}

// take adds a result, unless it is a failure or of another question.
func (e *earlier) take(raw json.RawMessage, j *search) error {
	var w written
	if err := json.Unmarshal(raw, &w); err != nil || (w.Input == nil) == (w.Image == nil) {
		return fmt.Errorf("%.60q is no result of glip detect", raw)
	}
	coco := w.Image != nil
	label := j.label()
	if coco {
		label = j.made()
	}
	switch {
	case coco != (j.flags.format == "coco"):
		return errors.New("COCO's results and others do not go together: give the --format that the file has")
	case w.Weights != label:
		return fmt.Errorf("it was made with weights %q, this run has %q", w.Weights, label)
	case !coco && w.Asked != j.asked:
		return errors.New("it was made with another query, model, size, threshold or number of detections")
	case w.Error != "":
		return nil
	case coco:
		e.images[*w.Image] = true
	default:
		e.inputs[filepath.Clean(*w.Input)] = true
	}
	e.results = append(e.results, raw)
	return nil
}

// left are the inputs that have no result yet.
func (e *earlier) left(all []*sighting, number map[*sighting]int64) (list []*sighting) {
	for _, s := range all {
		if s.stream != nil || !e.inputs[filepath.Clean(s.path)] && !e.images[number[s]] {
			list = append(list, s)
		}
	}
	return list
}
