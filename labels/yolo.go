package labels

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/internal/jsonlist"
)

func yolo() Format {
	return Format{
		Name: "yolo", About: "YOLO's text files, as Ultralytics trains with them",
		Files:  "labels/NAME.txt for images/NAME, data.yaml, and train.txt, val.txt, test.txt, which list pictures",
		Writes: true, Reads: true, Split: true, Empty: true, Clips: true, PerPicture: true, Upright: true, read: readYOLO,
		open: func(t *target) (*view, error) {
			v := t.yolo(false)
			v.documents = append([]document{{"data.yaml", func(_ context.Context, w io.Writer, _ *pictures) error { return t.yoloSet(w) }}},
				t.parted("train", ".txt", yoloList)...)
			return v, nil
		},
	}
}

func yoloPredictions() Format {
	return Format{
		Name: "yolo-predictions", About: "YOLO's text files with the score as sixth column, which its trainer refuses",
		Files: "labels/NAME.txt, classes.txt", Writes: true, Reads: true, Scores: true, NeedsScores: true, Empty: true, Clips: true, PerPicture: true, Upright: true,
		read: readYOLO,
		open: func(t *target) (*view, error) {
			v := t.yolo(true)
			v.documents = []document{{"classes.txt", func(_ context.Context, w io.Writer, _ *pictures) error { return t.names(w) }}}
			return v, nil
		},
	}
}

// names writes the classes, a line each.
func (t *target) names(w io.Writer) error {
	_, err := io.WriteString(w, strings.Join(t.Classes, "\n")+"\n")
	return err
}

func (t *target) yolo(scores bool) *view {
	inside := func(name string) string { return "images/" + name }
	return &view{
		path:  func(name string) string { return yoloLabel(inside(name)) },
		place: inside,
		each: func(p *Picture) ([]byte, error) {
			var text bytes.Buffer
			seen := map[string]bool{}
			for _, o := range p.Objects {
				line := yoloLine(o, p.Width, p.Height, scores)
				if !seen[line] { // the trainer drops what says the same twice, with a warning
					text.WriteString(line)
				}
				seen[line] = true
			}
			return text.Bytes(), nil
		},
	}
}

// yoloLabel is the label file of a picture, both with slashes: the last folder called images becomes labels, and the ending .txt.
func yoloLabel(picture string) string {
	folder, base := path.Split(picture)
	parts := strings.Split(folder, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i] == "images" {
			parts[i] = "labels"
			break
		}
	}
	return strings.Join(parts, "/") + stem(base) + ".txt"
}

// Numbers of YOLO's lines have yoloDigits decimals: at 50,000 pixels less than a thousandth of one.
const (
	yoloDigits = 8
	yoloUnits  = 100_000_000
)

// yoloLine is a line of a label file: the class, then centre, width and height as shares of the picture's. Corners are rounded, to an
// even number of units, and all four numbers come from them exactly, so that nothing that is read back lies outside.
func yoloLine(o Object, width, height int, score bool) string {
	side := func(low, high float64, size int) (centre, length int64) {
		a := 2 * int64(math.Round(low/float64(size)*(yoloUnits/2)))
		b := 2 * int64(math.Round(high/float64(size)*(yoloUnits/2)))
		if a == b { // there is an area
			a, b = max(a-2, 0), min(a+2, yoloUnits)
		}
		return (a + b) / 2, b - a
	}
	cx, w := side(o.Box.X1, o.Box.X2, width)
	cy, h := side(o.Box.Y1, o.Box.Y2, height)
	line := strconv.Itoa(o.Class)
	for _, v := range [...]int64{cx, cy, w, h} {
		line += fmt.Sprintf(" %d.%0*d", v/yoloUnits, yoloDigits, v%yoloUnits)
	}
	if score {
		line += " " + strconv.FormatFloat(o.Score, 'g', -1, 64)
	}
	return line + "\n"
}

// yoloList lists the pictures of a part, from the list's folder.
func yoloList(ctx context.Context, w io.Writer, all *pictures, part int) error {
	return all.walk(ctx, part, func(p *Picture) error {
		_, err := fmt.Fprintf(w, "./images/%s\n", p.Name)
		return err
	})
}

// yoloSet writes data.yaml. Strings are JSON's, which YAML takes for strings whatever is in them.
func (t *target) yoloSet(w io.Writer) error {
	root, err := filepath.Abs(t.folder)
	if err != nil {
		return err
	}
	quoted, err := jsonlist.Compact(filepath.ToSlash(root))
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Pictures belong into images/, by the names in the lists; labels lie in labels/.\n")
	fmt.Fprintf(&b, "path: %s # where this file is: change it when the folder moves\n", quoted)
	shares := [...]float64{t.Split.Train, t.Split.Val, t.Split.Test}
	if !t.Split.on() {
		shares[0] = 1
	}
	first := ""
	for i, share := range shares {
		if share > 0 && first == "" {
			first = Parts[i]
		}
	}
	for i, share := range shares {
		switch {
		case share > 0:
			fmt.Fprintf(&b, "%s: %s.txt\n", Parts[i], Parts[i])
		case i < 2: // the trainer wants both
			fmt.Fprintf(&b, "%s: %s.txt # there is no part of this name\n", Parts[i], first)
		}
	}
	fmt.Fprintf(&b, "nc: %d\nnames:\n", len(t.Classes))
	for i, c := range t.Classes {
		name, err := jsonlist.Compact(c)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "  %d: %s\n", i, name)
	}
	_, err = io.WriteString(w, b.String())
	return err
}
