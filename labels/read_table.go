package labels

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/internal/jsonlist"
)

// tables reads the two tables of a set, whatever they are written as.
type tables struct {
	*builder
	at     map[string]int // pictures by name as the table has it
	parts  []string       // of pictures; "" where the rows do not say
	rows   []int          // rows of each picture
	counts []int          // and as the table of pictures says; -1 where there is none
	names  map[int]string // of classes, by their label
	labels map[string]int // the other way
	ended  bool           // the table of pictures was there: others are unknown
}

// readTables reads a table of detections and, where it is there, the one of pictures beside it; rows and shown read one file each.
func readTables(ctx context.Context, at, ending string, o ReadOptions,
	rows func(ctx context.Context, path string, take func(row, string) error) error,
	shown func(ctx context.Context, path string, take func(pictureRow, string) error) error,
) (*Set, error) {
	at, err := oneOf(at, "detections"+ending)
	if err != nil {
		return nil, err
	}
	o.Pictures = cmp.Or(o.Pictures, filepath.Dir(at))
	b, err := build(o, nil)
	if err != nil {
		return nil, err
	}
	t := &tables{builder: b, at: map[string]int{}, names: map[int]string{}, labels: map[string]int{}}
	beside := filepath.Join(filepath.Dir(at), "pictures"+ending)
	if _, err := os.Stat(beside); err == nil || !errors.Is(err, fs.ErrNotExist) {
		if err := shown(ctx, beside, func(r pictureRow, where string) error { return t.shown(ctx, r, where) }); err != nil {
			return nil, inFile(beside, err)
		}
		t.ended = true
	}
	if err := rows(ctx, at, func(r row, where string) error { return t.row(ctx, r, where) }); err != nil {
		return nil, inFile(at, err)
	}
	return t.done()
}

// inFile names the file that an error is about, unless it is the context's.
func inFile(path string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%s: %w", filepath.Base(path), err)
}

// shown begins the picture of a row.
func (t *tables) shown(ctx context.Context, r pictureRow, where string) error {
	if _, twice := t.at[r.Image]; twice {
		return fmt.Errorf("%w: %s: %.80q is there twice", ErrLabels, where, r.Image)
	}
	p, err := t.picture(ctx, r.Image, float64(r.Width), float64(r.Height), filepath.Join(t.options.Pictures, filepath.FromSlash(r.Image)))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrLabels, where, err)
	}
	t.at[r.Image] = len(t.set.Pictures)
	t.add(p)
	t.parts, t.counts, t.rows = append(t.parts, r.Part), append(t.counts, r.Detections), append(t.rows, 0)
	return nil
}

// row adds a detection.
func (t *tables) row(ctx context.Context, r row, where string) error {
	i, known := t.at[r.Image]
	switch {
	case !known && t.ended:
		t.set.Report.note(&t.set.Report.Unknown, "%s: the table of pictures does not have %.80q", where, r.Image)
		return nil
	case !known:
		if err := t.shown(ctx, pictureRow{r.Image, r.Width, r.Height, -1, r.Part}, where); err != nil {
			return err
		}
		i = t.at[r.Image]
	}
	p := &t.set.Pictures[i]
	t.rows[i]++
	other, twice := t.labels[r.Class]
	switch name, named := t.names[r.Label]; {
	case r.Width != p.Width || r.Height != p.Height:
		return fmt.Errorf("%w: %s: %s is %d x %d pixels here and %d x %d in an earlier row", ErrLabels, where, p.Name, r.Width, r.Height, p.Width, p.Height)
	case r.Label < 1 || r.Label > mostClasses:
		return fmt.Errorf("%w: %s: the label is %d, want 1 to %d", ErrLabels, where, r.Label, mostClasses)
	case named && name != r.Class:
		return fmt.Errorf("%w: %s: the label %d is the class %.80q here and %.80q in an earlier row", ErrLabels, where, r.Label, r.Class, name)
	case !named && twice:
		return fmt.Errorf("%w: %s: the class %.80q has the label %d here and %d in an earlier row", ErrLabels, where, r.Class, r.Label, other)
	case !named:
		t.names[r.Label], t.labels[r.Class] = r.Class, r.Label
	}
	class, err := t.class(r.Class, where)
	if err != nil {
		return err
	}
	o := Object{Class: class, Box: Box{r.X1, r.Y1, r.X2, r.Y2}}
	if r.Score != nil {
		o.Score, o.Scored = *r.Score, true
	}
	return t.object(p, o, where)
}

// done is the set: classes are in the order of their labels, which are their numbers, and a part is what its rows say.
func (t *tables) done() (*Set, error) {
	for i, n := range t.counts {
		if n >= 0 && n != t.rows[i] {
			return nil, fmt.Errorf("%w: %s has %d rows, and the table of pictures says %d: one of the two files is not whole, or of another set", ErrLabels, t.set.Pictures[i].Name, t.rows[i], n)
		}
	}
	if t.options.Part != "" {
		if err := t.part(); err != nil {
			return nil, err
		}
	}
	if t.options.Classes != nil {
		return t.builder.done()
	}
	to := make([]int, len(t.set.Classes))
	var classes []string
	for _, label := range slices.Sorted(maps.Keys(t.names)) {
		to[t.classes[t.names[label]]] = len(classes)
		classes = append(classes, t.names[label])
		t.set.CategoryIDs = append(t.set.CategoryIDs, int64(label))
	}
	t.set.Classes, t.fixed = classes, true
	t.renumber(to)
	return t.builder.done()
}

// part leaves the pictures of a part.
func (t *tables) part() error {
	if !slices.ContainsFunc(t.parts, func(p string) bool { return p != "" }) {
		if t.options.PartIfAny {
			return nil
		}
		return fmt.Errorf("%w: no row says in split which part it is of", ErrLabels)
	}
	var kept []Picture
	for i, p := range t.set.Pictures {
		if t.parts[i] == t.options.Part {
			kept = append(kept, p)
		}
	}
	if t.set.Pictures = kept; len(kept) == 0 {
		return fmt.Errorf("%w: no row is of the part %s", ErrLabels, t.options.Part)
	}
	return nil
}

func readJSONLines(ctx context.Context, at string, o ReadOptions) (*Set, error) {
	return readTables(ctx, at, ".jsonl", o, jsonRows[row], jsonRows[pictureRow])
}

// mostRow bounds a row of a table as JSON, in bytes.
const mostRow = 1 << 20

// jsonRows reads the rows of a file, a line each.
func jsonRows[T any](ctx context.Context, path string, take func(T, string) error) error {
	f, err := stream(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return jsonLinesOf(ctx, f, take)
}

func jsonLinesOf[T any](ctx context.Context, in io.Reader, take func(T, string) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<16), mostRow)
	number := 1
	for ; lines.Scan(); number++ {
		if number%1024 == 1 && ctx.Err() != nil {
			return ctx.Err()
		}
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		where := fmt.Sprintf("line %d", number)
		var r T
		if u, ok := any(&r).(interface{ unset() }); ok {
			u.unset()
		}
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return fmt.Errorf("%w: %s: %w; want a row of the table, an object", ErrLabels, where, jsonlist.Explained(err))
		}
		if err := take(r, where); err != nil {
			return err
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("%w: line %d is longer than %d bytes", ErrLabels, number, mostRow)
	} else if err != nil {
		return err
	}
	return nil
}
