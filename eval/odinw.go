package eval

import (
	"bufio"
	"context"
	"fmt"
	"io"
)

// ODinW is the measure of several data sets: the plain mean of their AP, each COCO's. A data set without a truth, which has none, is an error.
// Errors wrap [ErrInput].
func ODinW(sets map[string]*Evaluation) (float64, error) {
	sum := 0.0
	for name, e := range sets {
		ap := e.Stats().AP
		if ap < 0 {
			return 0, fmt.Errorf("eval: %w: data set %s has no AP: nothing is annotated in it", ErrInput, name)
		}
		sum += ap
	}
	if len(sets) == 0 {
		return 0, fmt.Errorf("eval: %w: no data sets", ErrInput)
	}
	return sum / float64(len(sets)), nil
}

// ReadSubmission reads results of several data sets, as ODinW's leader board takes them: an object with a list of COCO's results by name. Errors
// wrap [ErrInput] or are those of reading.
func ReadSubmission(ctx context.Context, path string) (map[string][]Found, error) {
	sets := map[string][]Found{}
	err := scan(ctx, path, mostBytes, func(s *scanner) error {
		return s.object(func(name []byte) (err error) {
			key := string(name)
			if _, twice := sets[key]; twice || len(sets) == mostCategories {
				return s.bad("the data set %.40q comes twice, or there are more than %d", key, mostCategories)
			}
			sets[key], err = s.results()
			return err
		})
	})
	return sets, err
}

// csvRow is a row of GLIP's table.
type csvRow struct {
	threshold float64 // negative for all
	area      int
	name      string
	most      int // results of a picture and category
}

func (e *Evaluation) csvRows() []csvRow {
	last := e.Params.Caps[len(e.Params.Caps)-1]
	return []csvRow{{-1, 0, "all", 100}, {0.5, 0, "all", last}, {-1, 1, "small", last}, {-1, 2, "medium", last}, {-1, 3, "large", last}}
}

// WriteCSV writes the table that GLIP writes beside its results (bbox.csv): a column for each category and a mean, in which categories without
// truths count as -1. A row of nothing but such is its title without an end of the line, as there. names are those of the categories by id.
func (e *Evaluation) WriteCSV(w io.Writer, names map[int64]string) error {
	b := bufio.NewWriter(w)
	b.WriteString("metric, ")
	for _, id := range e.Categories {
		fmt.Fprintf(b, "%s, ", names[id])
	}
	b.WriteString("avg \n")
	for _, row := range e.csvRows() {
		lines := e.lines()
		span := lines.span
		if row.threshold >= 0 {
			span = fmt.Sprintf("%0.2f", row.threshold)
		}
		fmt.Fprintf(b, " %-18s (AP) @[ IoU=%-9s | area=%6s | maxDets=%3d ], ", "Average Precision", span, row.name, row.most)
		values, average, ok := e.csvRow(row)
		if !ok {
			continue
		}
		for _, v := range values {
			b.WriteString(shortest(v) + ", ")
		}
		b.WriteString(shortest(average) + " \n")
	}
	return b.Flush()
}

// CSVAverage is the last column of the first row of [Evaluation.WriteCSV]; -1 without any truth.
func (e *Evaluation) CSVAverage() float64 {
	_, average, ok := e.csvRow(e.csvRows()[0])
	if !ok {
		return -1
	}
	return average
}

// csvRow is the mean of each category with -1 where it has no truths, and their mean; false where none has, or the caps do not name that of the row.
func (e *Evaluation) csvRow(row csvRow) (values []float64, average float64, ok bool) {
	k, m := len(e.Categories), len(e.Params.Caps)
	at := -1
	for i, most := range e.Params.Caps {
		if most == row.most {
			at = i
		}
	}
	if at < 0 {
		return nil, 0, false
	}
	for ki := range e.Categories {
		var list []float64
		for t, threshold := range e.Params.Thresholds {
			for r := range recalls {
				if row.threshold < 0 || threshold == row.threshold {
					v := e.Precision[(((t*recalls+r)*k+ki)*areas+row.area)*m+at]
					list, ok = append(list, v), ok || v > -1
				}
			}
		}
		values = append(values, mean(list))
		average += values[ki]
	}
	return values, average / float64(k), ok
}
