package labels

import (
	"context"
	"io"

	"github.com/parquet-go/parquet-go"
)

// rowGroup is how many rows of a table are held in memory until they are written.
const rowGroup = 1 << 16

func parquetTables() Format {
	return Format{
		Name: "parquet", About: "a table as Parquet, a row a detection", Files: "detections.parquet; pictures.parquet has a row for every picture",
		Writes: true, Reads: true, Scores: true, Split: true, Empty: true, read: readParquet,
		open: func(t *target) (*view, error) {
			return &view{documents: []document{
				{"detections.parquet", func(ctx context.Context, w io.Writer, all *pictures) error { return table(ctx, w, all, t.rows) }},
				{"pictures.parquet", func(ctx context.Context, w io.Writer, all *pictures) error {
					return table(ctx, w, all, func(p *Picture) []pictureRow { return []pictureRow{t.pictureRow(p)} })
				}},
			}}, nil
		},
	}
}

// table writes the rows of all pictures.
func table[T any](ctx context.Context, w io.Writer, all *pictures, rows func(p *Picture) []T) error {
	out := parquet.NewGenericWriter[T](w, parquet.Compression(&parquet.Snappy), parquet.CreatedBy("glip", "", ""), parquet.MaxRowsPerRowGroup(rowGroup))
	err := all.walk(ctx, whole, func(p *Picture) error {
		_, err := out.Write(rows(p))
		return err
	})
	if err != nil {
		return err // without the end, which would make a whole file of it
	}
	return out.Close()
}
