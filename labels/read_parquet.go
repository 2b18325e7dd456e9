package labels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/parquet-go/parquet-go"
)

func readParquet(ctx context.Context, at string, o ReadOptions) (*Set, error) {
	return readTables(ctx, at, ".parquet", o, parquetRows(rowColumns, rowCells), parquetRows(pictureColumns, pictureCells))
}

// Columns that are read; those that may be absent end in a question mark.
var (
	rowColumns     = []string{"image", "width", "height", "label", "class", "x1", "y1", "x2", "y2", "score?", "split?"}
	pictureColumns = []string{"image", "width", "height", "detections", "split?"}
)

func rowCells(v *cells) row {
	r := row{
		Image: v.text("image"), Width: v.whole("width"), Height: v.whole("height"), Label: v.whole("label"), Class: v.text("class"),
		X1: v.number("x1"), Y1: v.number("y1"), X2: v.number("x2"), Y2: v.number("y2"), Part: v.text("split"),
	}
	if !v.of("score").IsNull() {
		score := v.number("score")
		r.Score = &score
	}
	return r
}

func pictureCells(v *cells) pictureRow {
	return pictureRow{v.text("image"), v.whole("width"), v.whole("height"), v.whole("detections"), v.text("split")}
}

// parquetRows reads the rows of a file with what makes one of its cells.
func parquetRows[T any](columns []string, row func(*cells) T) func(context.Context, string, func(T, string) error) error {
	return func(ctx context.Context, path string, take func(T, string) error) error {
		f, info, err := file.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return parquetOf(ctx, f, info.Size(), columns, row, take)
	}
}

func parquetOf[T any](ctx context.Context, in io.ReaderAt, size int64, columns []string, row func(*cells) T, take func(T, string) error) (err error) {
	defer func() {
		// What the library takes for impossible is the file's fault.
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: damaged Parquet (%v)", ErrLabels, p)
		}
	}()
	f, err := openParquet(ctx, in, size, columns)
	if err != nil {
		return err
	}
	v := &cells{columns: columns, at: make([]column, len(columns))}
	number := 0
	for _, group := range f.RowGroups() {
		if err := v.begin(f.Schema(), group); err != nil {
			return errors.Join(err, v.close())
		}
		for range group.NumRows() {
			if number++; number%1024 == 1 && ctx.Err() != nil {
				return errors.Join(ctx.Err(), v.close())
			}
			where := fmt.Sprintf("row %d", number)
			v.next()
			r := row(v)
			if v.err != nil {
				return errors.Join(fmt.Errorf("%w: %s: %w", ErrLabels, where, v.err), v.close())
			}
			if err := take(r, where); err != nil {
				return errors.Join(err, v.close())
			}
		}
		if err := v.close(); err != nil {
			return err
		}
	}
	return nil
}

// cells is a row, column by column, whatever the types of numbers are.
type cells struct {
	columns []string
	at      []column
	err     error // the first of the row
}

// column is a column of a row group while it is read.
type column struct {
	pages  parquet.Pages // nil where there is none
	page   parquet.Page
	values parquet.ValueReader
	buffer [64]parquet.Value
	n, i   int
	now    parquet.Value // of the row
}

// begin opens the columns of a row group.
func (v *cells) begin(schema *parquet.Schema, group parquet.RowGroup) error {
	chunks := group.ColumnChunks()
	for i, name := range v.columns {
		v.at[i] = column{}
		name, optional := strings.CutSuffix(name, "?")
		leaf, there := schema.Lookup(name)
		switch {
		case !there && optional:
			continue
		case !there:
			return fmt.Errorf("%w: it has no column %s; want the columns %s", ErrLabels, name, strings.ReplaceAll(strings.Join(v.columns, ", "), "?", " (if any)"))
		case leaf.MaxRepetitionLevel > 0 || leaf.MaxDefinitionLevel > 1 || leaf.ColumnIndex >= len(chunks):
			return fmt.Errorf("%w: the column %s has lists; want a value in each row", ErrLabels, name)
		}
		v.at[i].pages = chunks[leaf.ColumnIndex].Pages()
	}
	return nil
}

// next moves to the next row.
func (v *cells) next() {
	v.err = nil
	for i := range v.at {
		if c := &v.at[i]; c.pages != nil {
			if err := c.next(); err != nil && v.err == nil {
				v.err = fmt.Errorf("%s: %w", strings.TrimSuffix(v.columns[i], "?"), err)
			}
		}
	}
}

func (c *column) next() error {
	for empty := 0; c.i == c.n; empty++ {
		if c.values == nil {
			page, err := c.pages.ReadPage()
			if err == io.EOF {
				return errors.New("the column ends before the rows do")
			}
			if err != nil {
				return err
			}
			c.page, c.values = page, page.Values()
		}
		n, err := c.values.ReadValues(c.buffer[:])
		c.n, c.i = n, 0
		switch {
		case err == io.EOF && n > 0: // what is behind them is asked for once more
		case err == io.EOF || err == nil && n == 0:
			parquet.Release(c.page)
			c.page, c.values = nil, nil
		case err != nil:
			return err
		}
		if empty > mostPages {
			return errors.New("the column has too many pages without values")
		}
	}
	c.now = c.buffer[c.i]
	c.i++
	return nil
}

// close lets go of the columns.
func (v *cells) close() error {
	var errs []error
	for i := range v.at {
		c := &v.at[i]
		if c.page != nil {
			parquet.Release(c.page)
		}
		if c.pages != nil {
			errs = append(errs, c.pages.Close())
		}
		*c = column{}
	}
	return errors.Join(errs...)
}

// of is the value of a column.
func (v *cells) of(name string) parquet.Value {
	for i, c := range v.columns {
		if strings.TrimSuffix(c, "?") == name {
			return v.at[i].now
		}
	}
	return parquet.Value{}
}

// odd notes that a value has another type.
func (v *cells) odd(name string, x parquet.Value, want string) {
	if v.err == nil {
		v.err = fmt.Errorf("%s is %.40s, want %s", name, x, want)
	}
}

// text is a text; "" where there is none, if there need not be.
func (v *cells) text(name string) string {
	x := v.of(name)
	switch {
	case x.IsNull() && name == "split":
	case x.Kind() != parquet.ByteArray || x.IsNull():
		v.odd(name, x, "a text")
	case len(x.ByteArray()) > mostName:
		v.odd(name, x, fmt.Sprintf("at most %d bytes", mostName))
	default:
		return string(x.ByteArray())
	}
	return ""
}

// whole is a whole number.
func (v *cells) whole(name string) int {
	switch x := v.of(name); {
	case x.IsNull():
	case x.Kind() == parquet.Int32:
		return int(x.Int32())
	case x.Kind() == parquet.Int64 && x.Int64() >= math.MinInt32 && x.Int64() <= math.MaxInt32:
		return int(x.Int64())
	}
	v.odd(name, v.of(name), "a whole number")
	return 0
}

// number is a number.
func (v *cells) number(name string) float64 {
	switch x := v.of(name); {
	case x.IsNull():
	case x.Kind() == parquet.Double:
		return x.Double()
	case x.Kind() == parquet.Float:
		return float64(x.Float())
	}
	v.odd(name, v.of(name), "a number")
	return 0
}
