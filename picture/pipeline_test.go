package picture_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/go-gl/mathgl/mgl32"
)

func blank(height, width int) picture.Picture {
	return picture.Picture{Height: height, Width: width, Pixels: make([]uint8, 3*height*width)}
}

func random(height, width int) picture.Picture {
	return picture.Picture{Height: height, Width: width, Pixels: synthetic.Picture(height, width, 5)}
}

func TestSizes(t *testing.T) {
	for _, row := range []struct {
		name          string
		pipeline      picture.Pipeline
		height, width int // of the picture
		wantH, wantW  int
	}{
		{"keep", picture.Pipeline{}, 7, 9, 7, 9},
		{"crop", picture.Pipeline{Resize: picture.ShortEdge(25), CenterCrop: 22}, 37, 50, 22, 22},
		{"crop larger than the picture", picture.Pipeline{CenterCrop: 22}, 30, 10, 22, 10},
		{"exact", picture.Pipeline{Resize: picture.Exact(12, 34)}, 37, 50, 12, 34},
		{"padded", picture.Pipeline{Resize: picture.ShortEdgeCapped(80, 133), PadMultiple: 32}, 80, 90, 96, 96},
		{"one pixel", picture.Pipeline{Resize: picture.ShortEdge(64)}, 1, 1, 64, 64},
	} {
		t.Run(row.name, func(t *testing.T) {
			in, err := row.pipeline.Apply(t.Context(), blank(row.height, row.width))
			if err != nil {
				t.Fatal(err)
			}
			if in.Height != row.wantH || in.Width != row.wantW || len(in.Data) != 3*in.Height*in.Width {
				t.Errorf("%d x %d with %d values, want %d x %d", in.Height, in.Width, len(in.Data), row.wantH, row.wantW)
			}
		})
	}
}

func TestPipelineRefusals(t *testing.T) {
	for _, row := range []struct {
		name     string
		pipeline picture.Pipeline
		pic      picture.Picture
		want     error
		says     string
	}{
		{"no pixels", picture.Pipeline{}, picture.Picture{}, picture.ErrFormat, "empty"},
		{"wrong length", picture.Pipeline{}, picture.Picture{Height: 2, Width: 2, Pixels: make([]uint8, 11)}, picture.ErrFormat, "11 bytes"},
		{"a strip grows", picture.Pipeline{Resize: picture.ShortEdge(256)}, blank(1, 1000), picture.ErrTooLarge, "raise MaxSide"},
		{"a strip vanishes", picture.Pipeline{Resize: picture.ShortEdgeCapped(800, 1333)}, blank(1, 5000), picture.ErrFormat, "empty side"},
		{"no target", picture.Pipeline{Resize: picture.Exact(0, 5)}, blank(4, 4), picture.ErrFormat, "empty side"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := row.pipeline.Apply(t.Context(), row.pic)
			if !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("error is %v; want %q in it, and %v", err, row.says, row.want)
			}
		})
	}
}

// A flat picture stays flat: the weights of every position sum to one. A wrong
// border or a lost tap shows.
func TestFlatStaysFlat(t *testing.T) {
	rules := []picture.Interpolation{picture.Bicubic, picture.Bilinear, picture.OpenCVLinear, picture.OpenCVCubic, picture.OpenCVArea}
	for _, rule := range rules {
		for _, size := range [][4]int{{1, 1, 5, 7}, {5, 7, 1, 1}, {3, 50, 40, 4}, {37, 41, 37, 90}, {64, 64, 32, 32}} {
			pic := blank(size[0], size[1])
			for i := range pic.Pixels {
				pic.Pixels[i] = 201
			}
			in, err := picture.Pipeline{Resize: picture.Exact(size[2], size[3]), Interpolation: rule}.Apply(t.Context(), pic)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range in.Data {
				if v != 201 {
					t.Fatalf("rule %d, %v: element %d is %v, want 201", rule, size, i, v)
				}
			}
		}
	}
}

// OpenCV's cubic, worked by hand: 1 x 2 pixels 0 and 255 to 1 x 4. The sources
// of outputs 0..3 are -0.25, 0.25, 0.75, 1.25; with a = -0.75 the weights at
// fraction 0.75 are -0.03515625, 0.26171875, 0.87890625, -0.10546875. Output 0
// has fraction 0.75 left of pixel 0: only its last tap, pixel 1, counts:
// -0.105*255 < 0. Output 1 has fraction 0.25: 0.26171875 - 0.03515625 of pixel 1.
func TestOpenCVCubicByHand(t *testing.T) {
	pic := picture.Picture{Height: 1, Width: 2, Pixels: []uint8{0, 0, 0, 255, 255, 255}}
	in, err := picture.Pipeline{Resize: picture.Exact(1, 4), Interpolation: picture.OpenCVCubic}.Apply(t.Context(), pic)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{0, 58, 197, 255} { // 0.2265625*255 = 57.77
		if in.Data[i] != want {
			t.Errorf("output %d is %v, want %v", i, in.Data[i], want)
		}
	}
}

func TestNormaliseAndPad(t *testing.T) {
	p := glip()
	p.PadMultiple = 4
	in, err := p.Apply(t.Context(), picture.Picture{Height: 1, Width: 2, Pixels: []uint8{10, 20, 30, 40, 50, 60}})
	if err != nil {
		t.Fatal(err)
	}
	if in.Height != 4 || in.Width != 4 || in.View(0).Content.Height != 1 || in.View(0).Content.Width != 2 {
		t.Fatalf("%d x %d, content %d x %d", in.Height, in.Width, in.View(0).Content.Height, in.View(0).Content.Width)
	}
	pixels := [3][2]float32{{30, 60}, {20, 50}, {10, 40}} // blue, green, red
	for i, got := range in.Data {
		c, y, x := i/16, i/4%4, i%4
		want := float32(0)
		if y < 1 && x < 2 {
			want = (pixels[c][x] - p.Mean[c]) / p.Std[c]
		}
		if math.Float32bits(got) != math.Float32bits(want) {
			t.Errorf("channel %d pixel %d,%d is %v, want %v", c, y, x, got, want)
		}
	}
}

// 500 wide to 341, cropped from 58 (58.5 rounds to even); 375 high to 256,
// cropped from 16.
func TestTransform(t *testing.T) {
	p := picture.Pipeline{Resize: picture.ShortEdge(256), CenterCrop: 224}
	in, err := p.Apply(t.Context(), blank(375, 500))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ from, to mgl32.Vec3 }{
		{mgl32.Vec3{0, 0, 1}, mgl32.Vec3{-58, -16, 1}},
		{mgl32.Vec3{500, 375, 1}, mgl32.Vec3{341 - 58, 256 - 16, 1}},
		{mgl32.Vec3{250, 187.5, 1}, mgl32.Vec3{170.5 - 58, 112, 1}},
	} {
		if got := in.View(0).FromPicture.Mul3x1(row.from); !got.ApproxEqualThreshold(row.to, 1e-3) {
			t.Errorf("%v goes to %v, want %v", row.from, got, row.to)
		}
		if got := in.View(0).FromPicture.Inv().Mul3x1(row.to); !got.ApproxEqualThreshold(row.from, 1e-3) {
			t.Errorf("%v comes from %v, want %v", row.to, got, row.from)
		}
	}
}

func TestStack(t *testing.T) {
	var inputs []picture.Input
	for _, size := range [][2]int{{2, 3}, {1, 4}} {
		in, err := picture.Pipeline{}.Apply(t.Context(), random(size[0], size[1]))
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, in)
	}
	got := picture.Stack(inputs...)
	if got.Batch != 2 || got.Height != 2 || got.Width != 4 || len(got.Data) != 2*3*2*4 {
		t.Fatalf("%d x %d x %d with %d values", got.Batch, got.Height, got.Width, len(got.Data))
	}
	for i, v := range got.Data {
		b, c, y, x := i/24, i/8%3, i/4%2, i%4
		want := float32(0)
		if in := inputs[b]; y < in.Height && x < in.Width {
			want = in.Data[(c*in.Height+y)*in.Width+x]
		}
		if v != want {
			t.Errorf("picture %d channel %d pixel %d,%d is %v, want %v", b, c, y, x, v, want)
		}
	}
	if empty := picture.Stack(); empty.Batch != 0 || len(empty.Data) != 0 {
		t.Errorf("nothing stacked gives %+v", empty)
	}
}

func BenchmarkApply(b *testing.B) {
	pic := random(3000, 4000)
	for name, p := range map[string]picture.Pipeline{
		"swin-224": {Resize: picture.ShortEdge(256), CenterCrop: 224, Mean: glip().Mean, Std: glip().Std},
		"detector": {Resize: picture.ShortEdgeCapped(800, 1333), Interpolation: picture.Bilinear, PadMultiple: 32},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := p.Apply(b.Context(), pic); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
