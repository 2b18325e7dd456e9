package glipvk_test

import (
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
)

// differentiable is a picture, a query and what the picture is said to show.
func differentiable(t *testing.T, device string) (*glipvk.Detector, picture.Input, glipvk.Query, [][]glipvk.Detection) {
	t.Helper()
	data, err := os.ReadFile("testdata/glip/tiny/arch.json")
	if err != nil {
		t.Fatal(err)
	}
	arch, err := glip.ParseConfig(data)
	if err != nil {
		t.Fatal(err)
	}
	d, err := glipvk.OpenDetector(t.Context(), "", glipvk.DetectorOptions{
		Options: glipvk.Options{Weights: "testdata/glip/tiny/model.pth", Device: device}, Vocabulary: "testdata/glip/tiny/vocab.txt", Arch: &arch,
		Size: picture.DetectorSize{Short: 64},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil || d.Executor().Live() != 0 {
			t.Errorf("%d objects are left, %v", d.Executor().Live(), err)
		}
	})
	cat, err := picture.Open(t.Context(), "testdata/pictures/chelsea.png", picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	in, err := d.Preprocess(cat)
	if err != nil {
		t.Fatal(err)
	}
	return d, in, glipvk.Query{Classes: []string{"cat", "umbrella"}}, [][]glipvk.Detection{{{Box: glip.Box{X1: 60, Y1: 20, X2: 400, Y2: 290}, Label: 1}}}
}

// TestGradients compares the slope of the losses along a gradient with differences, and the devices with each other.
func TestGradients(t *testing.T) {
	globs := []string{"image", "rpn.head.log_scale", "backbone.fpn.fpn_inner?", "**.gamma_v"}
	var want glipvk.Gradients
	for _, device := range []string{"reference", "cpu", "vulkan"} {
		t.Run(device, func(t *testing.T) {
			if device == "vulkan" {
				device = vulkanDevice(t)
			}
			d, in, q, shows := differentiable(t, device)
			got, err := d.Gradients(t.Context(), q, in, shows, globs...)
			if err != nil {
				t.Fatal(err)
			}
			if device == "reference" {
				want = got
				asksReference(t)
				slope(t, d, in, q, shows, got)
				return
			}
			sameGradients(t, got, want)
		})
	}
}

func sameGradients(t *testing.T, got, want glipvk.Gradients) {
	t.Helper()
	for i, pair := range [][2]float64{{got.Box, want.Box}, {got.Centerness, want.Centerness}, {got.Token, want.Token}} {
		if !(math.Abs(pair[0]-pair[1]) <= 1e-4*pair[1]) {
			t.Errorf("loss %d is %g, want %g", i, pair[0], pair[1])
		}
	}
	if len(got.Maps) != len(want.Maps) {
		t.Fatalf("%d gradients, want %d", len(got.Maps), len(want.Maps))
	}
	for i, m := range got.Maps {
		if w := want.Maps[i]; m.Name != w.Name || !slices.Equal(m.Shape, w.Shape) || m.Shared != w.Shared || !(apart(m.Data, w.Data) <= 1e-3) {
			t.Errorf("%s %v is %g away from %s %v", m.Name, m.Shape, apart(m.Data, w.Data), w.Name, w.Shape)
		}
	}
}

// apart is the length of a difference, in parts of b's.
func apart(a, b []float32) float64 {
	d, n := 0.0, 0.0
	for i, v := range b {
		d, n = d+math.Pow(float64(a[i]-v), 2), n+math.Pow(float64(v), 2)
	}
	return math.Sqrt(d / n)
}

// slope moves a picture to and fro along its gradient, and looks how the losses change.
func slope(t *testing.T, d *glipvk.Detector, in picture.Input, q glipvk.Query, shows [][]glipvk.Detection, g glipvk.Gradients) {
	t.Helper()
	at := slices.IndexFunc(g.Maps, func(m glipvk.Map) bool { return m.Name == "image" })
	if at < 0 || g.Maps[at].Shared || len(g.Maps[at].Data) != len(in.Data) {
		t.Fatalf("no gradient of the picture among %d", len(g.Maps))
	}
	length := 0.0
	for _, v := range g.Maps[at].Data {
		length += float64(v) * float64(v)
	}
	length = math.Sqrt(length)
	const step = 1e-4 // kinks are near
	loss := func(by float64) float64 {
		moved := in
		moved.Data = slices.Clone(in.Data)
		for i, v := range g.Maps[at].Data {
			moved.Data[i] += float32(by * float64(v) / length)
		}
		r, err := d.Gradients(t.Context(), q, moved, shows)
		if err != nil {
			t.Fatal(err)
		}
		return r.Box + r.Centerness + r.Token
	}
	if rise := (loss(step) - loss(-step)) / (2 * step); !(math.Abs(rise-length) <= 0.03*length) {
		t.Errorf("along the gradient the losses rise by %g, its length is %g", rise, length)
	}
}

// TestGradientsRefused names what is wrong.
func TestGradientsRefused(t *testing.T) {
	d, in, q, shows := differentiable(t, "cpu")
	other, flat := shows[0][0], shows[0][0]
	other.Label, flat.Box.X2 = 3, math.NaN()
	for _, c := range []struct {
		shows [][]glipvk.Detection
		glob  string
		says  string
	}{
		{shows, "no.such.value", `"no.such.value"`}, {shows, "[", "glob"}, {nil, "image", "a list for each picture"},
		{[][]glipvk.Detection{{other}}, "image", "the label 3"}, {[][]glipvk.Detection{{flat}}, "image", "a box with an area"},
	} {
		if _, err := d.Gradients(t.Context(), q, in, c.shows, c.glob); !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v, want %q", c.glob, err, c.says)
		}
	}
}
