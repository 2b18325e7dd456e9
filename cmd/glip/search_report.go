package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/glipvk/glipvk"
)

// report prints the results and the failures, and returns what decides the exit status.
func (j *search) report(stdout, stderr io.Writer) error {
	var err error
	switch j.flags.format {
	case "json":
		err = writeJSON(stdout, j.documents())
	case "coco":
		err = writeJSON(stdout, j.coco())
	default:
		err = j.print(stdout)
	}
	if err != nil {
		return err
	}
	return verdict(stderr, j.results)
}

// print writes the table of boxes and, where asked for, that of differences.
func (j *search) print(w io.Writer) error {
	d := j.finder
	fmt.Fprintf(w, "%s, weights %s, %s, %s\n", d.Name(), d.Weights(), precisionText(d.Device()), deviceText(d.Device()))
	for _, s := range j.results {
		if s.err != nil {
			continue
		}
		fmt.Fprintf(w, "\n%s, %d x %d (width x height), %s: ", s.path, s.size.Width, s.size.Height, secondsText(s.seconds))
		if len(s.found) == 0 {
			fmt.Fprintf(w, "nothing scores above %g\n", j.flags.threshold)
		} else if err := printBoxes(w, s.found); err != nil {
			return err
		}
		if len(s.checks) > 0 {
			if err := printDifferences(w, s.checks); err != nil {
				return err
			}
		}
		if len(s.files) > 0 {
			fmt.Fprintf(w, "%s: %s\n", s.stem, filesText(s.files))
		}
	}
	return nil
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

// printDifferences writes how far values are from the CPU reference's.
func printDifferences(w io.Writer, checks []glipvk.Difference) error {
	fmt.Fprintln(w, "against the CPU reference:")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "value\tworst difference\tof largest value\trelative L2\t")
	for _, d := range checks {
		word := "ok"
		if !d.OK() {
			word = "TOO FAR"
		}
		fmt.Fprintf(tw, "%s\t%.3g\t%.4g\t%.3g\t%s\n", d.Name, d.MaxAbs, d.AbsMax, d.RelativeL2, word)
	}
	return tw.Flush()
}

// counted is a number with its noun.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// sightingDocument is the JSON form of what was found in one input.
type sightingDocument struct {
	Input      string              `json:"input"`
	Width      int                 `json:"width"`
	Height     int                 `json:"height"`
	Detections []detectionDocument `json:"detections"`
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

func (j *search) documents() []sightingDocument {
	list := []sightingDocument{}
	for _, s := range j.results {
		d := sightingDocument{
			Input: s.path, Width: s.size.Width, Height: s.size.Height, Detections: []detectionDocument{},
			Verify: s.checks, Files: s.files,
		}
		if s.err != nil {
			d.Error = s.err.Error()
		}
		for _, f := range s.found {
			d.Detections = append(d.Detections, detectionDocument{
				Box: [4]float64{f.Box.X1, f.Box.Y1, f.Box.X2, f.Box.Y2}, Score: f.Score,
				Label: f.Label, Phrase: f.Phrase, Span: [2]int{f.Span.Begin, f.Span.End},
			})
		}
		list = append(list, d)
	}
	return list
}
