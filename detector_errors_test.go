package glipvk_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/picture"
)

// damaged writes the small checkpoint with one element of a tensor replaced.
func damaged(t *testing.T, tensor string, value float32) string {
	t.Helper()
	found := false
	path := rewritten(t, "damaged.safetensors", func(name string, values []float32) {
		if strings.HasSuffix(name, tensor) {
			values[len(values)/2], found = value, true
		}
	})
	if !found {
		t.Fatalf("the checkpoint has no tensor %s", tensor)
	}
	return path
}

// rewritten writes the small checkpoint with its values changed in place.
func rewritten(t *testing.T, file string, change func(name string, values []float32)) string {
	t.Helper()
	return copied(t, tiny("model.pth"), file, func(name string, values []float32) []string {
		change(name, values)
		return []string{name}
	})
}

// copied writes a checkpoint as safetensors with its values changed in place and each tensor
// under the names that as gives it.
func copied(t *testing.T, from, file string, as func(name string, values []float32) []string) string {
	t.Helper()
	src, err := loader.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	type entry struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	header := map[string]entry{}
	var data []byte
	for _, name := range src.Names() {
		shape, values, err := src.Tensor(name)
		if err != nil {
			continue // of whole numbers: buffers, which no graph takes
		}
		for _, name := range as(name, values) {
			begin := len(data)
			for _, v := range values {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
			}
			header[name] = entry{"F32", append([]int{}, shape...), [2]int{begin, len(data)}}
		}
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), file)
	head := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
	if err := os.WriteFile(path, append(head, data...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// refusal is a change of options that OpenDetector refuses, and what its error says.
type refusal struct {
	name   string
	model  string
	change func(*glipvk.DetectorOptions)
	words  []string
}

// weightRefusals are those of the architecture and of what is read from files.
func weightRefusals(t *testing.T, c tinyCase) []refusal {
	t.Helper()
	wrong := c.config
	wrong.Layers = 3
	bad := c.config
	bad.Channels = 0
	short := filepath.Join(t.TempDir(), "short.txt")
	if err := os.WriteFile(short, []byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncat\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.pth")
	whole, err := os.ReadFile(tiny("model.pth"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	doubled := rewritten(t, "doubled.safetensors", func(name string, values []float32) {
		if strings.Contains(name, "cell_anchors") {
			center, half := (values[0]+values[2])/2, values[2]-values[0]+0.5
			copy(values, []float32{center - half, center - half, center + half, center + half})
		}
	})
	return []refusal{
		{"anchors doubled", "", func(o *glipvk.DetectorOptions) { o.Weights = doubled }, []string{"doubled.safetensors",
			"module.rpn.anchor_generator.cell_anchors.0 is [-60 -60 67 67], want {-28 -28 35 35} (size 64 at stride 8)", "anchor_sizes [128 256 512 1024 2048]"}},
		{"unknown name", "glip-xl", func(o *glipvk.DetectorOptions) { o.Arch = nil }, []string{"glip-xl", "glip-t"}},
		{"no name", "", func(o *glipvk.DetectorOptions) { o.Arch = nil }, []string{"glip-t"}},
		{"bad architecture", "", func(o *glipvk.DetectorOptions) { o.Arch = &bad }, []string{"channels is 0"}},
		{"missing file", "", func(o *glipvk.DetectorOptions) { o.Weights = tiny("none.pth") }, []string{"none.pth"}},
		{"truncated file", "", func(o *glipvk.DetectorOptions) { o.Weights = cut }, []string{"cut.pth"}},
		{"no checkpoint", "", func(o *glipvk.DetectorOptions) { o.Weights = tiny("vocab.txt") }, []string{"vocab.txt"}},
		{"backbone alone", "", func(o *glipvk.DetectorOptions) {
			o.Weights = filepath.Join("testdata", "checkpoints", "mmpretrain-nano.pth")
		},
			[]string{"mmpretrain-nano.pth", "backbone"}},
		{"evil file", "", func(o *glipvk.DetectorOptions) {
			o.Weights = filepath.Join("testdata", "checkpoints", "bad-evil-system.pth")
		}, []string{"os.system"}},
		{"other architecture", "", func(o *glipvk.DetectorOptions) { o.Arch = &wrong }, []string{"model.pth", "dyhead_tower.6"}},
		{"overrides of a checkpoint", "", func(o *glipvk.DetectorOptions) { o.Overrides = c.Overrides }, []string{"overrides", "checkpoint"}},
		{"override of nothing", "", func(o *glipvk.DetectorOptions) {
			o.Weights, o.Overrides = "synthetic:1", map[string]float32{"rpn.head.bias": 1}
		}, []string{"rpn.head.bias"}},
		{"bad seed", "", func(o *glipvk.DetectorOptions) { o.Weights = "synthetic:x" }, []string{"seed"}},
		{"vocabulary of another model", "", func(o *glipvk.DetectorOptions) { o.Vocabulary = "" }, []string{"30522", "209", "vocab"}},
		{"small vocabulary", "", func(o *glipvk.DetectorOptions) { o.Vocabulary = short }, []string{"short.txt", "6", "209"}},
		{"no vocabulary", "", func(o *glipvk.DetectorOptions) { o.Vocabulary = tiny("none.txt") }, []string{"none.txt"}},
		{"vocabulary that is none", "", func(o *glipvk.DetectorOptions) { o.Vocabulary = tiny("model.pth") }, []string{"model.pth"}},
	}
}

// optionRefusals are the others.
func optionRefusals() []refusal {
	return []refusal{
		{"unknown device", "", func(o *glipvk.DetectorOptions) { o.Device = "abacus" }, []string{"device"}},
		{"unknown precision", "", func(o *glipvk.DetectorOptions) { o.Precision = "f8" }, []string{"f8"}},
		{"size below one", "", func(o *glipvk.DetectorOptions) { o.Size = picture.DetectorSize{Short: -1} }, []string{"size"}},
		{"size of two kinds", "", func(o *glipvk.DetectorOptions) { o.Size = picture.DetectorSize{Short: 5, Original: true} }, []string{"size"}},
		{"long below short", "", func(o *glipvk.DetectorOptions) { o.Size = picture.DetectorSize{Short: 50, Long: 40} }, []string{"size"}},
		{"negative candidates", "", func(o *glipvk.DetectorOptions) { o.PerLevel = -1 }, []string{"PerLevel is -1"}},
		{"threshold", "", func(o *glipvk.DetectorOptions) { o.Threshold = math.NaN() }, []string{"Threshold"}},
		{"probability", "", func(o *glipvk.DetectorOptions) { o.Probability = math.NaN() }, []string{"Probability"}},
		{"IoU", "", func(o *glipvk.DetectorOptions) { o.IoU = math.NaN() }, []string{"IoU"}},
	}
}

func TestOpenDetectorErrors(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	for _, tc := range append(weightRefusals(t, c), optionRefusals()...) {
		t.Run(tc.name, func(t *testing.T) {
			o := c.options()
			if tc.name != "unknown device" {
				o.Device = "cpu"
			}
			tc.change(&o)
			d, err := glipvk.OpenDetector(t.Context(), tc.model, o)
			if err == nil {
				t.Fatal("it opens", d.Close())
			}
			if !errors.Is(err, glipvk.ErrInput) {
				t.Errorf("the error does not wrap ErrInput: %v", err)
			}
			for _, word := range tc.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q is not in the error: %v", word, err)
				}
			}
		})
	}
}

// TestDetectorInputErrors requires that inputs and queries which cannot be are refused by
// every call, and that nothing of them is kept.
func TestDetectorInputErrors(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	for _, device := range []string{"reference", "cpu"} { // nothing of it reaches a device
		d := openTiny(t, c, on(device))
		good := preprocess(t, d, c.photo())
		change := func(f func(*picture.Input)) picture.Input {
			in := good
			in.Data, in.Views = slices.Clone(in.Data), slices.Clone(in.Views)
			f(&in)
			return in
		}
		for _, tc := range []struct {
			name string
			in   picture.Input
			q    glipvk.Query
		}{
			{"no picture", picture.Input{}, c.query},
			{"short", change(func(in *picture.Input) { in.Data = in.Data[1:] }), c.query},
			{"sides", change(func(in *picture.Input) { in.Height, in.Width = 48, 128 }), c.query},
			{"nothing but padding", change(func(in *picture.Input) { in.Views[0].Content.Width = 0 }), c.query},
			{"more than the padding", change(func(in *picture.Input) { in.Views[0].Content.Height = 65 }), c.query},
			{"negative", picture.Input{Batch: 1, Height: -32, Width: -32, Data: make([]float32, 3*32*32)}, c.query},
			{"NaN", change(func(in *picture.Input) { in.Data[7] = float32(math.NaN()) }), c.query},
			{"infinity", change(func(in *picture.Input) { in.Data[7] = float32(math.Inf(-1)) }), c.query},
			{"empty query", good, glipvk.Query{}},
			{"silent query", good, glipvk.Query{Classes: []string{""}}},
		} {
			_, detected := d.DetectInput(t.Context(), tc.q, tc.in)
			_, verified := d.Verify(t.Context(), tc.q, tc.in, lists(nil))
			_, tapped := d.Taps(t.Context(), tc.q, tc.in, "rpn.head.dot.*")
			_, profiled := d.Profile(t.Context(), tc.q, tc.in)
			for i, err := range []error{detected, verified, tapped, profiled} {
				if !errors.Is(err, glipvk.ErrInput) {
					t.Errorf("%s, call %d: got %v", tc.name, i, err)
				} else if strings.Contains(err.Error(), "weights") {
					t.Errorf("%s, call %d: the weights are blamed: %v", tc.name, i, err)
				}
			}
		}
		if problem := differ(detect(t, d, c.photo(), c.query), c.golden(t), exact); problem != "" {
			t.Errorf("after bad inputs: %s", problem)
		}
	}
}

func TestDetectorVerify(t *testing.T) {
	asksReference(t)
	c := tinyCases(t)["tiny.resize"]
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		in := preprocess(t, d, c.photo())
		found := detect(t, d, c.photo(), c.query)
		verify := func(found []glipvk.Detection) (wrong []string) {
			t.Helper()
			list, err := d.Verify(t.Context(), c.query, in, lists(found))
			if err != nil || len(list) < 5+2+15+2 {
				t.Fatalf("%d differences, %v", len(list), err)
			}
			if _, err := json.Marshal(list); err != nil {
				t.Error(err)
			}
			for _, x := range list {
				if !x.OK() {
					wrong = append(wrong, x.Name)
				}
			}
			return wrong
		}
		if wrong := verify(found); wrong != nil {
			t.Errorf("what was found is said to be wrong: %v", wrong)
		}
		if device != "cpu" {
			return // one device will do for the rest
		}
		for name, change := range map[string]func([]glipvk.Detection) []glipvk.Detection{
			"score":   func(l []glipvk.Detection) []glipvk.Detection { l[2].Score += 2e-4; return l },
			"missing": func(l []glipvk.Detection) []glipvk.Detection { return l[1:] },
		} {
			if wrong := verify(change(slices.Clone(found))); wrong == nil {
				t.Errorf("%s: the doctored list passes", name)
			}
		}
	})
	strict := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device, o.Threshold = "cpu", 0.99 })
	list, err := strict.Verify(t.Context(), c.query, preprocess(t, strict, c.photo()), lists(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list {
		if !x.OK() {
			t.Errorf("where nothing is found, %s is said to be wrong: %+v", x.Name, x)
		}
	}
}

func TestDetectorTaps(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		in := preprocess(t, d, c.photo())
		maps, err := d.Taps(t.Context(), c.query, in, "rpn.head.dyhead_tower.*.p3", "backbone.fpn.fpn_layer2", "rpn.head.dot.p7",
			"language_backbone.body.model.embeddings.LayerNorm", "backbone.fpn.**2")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range maps {
			got = append(got, m.Name)
			n := 1
			for _, side := range m.Shape {
				n *= side
			}
			if n != len(m.Data) || n == 0 {
				t.Errorf("%s has %d elements, shape %v", m.Name, len(m.Data), m.Shape)
			}
		}
		for _, want := range []string{"backbone.fpn.fpn_inner2", "backbone.fpn.fpn_layer2", "language_backbone.body.model.embeddings.LayerNorm",
			"rpn.head.dyhead_tower.0.p3", "rpn.head.dyhead_tower.2.p3", "rpn.head.dyhead_tower.5.p3", "rpn.head.dot.p7"} {
			if n := len(slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s != want })); n != 1 {
				t.Errorf("%s is there %d times in %v", want, n, got)
			}
		}
		for _, tc := range []struct {
			q    glipvk.Query
			glob string
			word string
		}{
			{c.query, "nothing.*", `"nothing.*"`}, {c.query, "[", "syntax"}, {c.query, "", `""`},
			{glipvk.Query{Classes: strings.Split(strings.Repeat("cat ", 80)+"cat", " ")}, "rpn.**", "3 captions"},
		} {
			if device == "vulkan" && tc.word != "3 captions" {
				continue // it would compile what the others have shown
			}
			if _, err := d.Taps(t.Context(), tc.q, in, "rpn.head.dot.p3", tc.glob); !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), tc.word) {
				t.Errorf("glob %q: got %v", tc.glob, err)
			}
		}
		if found := detect(t, d, c.photo(), c.query); differ(found, c.golden(t), exact) != "" {
			t.Error("after taps other detections")
		}
	})
}

// TestDetectorInfo says what was opened.
func TestDetectorInfo(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	d := openTiny(t, c, on("reference"))
	if d.Info().Name != "custom" || d.Weights() != tiny("model.pth") || d.Device().Name != "CPU reference" || d.Device().Precision != glipvk.F32 ||
		d.Info().Detector.Layers != 2 || d.Tokenizer().Size() != 209 || d.Executor().Live() != 0 {
		t.Errorf("%s, %s, %+v, %+v", d.Info().Name, d.Weights(), d.Device(), d.Info().Detector)
	}
	if _, err := glip.Preset("custom"); err == nil {
		t.Error("a preset is called custom")
	}
}
