package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/glipvk/glipvk/labels"
)

// report prints what is in the set.
func (j *labelling) report(t *tally, summaries []labels.Summary, page string) error {
	w := j.stdout
	if j.looked > 0 {
		fmt.Fprintf(w, "%s in %s, %.3g a second\n", counted(j.looked, "picture", "pictures"), secondsText(j.seconds), float64(j.looked)/max(j.seconds, 1e-9))
	}
	fmt.Fprintf(w, "%s: %d with labels, %d empty, %d skipped", counted(t.pictures+len(j.skipped), "picture", "pictures"), t.pictures-t.empty, t.empty, len(j.skipped))
	if len(j.skipped) > 0 {
		fmt.Fprintf(w, " (%s says why)", filepath.Join(j.labelFlags.out, skippedName))
	}
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "boxes\tpictures\tlowest\thighest\t  class")
	for i, c := range t.classes {
		lowest, highest := "", ""
		if c.boxes > 0 {
			lowest, highest = fmt.Sprintf("%.3f", c.lowest), fmt.Sprintf("%.3f", c.best)
		}
		fmt.Fprintf(tw, "%d\t%d\t%s\t%s\t  %q\n", c.boxes, c.pictures, lowest, highest, t.rule.Classes[i].Name)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if left := t.leftOut(); left != "" {
		fmt.Fprintf(w, "boxes that are no labels: %s\n", left)
	}
	if why := t.nothing(); why != "" {
		fmt.Fprintln(w, why)
	}
	for i, f := range j.set.formats {
		s := summaries[i]
		fmt.Fprintf(w, "%s: %s%s\n", f.name, f.where(j.labelFlags.out, s), partsText(s))
		if s.Dropped > 0 {
			fmt.Fprintf(w, "%s: %s left out for having no area within the picture\n", f.name, counted(s.Dropped, "box is", "boxes are"))
		}
	}
	if page == "" {
		return nil
	}
	_, err := fmt.Fprintf(w, "to look at: %s\n", page)
	return err
}

// where lists the files of the set, or its folder where pictures have files of their own only.
func (f labelFormat) where(out string, s labels.Summary) string {
	if len(s.Files) == 0 {
		return fmt.Sprintf("a file for each of %s in %s", counted(s.Pictures, "picture", "pictures"), out)
	}
	return few(s.Files)
}

// partsText says how many pictures are in each part, if there is more than one.
func partsText(s labels.Summary) string {
	var words []string
	for i, n := range s.PerPart {
		if n > 0 {
			words = append(words, fmt.Sprintf("%s %d", labels.Parts[i], n))
		}
	}
	if len(words) < 2 {
		return ""
	}
	return " (" + strings.Join(words, ", ") + ")"
}

// leftOut says what became of the boxes that are no labels; "" if there are none.
func (t *tally) leftOut() string {
	var words []string
	for _, w := range []struct {
		fate fate
		why  string
	}{
		{below, "below their threshold"}, {small, "too small"}, {large, "too large"}, {merged, "of a thing that has a better one"},
	} {
		if n := t.by[w.fate]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, w.why))
		}
	}
	return strings.Join(words, ", ")
}

// nothing explains why there are no labels; "" where there are some.
func (t *tally) nothing() string {
	if t.boxes > 0 || t.pictures == 0 {
		return ""
	}
	h := t.highest
	if t.in == "" {
		return fmt.Sprintf("nothing is labelled: no box scores above %g. Are these the weights and the words that were meant? \"glip detect --draw --threshold 0\" with one picture shows the best boxes, "+
			"\"glip tokens\" what the model reads; pictures much smaller or larger than --size may want another", foundFloor)
	}
	c := t.rule.Classes[h.Class].Name
	best := fmt.Sprintf("nothing is labelled: the best box, %q in %s, scores %.3f", c, t.in, h.Score)
	switch h.fate {
	case small:
		return best + " and is too small for --min-size or --min-area"
	case large:
		return best + " and is too large for --max-size or --max-area"
	}
	return fmt.Sprintf("%s, which is not above the threshold %g: the same command with --threshold %.2f --overwrite labels it, without computing anew", best, t.rule.Thresholds[h.Class], lower(h.Score))
}

// lower is a threshold of two digits that a score is above.
func lower(score float64) float64 {
	v := float64(int(score*100)) / 100
	if !(score > v) {
		v -= 0.01
	}
	return max(v, 0)
}
