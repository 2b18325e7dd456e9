package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/jsonlist"
)

// printer prints what is found.
type printer struct {
	begin func() error // what comes first
	show  func(*sighting) error
	end   func() error // what comes last
}

// printer is that of the format that was asked for; number counts pictures as COCO does.
func (j *search) printer(w io.Writer, number map[*sighting]int64) printer {
	list := &jsonlist.List{W: w, Indent: indent}
	each := func(s *sighting) []any { return []any{j.document(s)} }
	switch j.flags.format {
	case "jsonl":
		lines := jsonlist.Encoder(w)
		add := func(results ...any) error {
			for _, r := range results {
				if err := lines.Encode(r); err != nil {
					return err
				}
			}
			return nil
		}
		return printer{
			begin: func() error {
				if j.earlier.here {
					return nil
				}
				return add(j.earlier.results...)
			},
			show: func(s *sighting) error { return add(each(s)...) },
			end:  func() error { return nil },
		}
	case "coco":
		each = j.coco(number)
		fallthrough
	case "json":
		return printer{
			begin: func() error { return list.Add(j.earlier.results...) },
			show:  func(s *sighting) error { return list.Add(each(s)...) },
			end:   func() error { return endJSON(list) },
		}
	}
	return printer{begin: func() error { return j.head(w) }, show: func(s *sighting) error { return j.print(w, s) }, end: func() error { return nil }}
}

// head says what computes.
func (j *search) head(w io.Writer) error {
	if j.finder == nil {
		return nil // all inputs have results already, or an interrupt came before
	}
	d := j.finder
	_, err := fmt.Fprintf(w, "%s, weights %s, %s, %s\n", d.Info().Name, weightsText(d.Weights()), precisionText(d.Device()), deviceText(d.Device()))
	return err
}

// print writes the table of boxes and, where asked for, that of differences.
func (j *search) print(w io.Writer, s *sighting) error {
	if s.err != nil {
		return nil
	}
	fmt.Fprintf(w, "\n%s, %d x %d (width x height), %s: ", s.path, s.size.Width, s.size.Height, secondsText(s.seconds))
	if len(s.found) == 0 {
		if _, err := fmt.Fprintf(w, "nothing scores above %g\n", j.flags.threshold); err != nil {
			return err
		}
	} else if err := printBoxes(w, s.found); err != nil {
		return err
	}
	return s.printRest(w)
}

// printBoxes writes a row for each box.
func printBoxes(w io.Writer, found []glipvk.Detection) error {
	fmt.Fprintf(w, "%s\n", counted(len(found), "box", "boxes"))
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "x1\ty1\tx2\ty2\tscore\tlabel\t  phrase")
	for _, f := range found {
		fmt.Fprintf(tw, "%.1f\t%.1f\t%.1f\t%.1f\t%.3f\t%d\t  %q\n", f.Box.X1, f.Box.Y1, f.Box.X2, f.Box.Y2, f.Score, f.Label, f.Phrase)
	}
	return tw.Flush()
}

// printRest writes what follows the results of an input: how far they are from the CPU
// reference's, and the files.
func (o *outcome) printRest(w io.Writer) error {
	if len(o.checks) > 0 {
		fmt.Fprintln(w, "against the CPU reference:")
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(tw, "value\tworst difference\tof largest value\trelative L2\t")
		for _, d := range o.checks {
			word := "ok"
			if !d.OK() {
				word = "TOO FAR"
			}
			fmt.Fprintf(tw, "%s\t%.3g\t%.4g\t%.3g\t%s\n", d.Name, d.MaxAbs, d.AbsMax, d.RelativeL2, word)
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	if len(o.files) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s: %s\n", o.stem, few(o.files))
	return err
}

// sightingDocument is the JSON form of what was found in one input.
type sightingDocument struct {
	Input      string              `json:"input"`
	Width      int                 `json:"width"`
	Height     int                 `json:"height"`
	Detections []detectionDocument `json:"detections"`
	Seconds    float64             `json:"seconds,omitempty"`
	Model      string              `json:"model"`
	Weights    string              `json:"weights"`
	Asked      string              `json:"asked"` // tells what was asked, as --resume compares it
	Device     string              `json:"device"`
	Fallback   string              `json:"fallback,omitempty"` // why auto took the CPU
	Verify     []glipvk.Difference `json:"verify,omitempty"`
	Files      []string            `json:"files,omitempty"`
	Error      string              `json:"error,omitempty"`
}

// detectionDocument is the JSON form of one box: x1, y1, x2, y2 in pixels of the picture,
// both corners within; labels count from 1; the span is [begin, end) of the caption in
// code points.
type detectionDocument struct {
	Box    [4]float64 `json:"box"`
	Score  float64    `json:"score"`
	Label  int        `json:"label"`
	Phrase string     `json:"phrase"`
	Span   [2]int     `json:"span"`
}

func (j *search) document(s *sighting) sightingDocument {
	device := j.finder.Device()
	d := sightingDocument{
		Input: s.path, Width: s.size.Width, Height: s.size.Height, Detections: []detectionDocument{}, Seconds: s.seconds,
		Model: j.finder.Info().Name, Weights: j.finder.Weights(), Asked: j.asked, Device: device.Name, Fallback: device.Fallback, Verify: s.checks, Files: s.files,
	}
	if s.err != nil {
		d.Error = cli.Words(s.err.Error())
	}
	for _, f := range s.found {
		d.Detections = append(d.Detections, detectionDocument{
			Box: f.Box.Corners(), Score: f.Score, Label: f.Label, Phrase: f.Phrase, Span: [2]int{f.Span.Begin, f.Span.End},
		})
	}
	return d
}
