package labels

import (
	"context"
	"io"
	"math"

	"github.com/glipvk/glipvk/internal/jsonlist"
)

// row is one of the table of detections, with the names of its columns in JSON and in Parquet.
type row struct {
	Image   string   `json:"image" parquet:"image,dict"`
	Width   int      `json:"width" parquet:"width"`
	Height  int      `json:"height" parquet:"height"`
	Label   int      `json:"label" parquet:"label"` // from 1, as everywhere in what this program prints
	Class   string   `json:"class" parquet:"class,dict"`
	Score   *float64 `json:"score" parquet:"score,optional"`
	X1      float64  `json:"x1" parquet:"x1"`
	Y1      float64  `json:"y1" parquet:"y1"`
	X2      float64  `json:"x2" parquet:"x2"`
	Y2      float64  `json:"y2" parquet:"y2"`
	Model   string   `json:"model" parquet:"model,dict"`
	Weights string   `json:"weights" parquet:"weights,dict"`
	Prompt  string   `json:"prompt" parquet:"prompt,dict"`
	Part    string   `json:"split,omitempty" parquet:"split,optional,dict"`
}

// pictureRow is one of the table of pictures: all of them, so that those without detections are there too.
type pictureRow struct {
	Image      string `json:"image" parquet:"image"`
	Width      int    `json:"width" parquet:"width"`
	Height     int    `json:"height" parquet:"height"`
	Detections int    `json:"detections" parquet:"detections"`
	Part       string `json:"split,omitempty" parquet:"split,optional,dict"`
}

// unset leaves the corners of a row that is read, until they are, no numbers.
func (r *row) unset() { r.X1, r.Y1, r.X2, r.Y2 = math.NaN(), math.NaN(), math.NaN(), math.NaN() }

// part is the name of the part that a picture is in, "" where there are none.
func (t *target) part(name string) string {
	if !t.Split.on() {
		return ""
	}
	return Parts[t.Split.Part(name)]
}

// rows are those of a picture.
func (t *target) rows(p *Picture) []row {
	var list []row
	for _, o := range p.Objects {
		r := row{
			Image: p.Name, Width: p.Width, Height: p.Height, Label: o.Class + 1, Class: t.Classes[o.Class],
			X1: o.Box.X1, Y1: o.Box.Y1, X2: o.Box.X2, Y2: o.Box.Y2, Model: t.Model, Weights: t.Weights, Prompt: t.Prompt, Part: t.part(p.Name),
		}
		if o.Scored {
			r.Score = &o.Score
		}
		list = append(list, r)
	}
	return list
}

// pictureRow is the row of a picture.
func (t *target) pictureRow(p *Picture) pictureRow {
	return pictureRow{p.Name, p.Width, p.Height, len(p.Objects), t.part(p.Name)}
}

func jsonLines() Format {
	return Format{
		Name: "jsonl", About: "a table as JSON Lines, a row a detection",
		Files:  "detections.jsonl; pictures.jsonl has a row for every picture",
		Writes: true, Reads: true, Scores: true, Split: true, Empty: true, read: readJSONLines,
		open: func(t *target) (*view, error) {
			return &view{documents: []document{
				{"detections.jsonl", func(ctx context.Context, w io.Writer, all *pictures) error {
					e := jsonlist.Encoder(w)
					return all.walk(ctx, whole, func(p *Picture) error {
						for _, r := range t.rows(p) {
							if err := e.Encode(r); err != nil {
								return err
							}
						}
						return nil
					})
				}},
				{"pictures.jsonl", func(ctx context.Context, w io.Writer, all *pictures) error {
					e := jsonlist.Encoder(w)
					return all.walk(ctx, whole, func(p *Picture) error { return e.Encode(t.pictureRow(p)) })
				}},
			}}, nil
		},
	}
}
