// Scenes draws small pictures of coloured shapes by formula, with COCO's annotations: data to try training and evaluation
// with, the same for every run and machine.
//
//	scenes -out out/toy -seed 1 -count 40    # train.json, val.json (a fifth) and the pictures
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/glipvk/glipvk/internal/file"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "scenes:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("scenes", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("out", "out/toy", "`FOLDER` for pictures and annotations")
	seed := flags.Uint64("seed", 1, "of the drawing")
	count := flags.Int("count", 40, "pictures")
	width, height := flags.Int("width", 192, "pixels"), flags.Int("height", 160, "pixels")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *count < 2 || *count > 1e6 || *width < 64 || *height < 64 || *width > 4096 || *height > 4096 {
		return fmt.Errorf("want 2 to a million pictures, of 64 to 4096 pixels a side, and no other arguments; see -help")
	}
	held := max(*count/5, 1)
	for _, part := range []struct {
		name        string
		first, last int
	}{{"train", 0, *count - held}, {"val", *count - held, *count}} {
		set := annotations{Categories: categories()}
		for i := part.first; i < part.last; i++ {
			name := fmt.Sprintf("%06d.png", i+1)
			picture, things := scene(rand.New(rand.NewPCG(*seed, uint64(i))), *width, *height)
			var b bytes.Buffer
			if err := png.Encode(&b, picture); err != nil {
				return err
			}
			if err := file.Replace(filepath.Join(*out, name), b.Bytes(), 0o644); err != nil {
				return err
			}
			set.add(int64(i+1), name, *width, *height, things)
		}
		data, err := json.MarshalIndent(set, "", " ")
		if err != nil {
			return err
		}
		path := filepath.Join(*out, part.name+".json")
		if err := file.Replace(path, append(data, '\n'), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s: %d pictures, %d things\n", path, len(set.Images), len(set.Annotations))
	}
	return nil
}

// annotations are COCO's.
type annotations struct {
	Images []struct {
		ID       int64  `json:"id"`
		FileName string `json:"file_name"`
		Width    int    `json:"width"`
		Height   int    `json:"height"`
	} `json:"images"`
	Categories  []category   `json:"categories"`
	Annotations []annotation `json:"annotations"`
}

type category struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

type annotation struct {
	ID       int64      `json:"id"`
	Picture  int64      `json:"image_id"`
	Category int        `json:"category_id"`
	Box      [4]float64 `json:"bbox"`
	Area     float64    `json:"area"`
	Crowd    int        `json:"iscrowd"`
}

// What there is to see.
var (
	shapes  = []string{"square", "circle", "triangle"}
	colours = []struct {
		name string
		rgb  color.RGBA
	}{{"red", color.RGBA{210, 40, 40, 255}}, {"green", color.RGBA{40, 160, 60, 255}}, {"blue", color.RGBA{50, 80, 210, 255}}}
)

// categories are a colour and a shape each.
func categories() (list []category) {
	for _, c := range colours {
		for _, s := range shapes {
			list = append(list, category{len(list) + 1, c.name + " " + s})
		}
	}
	return list
}

func (a *annotations) add(id int64, name string, width, height int, things []thing) {
	a.Images = append(a.Images, struct {
		ID       int64  `json:"id"`
		FileName string `json:"file_name"`
		Width    int    `json:"width"`
		Height   int    `json:"height"`
	}{id, name, width, height})
	for _, t := range things {
		box := t.box
		a.Annotations = append(a.Annotations, annotation{
			ID: int64(len(a.Annotations) + 1), Picture: id, Category: t.colour*len(shapes) + t.shape + 1,
			Box: [4]float64{float64(box.Min.X), float64(box.Min.Y), float64(box.Dx()), float64(box.Dy())}, Area: float64(box.Dx() * box.Dy()),
		})
	}
}

// thing is one that a scene shows.
type thing struct {
	colour, shape int
	box           image.Rectangle
}

// scene draws one to four things that do not touch on a ground of one colour with noise.
func scene(dice *rand.Rand, width, height int) (*image.RGBA, []thing) {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	ground := 150 + dice.IntN(90)
	for i := 0; i < len(img.Pix); i += 4 {
		v := uint8(ground + dice.IntN(17) - 8)
		img.Pix[i], img.Pix[i+1], img.Pix[i+2], img.Pix[i+3] = v, v, v, 255
	}
	var things []thing
	for range 1 + dice.IntN(4) {
		for range 20 {
			side := 24 + dice.IntN(min(width, height)/2-24)
			x, y := dice.IntN(width-side), dice.IntN(height-side)
			t := thing{dice.IntN(len(colours)), dice.IntN(len(shapes)), image.Rect(x, y, x+side, y+side)}
			if free(things, t.box) {
				t.draw(img, dice)
				things = append(things, t)
				break
			}
		}
	}
	return img, things
}

func free(things []thing, box image.Rectangle) bool {
	for _, t := range things {
		if t.box.Inset(-4).Overlaps(box) {
			return false
		}
	}
	return true
}

// draw fills the shape that fills the box.
func (t thing) draw(img *image.RGBA, dice *rand.Rand) {
	side := float64(t.box.Dx())
	base := colours[t.colour].rgb
	light := dice.IntN(31) - 15
	for y := range t.box.Dy() {
		for x := range t.box.Dx() {
			u, v := (float64(x)+0.5)/side, (float64(y)+0.5)/side
			inside := true
			switch shapes[t.shape] {
			case "circle":
				inside = (u-0.5)*(u-0.5)+(v-0.5)*(v-0.5) <= 0.25
			case "triangle":
				inside = v >= 2*u-1 && v >= 1-2*u
			}
			if inside {
				n := light + dice.IntN(17) - 8
				clip := func(c uint8) uint8 { return uint8(min(max(int(c)+n, 0), 255)) }
				img.SetRGBA(t.box.Min.X+x, t.box.Min.Y+y, color.RGBA{clip(base.R), clip(base.G), clip(base.B), 255})
			}
		}
	}
}
