package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/glipvk/glipvk/eval"
)

// tables prints what stands behind the reference's lines.
func (r *evalReport) tables(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { fmt.Fprintf(tw, format+"\n", args...) }
	if len(r.intervalOrder) > 0 {
		row("\nnumber\tmeasured\t95 in 100")
		for _, name := range r.intervalOrder {
			row("%s\t%s\t%s", name, decimals(known(r.Numbers[name])), between(r.Intervals[name]))
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	if len(r.Classes) > 0 {
		head := "\ncategory\ttruths\tAP\tAP50\tAR"
		if len(r.intervalOrder) > 0 {
			head += "\tAP, 95 in 100"
		}
		row("%s", head)
		for _, c := range r.Classes {
			line := fmt.Sprintf("%s\t%d\t%s\t%s\t%s", cmp.Or(c.Name, strconv.FormatInt(c.ID, 10)), c.Truths, decimals(c.AP), decimals(c.AP50), decimals(c.AR))
			if c.Interval != nil {
				line += "\t" + between(*c.Interval)
			}
			row("%s", line)
		}
	}
	if len(r.Confusions) > 0 {
		row("\n%s\ttaken for\ttimes", "thing")
		for _, c := range r.Confusions {
			row("%s\t%s\t%d", c.Truth, c.Found, c.Count)
		}
	}
	if len(r.Worst) > 0 {
		row("\npicture\tmissed\tconfused\twrong\tright\tfile")
		for _, p := range r.Worst {
			row("%d\t%d\t%d\t%d\t%d\t%s", p.Picture, p.Missed, p.Confused, p.Wrong, p.Right, cmp.Or(p.Drawn, p.File))
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if len(r.Worst)+len(r.Confusions) > 0 {
		fmt.Fprintf(w, "\nMistakes are those of results that score %.4g or more, at an overlap of one half.\n", r.Score)
	}
	return printPublished(w, r.Published)
}

// decimals writes a number with four of them, or says that there is none.
func decimals(v *float64) string {
	if v == nil {
		return "no truths"
	}
	return fmt.Sprintf("%.4f", *v)
}

func between(i [2]float64) string {
	if i[0] < 0 {
		return "-"
	}
	return fmt.Sprintf("%.4f to %.4f", i[0], i[1])
}

func sortByCount(list []evalConfusion) {
	slices.SortStableFunc(list, func(a, b evalConfusion) int { return cmp.Compare(b.Count, a.Count) })
}

// tables adds the categories' confusions as a table.
func (b *boxed) tables(set *pending, c *eval.Confusion) error {
	return set.add(b.prefix+"confusion.csv", func(w io.Writer) error {
		t := csv.NewWriter(w)
		head := []string{"truth \\ found"}
		for _, id := range c.Categories {
			head = append(head, b.called(id))
		}
		if err := t.Write(append(head, "not found")); err != nil {
			return err
		}
		for i, counts := range c.Counts {
			line := []string{"nothing"}
			if i < len(c.Categories) {
				line[0] = b.called(c.Categories[i])
			}
			for _, n := range counts {
				line = append(line, strconv.Itoa(n))
			}
			if err := t.Write(line); err != nil {
				return err
			}
		}
		t.Flush()
		return t.Error()
	})
}

// mostTruths are the places of the categories that have most truths, at most so many as get a drawing.
func mostTruths(e *eval.Evaluation) (places []int) {
	count := make([]int, len(e.Categories))
	for k := range e.Categories {
		if count[k], _ = e.CategoryCount(k); count[k] > 0 {
			places = append(places, k)
		}
	}
	slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(count[b], count[a]) })
	return places[:min(len(places), mostCurves)]
}

// plainName is a name as a part of a file's: letters and digits, and _ for the rest.
func plainName(name string) string {
	plain := []rune(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, name))
	return string(plain[:min(len(plain), 40)])
}
