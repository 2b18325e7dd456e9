package viz

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"testing"

	"golang.org/x/image/draw"
)

// plain is a picture of one colour; its bounds do not begin at zero.
func plain(width, height int, ground color.RGBA) *image.RGBA {
	img := image.NewRGBA(image.Rect(7, 5, 7+width, 5+height))
	draw.Draw(img, img.Rect, image.NewUniform(ground), image.Point{}, draw.Src)
	return img
}

// grounds are what boxes have to be seen on.
func grounds() map[string]color.RGBA {
	return map[string]color.RGBA{"white": bright, "black": dark, "grey": {128, 128, 128, 255}}
}

// A box's edge differs from any ground along its whole length, and neither the pixels
// beside it nor those inside are touched.
func TestBoxEdge(t *testing.T) {
	for name, ground := range grounds() {
		img, err := Boxes(plain(200, 150, ground), []Box{{X1: 20.4, Y1: 29.6, X2: 119.5, Y2: 99.4, Label: 3}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		place := image.Rect(20, 30, 121, 100) // both corners belong to it
		const wide = 1 + 2 + 1                // dark, coloured, bright
		for y := range 150 {
			for x := range 200 {
				at := image.Pt(x, y)
				got := img.RGBAAt(x, y)
				if onEdge := at.In(place) && !at.In(place.Inset(wide)); !onEdge && got != ground {
					t.Fatalf("%s: %v is %v", name, at, got)
				}
			}
		}
		for x := place.Min.X + 1; x < place.Max.X-1; x++ { // the corner pixels are dark
			best := 0.0
			for k := range wide {
				best = max(best, contrast(img.RGBAAt(x, place.Min.Y+k), ground))
			}
			if !(best >= 3) {
				t.Errorf("%s: the upper edge at %d has a contrast of %.1f", name, x, best)
			}
		}
		for _, row := range []struct {
			inset int
			want  color.RGBA
		}{{0, dark}, {1, labelColour(3)}, {2, labelColour(3)}, {3, bright}, {4, ground}} {
			r := place.Inset(row.inset)
			for _, at := range []image.Point{r.Min, {X: r.Max.X - 1, Y: r.Min.Y}, {X: r.Min.X, Y: r.Max.Y - 1}, r.Max.Sub(image.Pt(1, 1))} {
				if got := img.RGBAAt(at.X, at.Y); got != row.want {
					t.Errorf("%s: corner %v, %d inwards, is %v, want %v", name, at, row.inset, got, row.want)
				}
			}
		}
	}
}

// Text stands out from its plate, and the plate is in the label's colour, on any ground.
func TestBoxText(t *testing.T) {
	for label := range 12 {
		colour := labelColour(label)
		if c := contrast(colour, inkOn(colour)); !(c >= 4.5) {
			t.Errorf("label %d: text has a contrast of %.1f to its plate", label, c)
		}
	}
	for name, ground := range grounds() {
		box := Box{X1: 40, Y1: 60, X2: 150, Y2: 120, Label: 1, Text: "traffic light 0.87"}
		img, err := Boxes(plain(300, 200, ground), []Box{box}, nil)
		if err != nil {
			t.Fatal(err)
		}
		inked, filled := 0, 0
		for y := 40; y < 60; y++ { // above the box
			for x := 40; x < 200; x++ {
				switch img.RGBAAt(x, y) {
				case inkOn(labelColour(1)):
					inked++
				case labelColour(1):
					filled++
				}
			}
		}
		if inked < 100 || filled < 500 {
			t.Errorf("%s: %d pixels of text and %d of plate", name, inked, filled)
		}
	}
}

// Texts of boxes that lie on each other do not cover each other while there is room,
// and stay in the picture.
func TestBoxTextPlaces(t *testing.T) {
	img := plain(400, 300, bright)
	fonts, err := NewFonts(false)
	if err != nil {
		t.Fatal(err)
	}
	b := boxer{RGBA: img, fonts: fonts, size: 12, line: 2}
	b.Rect = image.Rect(0, 0, 400, 300)
	for range 4 {
		b.plate(image.Rect(50, 50, 200, 200), "a small dog 0.50", labelColour(1))
	}
	b.plate(image.Rect(390, 0, 400, 5), "at the corner", labelColour(2))
	for i, p := range b.plates {
		if !p.In(b.Rect) {
			t.Errorf("plate %d is at %v", i, p)
		}
		for k := range i {
			if p.Overlaps(b.plates[k]) {
				t.Errorf("plates %d and %d are at %v and %v", k, i, b.plates[k], p)
			}
		}
	}
	if len(b.plates) != 5 {
		t.Errorf("%d plates, want 5", len(b.plates))
	}
}

// Colours of labels are apart: any two of the first twelve clearly, any two of the first
// eighty at all.
func TestLabelColours(t *testing.T) {
	for a := 1; a <= 80; a++ {
		for b := 1; b < a; b++ {
			x, y := labelColour(a), labelColour(b)
			d := math.Abs(float64(x.R)-float64(y.R)) + math.Abs(float64(x.G)-float64(y.G)) + math.Abs(float64(x.B)-float64(y.B))
			if a <= 12 && !(d >= 60) || !(d >= 5) {
				t.Errorf("labels %d and %d have colours %v and %v", b, a, x, y)
			}
		}
	}
	for _, label := range []int{0, -1, -80, math.MaxInt, math.MinInt} {
		if c := labelColour(label); c.A != 255 {
			t.Errorf("label %d has the colour %v", label, c)
		}
	}
}

// What cannot be drawn is left out; small pictures and boxes at their rim are drawn.
func TestBoxesOddities(t *testing.T) {
	ground := color.RGBA{9, 90, 180, 255}
	for _, box := range []Box{
		{X1: math.NaN(), X2: 5, Y2: 5}, {X1: math.Inf(-1), X2: math.Inf(1), Y2: 5}, {X1: 50, X2: 60, Y2: 5}, {X1: -9, X2: -3, Y2: 5},
		{X1: 5, X2: 4, Y2: 5}, {X1: 1e300, X2: 1e301, Y2: 1}, {Y1: 21, Y2: 22, X2: 5, Text: "below"},
	} {
		img, err := Boxes(plain(30, 20, ground), []Box{box}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := plain(30, 20, ground); !bytes.Equal(img.Pix, want.Pix) {
			t.Errorf("%+v leaves a trace", box)
		}
		if _, err := Crop(plain(30, 20, ground), box); err == nil {
			t.Errorf("%+v is cut out", box)
		}
	}
	for _, size := range []int{1, 2, 3, 9} {
		img, err := Boxes(plain(size, size, ground), []Box{{X2: 1e9, Y2: 1e9, Text: "a long text"}, {X1: -5, Y1: -5, X2: 0, Y2: 0, Text: "x"}}, nil)
		if err != nil || img.RGBAAt(0, 0) == ground {
			t.Errorf("%d pixels: corner %v, %v", size, img.RGBAAt(0, 0), err)
		}
	}
	if _, err := Boxes(image.NewRGBA(image.Rectangle{}), nil, nil); err == nil {
		t.Error("an empty picture is drawn on")
	}
}

// Earlier boxes lie over later ones.
func TestBoxesOrder(t *testing.T) {
	same := func(label int) Box { return Box{X1: 10, Y1: 10, X2: 40, Y2: 40, Label: label} }
	img, err := Boxes(plain(60, 60, bright), []Box{same(1), same(2)}, nil)
	if err != nil || img.RGBAAt(11, 20) != labelColour(1) {
		t.Errorf("the edge is %v, %v, want %v", img.RGBAAt(11, 20), err, labelColour(1))
	}
}

// A crop holds the pixels of both corners and what is between.
func TestCrop(t *testing.T) {
	img := gradient(40, 30)
	for _, row := range []struct {
		box  Box
		want image.Rectangle
	}{
		{Box{X1: 10, Y1: 5, X2: 19, Y2: 9}, image.Rect(10, 5, 20, 10)},
		{Box{X1: 10.4, Y1: 4.6, X2: 18.5, Y2: 9.4}, image.Rect(10, 5, 20, 10)},
		{Box{X1: -5, Y1: -1e12, X2: 1e12, Y2: 29}, image.Rect(0, 0, 40, 30)},
		{Box{X1: 39, Y1: 29, X2: 39, Y2: 29}, image.Rect(39, 29, 40, 30)},
		{Box{X1: 3, Y1: 3, X2: 3.2, Y2: 3.4}, image.Rect(3, 3, 4, 4)},
	} {
		got, err := Crop(img, row.box)
		if err != nil {
			t.Fatal(err)
		}
		if got.Rect != (image.Rectangle{Max: row.want.Size()}) {
			t.Fatalf("%+v gives %v, want the size of %v", row.box, got.Rect, row.want)
		}
		for y := range got.Rect.Dy() {
			for x := range got.Rect.Dx() {
				if want := color.RGBAModel.Convert(img.At(row.want.Min.X+x, row.want.Min.Y+y)); got.RGBAAt(x, y) != want {
					t.Fatalf("%+v: %d,%d is %v, want %v", row.box, x, y, got.RGBAAt(x, y), want)
				}
			}
		}
	}
}

// Letters of which a part lies outside of the picture are drawn as far as they lie inside, at each edge.
func TestLettersAtTheEdge(t *testing.T) {
	fonts, err := NewFonts(false)
	if err != nil {
		t.Fatal(err)
	}
	for y := -10; y < 60; y++ {
		for x := -40; x < 60; x += 3 {
			img := image.NewRGBA(image.Rect(0, 0, 40, 30))
			fonts.write(img, image.Pt(x, y), "jÄg@", 200, textStyle{18, false, dark})
		}
	}
	whole, part := image.NewRGBA(image.Rect(0, 0, 60, 40)), image.NewRGBA(image.Rect(0, 0, 60, 24))
	for _, img := range []*image.RGBA{whole, part} {
		fonts.write(img, image.Pt(4, 22), "jgy", 200, textStyle{18, false, dark})
	}
	for y := range part.Rect.Dy() {
		for x := range part.Rect.Dx() {
			if a, b := int(whole.RGBAAt(x, y).A), int(part.RGBAAt(x, y).A); max(a-b, b-a) > 1 {
				t.Fatalf("pixel %d, %d is %d deep and cut off %d", x, y, a, b)
			}
		}
	}
}
