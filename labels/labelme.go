package labels

import (
	"bytes"
	"path"
	"path/filepath"

	"github.com/glipvk/glipvk/internal/jsonlist"
)

// What a file of LabelMe is made of.
type (
	labelMeFile struct {
		Version string         `json:"version"`
		Flags   struct{}       `json:"flags"`
		Shapes  []labelMeShape `json:"shapes"`
		Path    string         `json:"imagePath"` // from the file's folder
		Data    *struct{}      `json:"imageData"` // null: the picture itself stays where it is
		Height  int            `json:"imageHeight"`
		Width   int            `json:"imageWidth"`
	}
	labelMeShape struct {
		Label       string        `json:"label"`
		Points      [2][2]float64 `json:"points"`
		Group       *int          `json:"group_id"`
		Description string        `json:"description"`
		Type        string        `json:"shape_type"`
		Flags       struct{}      `json:"flags"`
		Score       *float64      `json:"score,omitempty"`
	}
)

// labelMeVersion is the version of LabelMe whose form the files have.
const labelMeVersion = "5.5.0"

func labelMe() Format {
	return Format{
		Name: "labelme", About: "LabelMe's JSON, which X-AnyLabeling reads too", Files: "NAME.json, as if beside each picture",
		Writes: true, Reads: true, Scores: true, Empty: true, Clips: true, PerPicture: true, Upright: true, read: readLabelMe,
		open: func(t *target) (*view, error) {
			return &view{
				path:  func(name string) string { return stem(name) + ".json" },
				place: func(name string) string { return name },
				each:  t.labelMe,
			}, nil
		},
	}
}

// labelMe is the file of a picture.
func (t *target) labelMe(p *Picture) ([]byte, error) {
	f := labelMeFile{Version: labelMeVersion, Shapes: []labelMeShape{}, Path: t.fromLabel(p.Name), Height: p.Height, Width: p.Width}
	for _, o := range p.Objects {
		s := labelMeShape{Label: t.Classes[o.Class], Points: [2][2]float64{{o.Box.X1, o.Box.Y1}, {o.Box.X2, o.Box.Y2}}, Type: "rectangle"}
		if o.Scored {
			s.Score = &o.Score
		}
		f.Shapes = append(f.Shapes, s)
	}
	var b bytes.Buffer
	e := jsonlist.Encoder(&b)
	e.SetIndent("", "  ")
	err := e.Encode(f)
	return b.Bytes(), err
}

// fromLabel is the path of a picture from the folder of its label file: where it lies, or if that is not known beside the file.
func (t *target) fromLabel(name string) string {
	if t.Place != Leave || t.Pictures == "" {
		return path.Base(name)
	}
	picture, err := filepath.Abs(filepath.Join(t.Pictures, filepath.FromSlash(name)))
	if err != nil {
		return path.Base(name)
	}
	folder, err := filepath.Abs(filepath.Join(t.folder, filepath.FromSlash(path.Dir(name))))
	if err != nil {
		return path.Base(name)
	}
	between, err := filepath.Rel(folder, picture)
	if err != nil { // on another drive
		between = picture
	}
	return filepath.ToSlash(between)
}
