package glipvk_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/glipvk/glipvk/text"
)

// tiny are the files of the scaled-down detector.
func tiny(name string) string { return filepath.Join("testdata", "glip", "tiny", name) }

// tinyCase is a case of testdata/glip/manifest.json.
type tinyCase struct {
	ID      string
	Seed    uint64
	Picture struct {
		Height, Width int
		Seed          uint64
	}
	Arch      json.RawMessage
	Overrides map[string]float32
	Resized   [2]int `json:"image_size"` // height, width

	config glip.Config
	query  glipvk.Query
	size   picture.DetectorSize
}

// tinyCases reads the manifest.
func tinyCases(t testing.TB) map[string]tinyCase {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "glip", "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Groups []struct {
			Group string
			Cases []tinyCase
		}
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	cases := map[string]tinyCase{}
	var list []tinyCase
	for _, g := range manifest.Groups {
		if strings.HasPrefix(g.Group, "tiny") {
			list = append(list, g.Cases...)
		}
	}
	for _, c := range list {
		if c.config, err = glip.ParseConfig(c.Arch); err != nil {
			t.Fatal(err)
		}
		c.query, c.size = fourThings(), picture.DetectorSize{Original: true}
		if c.ID == "tiny.resize" {
			c.query = glipvk.Query{Classes: []string{"cat", "red umbrella"}, Form: text.Demo}
			c.size = picture.DetectorSize{Short: 72}
		}
		cases[c.ID] = c
	}
	return cases
}

// fourThings is the query of tiny.caption and tiny_a.caption.
func fourThings() glipvk.Query {
	return glipvk.Query{
		Caption: "person. bicycle. traffic light. small dog.",
		Spans:   []text.Span{{Begin: 0, End: 6}, {Begin: 8, End: 15}, {Begin: 17, End: 30}, {Begin: 32, End: 41}},
	}
}

// options open the detector of a case: its checkpoint, or weights by formula where it has none.
func (c tinyCase) options() glipvk.DetectorOptions {
	o := glipvk.DetectorOptions{Arch: &c.config, Vocabulary: tiny("vocab.txt"), Size: c.size, Options: glipvk.Options{Weights: tiny("model.pth")}}
	if !c.config.Fusion {
		o.Weights, o.Overrides = fmt.Sprint("synthetic:", c.Seed), c.Overrides
	}
	return o
}

// photo is the picture of a case.
func (c tinyCase) photo() picture.Picture {
	return photo(c.Picture.Height, c.Picture.Width, c.Picture.Seed)
}

// photo is a picture by formula.
func photo(height, width int, seed uint64) picture.Picture {
	return picture.Picture{Height: height, Width: width, Pixels: synthetic.Picture(height, width, seed)}
}

// golden are the detections of the original, in the resized picture.
func (c tinyCase) golden(t testing.TB) []glipvk.Detection {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(filepath.Dir(tiny("")), strings.Split(c.ID, ".")[0], c.ID+".detections.npy"))
	if err != nil {
		t.Fatal(err)
	}
	const head, row = 128, 6
	values := make([]float64, (len(data)-head)/4)
	for i := range values {
		at := data[head+4*i:]
		values[i] = float64(math.Float32frombits(uint32(at[0]) | uint32(at[1])<<8 | uint32(at[2])<<16 | uint32(at[3])<<24))
	}
	var list []glipvk.Detection
	for r := range slices.Chunk(values, row) {
		list = append(list, glipvk.Detection{Box: glip.Box{X1: r[0], Y1: r[1], X2: r[2], Y2: r[3]}, Score: r[4], Label: int(r[5])})
	}
	return list
}

// openTiny opens the detector of a case on a device and closes it at the test's end, when
// nothing of it may be left there.
func openTiny(t *testing.T, c tinyCase, change func(*glipvk.DetectorOptions)) *glipvk.Detector {
	t.Helper()
	o := c.options()
	change(&o)
	o.Validation = o.Device != "cpu" && o.Device != "reference"
	o.Tuning.Off = true
	d, err := glipvk.OpenDetector(t.Context(), "", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if d.Executor().Live() != 0 {
			t.Errorf("%d Vulkan objects are left after Close", d.Executor().Live())
		}
	})
	return d
}

// on is a change of options that only chooses the device.
func on(device string) func(*glipvk.DetectorOptions) {
	return func(o *glipvk.DetectorOptions) { o.Device = device }
}

// detect requires success.
func detect(t testing.TB, d *glipvk.Detector, p picture.Picture, q glipvk.Query) []glipvk.Detection {
	t.Helper()
	found, err := d.Detect(t.Context(), q, p)
	if err != nil {
		t.Fatal(err)
	}
	return found[0]
}

// allowance is how far detections of one list may be from those of another.
type allowance struct{ score, pixels float64 }

// exact is the allowance of the issue, for f32.
var exact = allowance{1e-4, 0.05}

// differ compares lists as sets; "" says that each of want is in got, and no other is.
func differ(got, want []glipvk.Detection, a allowance) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d detections, want %d", len(got), len(want))
	}
	left := slices.Clone(got)
	for _, w := range want {
		i := slices.IndexFunc(left, func(g glipvk.Detection) bool {
			return g.Label == w.Label && math.Abs(g.Score-w.Score) <= a.score && far(g.Box, w.Box) <= a.pixels
		})
		if i < 0 {
			return fmt.Sprintf("no detection like %+v", w)
		}
		left = slices.Delete(left, i, i+1)
	}
	for i := 1; i < len(got); i++ {
		if !(got[i].Score <= got[i-1].Score) {
			return fmt.Sprintf("detection %d has a higher score than the one before", i)
		}
	}
	return ""
}

// far is the largest distance of two boxes' corners, infinite if one is no number.
func far(a, b glip.Box) float64 {
	worst := 0.0
	for i, v := range a.Corners() {
		d := math.Abs(v - b.Corners()[i])
		if !(d <= math.MaxFloat64) {
			return math.Inf(1)
		}
		worst = max(worst, d)
	}
	return worst
}

// scaled takes boxes from the resized picture to the original one.
func (c tinyCase) scaled(list []glipvk.Detection) []glipvk.Detection {
	x := float64(c.Picture.Width) / float64(c.Resized[1])
	y := float64(c.Picture.Height) / float64(c.Resized[0])
	out := slices.Clone(list)
	for i := range out {
		b := &out[i].Box
		b.X1, b.Y1, b.X2, b.Y2 = b.X1*x, b.Y1*y, b.X2*x, b.Y2*y
	}
	return out
}

// TestDetectGolden requires the original's detections on every device, with labels and
// spans of the query, whatever rewrites are left out.
func TestDetectGolden(t *testing.T) {
	cases := tinyCases(t)
	onEach(t, func(t *testing.T, device string) {
		for _, id := range []string{"tiny.caption", "tiny.resize", "tiny_a.caption"} {
			c := cases[id]
			want := c.scaled(c.golden(t))
			for _, v := range []struct {
				name   string
				change func(*glipvk.DetectorOptions)
			}{
				{"all", func(*glipvk.DetectorOptions) {}},
				{"NoAbsorb", func(o *glipvk.DetectorOptions) { o.NoAbsorb = true }},
				{"NoFusion", func(o *glipvk.DetectorOptions) { o.NoFusion = true }},
			} {
				if v.name != "all" && (id != "tiny.caption" || device == "reference" || v.name == "NoFusion" && device == "cpu") {
					continue // one case will do, and these devices have no such form
				}
				t.Run(id+"/"+v.name, func(t *testing.T) {
					d := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device = device; v.change(o) })
					found := detect(t, d, c.photo(), c.query)
					if problem := differ(found, want, exact); problem != "" {
						t.Error(problem)
					}
					checkNames(t, c.query, found)
				})
			}
		}
	})
}

// checkNames requires of each detection the phrase and the span of its label.
func checkNames(t *testing.T, q glipvk.Query, found []glipvk.Detection) {
	t.Helper()
	prompts, err := q.Prompts(text.BERT())
	if err != nil {
		t.Fatal(err)
	}
	var labels []text.Label
	for _, p := range prompts {
		labels = append(labels, p.Labels...)
	}
	for _, f := range found {
		if f.Label < 1 || f.Label > len(labels) || f.Phrase != labels[f.Label-1].Name || f.Span != labels[f.Label-1].Span {
			t.Fatalf("label %d is %q at %v, the query has %+v", f.Label, f.Phrase, f.Span, labels)
		}
	}
}

// The comparison refuses what it is to refuse.
func TestDiffer(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	want := c.golden(t)
	for name, change := range map[string]func([]glipvk.Detection) []glipvk.Detection{
		"one less":      func(l []glipvk.Detection) []glipvk.Detection { return l[1:] },
		"another label": func(l []glipvk.Detection) []glipvk.Detection { l[3].Label = 5 - l[3].Label; return l },
		"a score":       func(l []glipvk.Detection) []glipvk.Detection { l[3].Score += 2e-4; return l },
		"a corner":      func(l []glipvk.Detection) []glipvk.Detection { l[3].Box.Y2 += 0.06; return l },
		"no number":     func(l []glipvk.Detection) []glipvk.Detection { l[3].Box.Y2 = math.NaN(); return l },
		"twice":         func(l []glipvk.Detection) []glipvk.Detection { l[3] = l[4]; return l },
		"order":         func(l []glipvk.Detection) []glipvk.Detection { slices.Reverse(l); return l },
	} {
		if differ(change(slices.Clone(want)), want, exact) == "" {
			t.Errorf("%s: no difference is seen", name)
		}
	}
	if problem := differ(slices.Clone(want), want, exact); problem != "" {
		t.Error(problem)
	}
}

// TestDetectHalf holds 16-bit weights and activations to wider bounds: scores within 0.02
// and corners within half a pixel. Where two boxes overlap by the limit itself, as those of
// one position do here for three labels, the other of the two may stay.
func TestDetectHalf(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device, o.Precision = vulkanDevice(t), glipvk.F16 })
	if d.Device().Precision != glipvk.F16 {
		t.Fatalf("precision %s: %s", d.Device().Precision, d.Device().PrecisionReason)
	}
	found, want := detect(t, d, c.photo(), c.query), c.golden(t)
	matched := 0
	for _, w := range want {
		if slices.ContainsFunc(found, func(f glipvk.Detection) bool {
			return f.Label == w.Label && math.Abs(f.Score-w.Score) <= 0.02 && far(f.Box, w.Box) <= 0.5
		}) {
			matched++
		}
	}
	const few = 5
	if matched < len(want)-few || len(found) < len(want)-few || len(found) > len(want)+few {
		t.Errorf("%d of %d detections are found, and %d in all", matched, len(want), len(found))
	}
}

// lists are the detections of one picture as those of a batch.
func lists(found []glipvk.Detection) [][]glipvk.Detection { return [][]glipvk.Detection{found} }
