package labels

import (
	"context"
	"io"
	"strconv"

	"github.com/glipvk/glipvk/internal/jsonlist"
)

// What a line of ODVG is made of.
type (
	odvgLine struct {
		FileName  string        `json:"filename"`
		Height    int           `json:"height"`
		Width     int           `json:"width"`
		Detection odvgDetection `json:"detection"`
	}
	odvgDetection struct {
		Instances []odvgInstance `json:"instances"`
	}
	odvgInstance struct {
		Box      [4]float64 `json:"bbox"` // corners
		Label    int        `json:"label"`
		Category string     `json:"category"`
	}
)

func odvg() Format {
	return Format{
		Name: "odvg", About: "ODVG's JSON Lines, which MM-Grounding-DINO and Open-GroundingDINO train with",
		Files:  "odvg.jsonl, or one of train.jsonl, val.jsonl and test.jsonl for each part; label_map.json",
		Writes: true, Split: true, Empty: true, Clips: true,
		open: func(t *target) (*view, error) {
			return &view{documents: append(t.parted("odvg", ".jsonl", t.odvg),
				document{"label_map.json", func(_ context.Context, w io.Writer, _ *pictures) error {
					names := map[string]string{}
					for i, c := range t.Classes {
						names[strconv.Itoa(i)] = c
					}
					return jsonlist.Encoder(w).Encode(names)
				}})}, nil
		},
	}
}

func (t *target) odvg(ctx context.Context, w io.Writer, all *pictures, part int) error {
	e := jsonlist.Encoder(w)
	return all.walk(ctx, part, func(p *Picture) error {
		line := odvgLine{FileName: p.Name, Height: p.Height, Width: p.Width, Detection: odvgDetection{[]odvgInstance{}}}
		for _, o := range p.Objects {
			line.Detection.Instances = append(line.Detection.Instances, odvgInstance{[4]float64{o.Box.X1, o.Box.Y1, o.Box.X2, o.Box.Y2}, o.Class, t.Classes[o.Class]})
		}
		return e.Encode(line)
	})
}

// folderLine is a line of an image folder's metadata.
type folderLine struct {
	FileName string        `json:"file_name"`
	Objects  folderObjects `json:"objects"`
}

type folderObjects struct {
	Boxes      [][4]float64 `json:"bbox"` // left, top, width and height
	Categories []int        `json:"categories"`
}

func imageFolder() Format {
	return Format{
		Name: "imagefolder", About: "an image folder's metadata.jsonl, as data hubs load it", Files: "metadata.jsonl, which belongs beside the pictures; classes.txt",
		Writes: true, Empty: true, Clips: true,
		open: func(t *target) (*view, error) {
			return &view{
				place: func(name string) string { return name },
				documents: []document{
					{"metadata.jsonl", func(ctx context.Context, w io.Writer, all *pictures) error {
						e := jsonlist.Encoder(w)
						return all.walk(ctx, whole, func(p *Picture) error {
							line := folderLine{p.Name, folderObjects{[][4]float64{}, []int{}}}
							for _, o := range p.Objects {
								line.Objects.Boxes = append(line.Objects.Boxes, cocoBox(o.Box))
								line.Objects.Categories = append(line.Objects.Categories, o.Class)
							}
							return e.Encode(line)
						})
					}},
					{"classes.txt", func(_ context.Context, w io.Writer, _ *pictures) error { return t.names(w) }},
				},
			}, nil
		},
	}
}
