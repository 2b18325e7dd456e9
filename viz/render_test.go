package viz

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

// gradient is a photograph of soft colours.
func gradient(width, height int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetNRGBA(x, y, color.NRGBA{uint8(255 * x / width), uint8(255 * y / height), 128, 255})
		}
	}
	return img
}

func TestDeterminism(t *testing.T) {
	m, _ := planted(40, 14, 14)
	large, _ := planted(220, 40, 40) // takes the sketch
	var first []byte
	for range 2 {
		img, err := Render(gradient(90, 60), []Map{m, large}, Options{Title: "title", Subtitle: "second line", Panel: 120})
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		if err := png.Encode(&buf, img); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = buf.Bytes()
		} else if !bytes.Equal(first, buf.Bytes()) {
			t.Error("two runs give two pictures")
		}
	}
}

// The colours of a map land on its region: a map that is bright in one corner
// brightens that corner of the region and nothing outside of it.
func TestOverlayPlace(t *testing.T) {
	m := Map{C: 1, H: 8, W: 8, Data: make([]float32, 64)}
	for y := range 2 {
		for x := range 2 {
			m.Data[y*8+x] = 1
		}
	}
	grey := image.NewNRGBA(image.Rect(10, 10, 210, 110)) // bounds need not start at zero
	for i := range grey.Pix {
		grey.Pix[i] = 255
	}
	p, err := newPage(grey, Options{Panel: 400, Region: image.Rect(60, 20, 160, 100), Opacity: 1})
	if err != nil {
		t.Fatal(err)
	}
	if want := image.Rect(100, 20, 300, 180); p.shown != want {
		t.Fatalf("the region is %v in the panel, want %v", p.shown, want)
	}
	c, err := PrincipalComponents(m)
	if err != nil {
		t.Fatal(err)
	}
	out := p.overlay(c)
	low, high := uint8(255*darkest+0.5), uint8(255)
	for _, row := range []struct {
		x, y int
		want uint8 // red
	}{{105, 25, high}, {125, 40, high}, {295, 25, low}, {105, 175, low}, {295, 175, low}, {95, 25, 239}, {305, 100, 239}, {200, 185, 239}} {
		got := out.RGBAAt(row.x, row.y).R
		if got < row.want-min(row.want, 2) || got > row.want && got-row.want > 2 {
			t.Errorf("red at %d,%d is %d, want %d", row.x, row.y, got, row.want)
		}
	}
}

// Odd shapes of photographs, regions and numbers of maps.
func TestShapes(t *testing.T) {
	small, _ := planted(6, 3, 3)
	for _, row := range []struct {
		name          string
		width, height int
		maps          int
		o             Options
	}{
		{"no map", 40, 30, 0, Options{}},
		{"one pixel", 1, 1, 1, Options{}},
		{"strip", 3000, 1, 1, Options{Title: "strip"}},
		{"column", 1, 3000, 4, Options{Subtitle: "column"}},
		{"two rows", 40, 30, 5, Options{Panel: 60}},
		{"padded region", 40, 30, 1, Options{Region: image.Rect(0, 0, 64, 32), Opacity: 7}},
		{"long title", 40, 30, 1, Options{Title: strings.Repeat("a long title ", 50)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			maps := make([]Map, row.maps)
			for i := range maps {
				maps[i] = small
			}
			img, err := Render(gradient(row.width, row.height), maps, row.o)
			if err != nil {
				t.Fatal(err)
			}
			for x := range img.Rect.Dx() { // the margin stays clear
				if got := img.RGBAAt(x, 5); got != inks().paper {
					t.Fatalf("column %d of the upper margin is %v", x, got)
				}
			}
			for y := range img.Rect.Dy() {
				if got := img.RGBAAt(img.Rect.Dx()-5, y); got != inks().paper {
					t.Fatalf("row %d of the right margin is %v", y, got)
				}
			}
		})
	}
}

func TestRenderRefusals(t *testing.T) {
	bad := Map{Name: "short", C: 1, H: 2, W: 2, Data: make([]float32, 3)}
	for _, row := range []struct {
		name  string
		photo image.Image
		maps  []Map
		o     Options
		says  string
	}{
		{"empty photograph", image.NewGray(image.Rect(0, 0, 0, 5)), nil, Options{}, "empty"},
		{"bad map", gradient(4, 4), []Map{bad}, Options{}, "map short"},
		{"region elsewhere", gradient(4, 4), nil, Options{Region: image.Rect(9, 9, 12, 12)}, "outside"},
		{"boundless region", gradient(4, 4), nil, Options{Region: image.Rect(0, 0, 1<<30, 4)}, "too large"},
	} {
		if _, err := Render(row.photo, row.maps, row.o); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: error is %v, want %q in it", row.name, err, row.says)
		}
	}
}
