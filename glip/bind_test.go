package glip_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/synthetic"
)

const tinyDir = "../testdata/glip"

// detectorCase is a case of testdata/glip/manifest.json.
type detectorCase struct {
	ID        string
	Seed      uint64
	Overrides map[string]float32
	Arch      json.RawMessage
}

func (c detectorCase) config(t testing.TB) glip.Config {
	t.Helper()
	cfg, err := glip.ParseConfig(c.Arch)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// tinyCase finds a case of the manifest.
func tinyCase(t testing.TB, id string) detectorCase {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(tinyDir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Groups []struct{ Cases []detectorCase }
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	for _, g := range manifest.Groups {
		if i := slices.IndexFunc(g.Cases, func(c detectorCase) bool { return c.ID == id }); i >= 0 {
			return g.Cases[i]
		}
	}
	t.Fatalf("the manifest has no case %s", id)
	return detectorCase{}
}

// openTiny opens the checkpoint of the scaled-down detector.
func openTiny(t testing.TB) (*loader.Checkpoint, detectorCase) {
	t.Helper()
	src, err := loader.Open(filepath.Join(tinyDir, "tiny", "model.pth"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src, tinyCase(t, "tiny.caption")
}

// made is an official checkpoint by formula.
func made(t testing.TB, cfg glip.Config, weights synthetic.Detector) *synthetic.Checkpoint {
	t.Helper()
	var tensors []synthetic.Declared
	for _, p := range glip.OfficialParams(cfg) {
		tensors = append(tensors, synthetic.Declared(p))
	}
	c, err := synthetic.NewCheckpoint(tensors, weights)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// memory is a checkpoint held in maps.
type memory struct {
	names  []string
	shapes map[string][]int
	dtypes map[string]string
	data   map[string][]float32
}

func (m *memory) Names() []string                 { return m.names }
func (m *memory) Shape(name string) ([]int, bool) { s, ok := m.shapes[name]; return s, ok }
func (m *memory) DType(name string) string        { return m.dtypes[name] }
func (m *memory) Read(name string, into []float32) error {
	if n := copy(into, m.data[name]); n != len(into) || n != len(m.data[name]) {
		return fmt.Errorf("%s has %d elements, %d were asked for", name, len(m.data[name]), len(into))
	}
	return nil
}

// tensorOf reads a parameter in the shape that it was bound in.
func tensorOf(w *bind.Weights, name string) (shape []int, data []float32, err error) {
	shape, _ = w.Shape(name)
	data, err = w.Tensor(name, shape)
	return shape, data, err
}

// add enters a tensor of zeros, or of the given values.
func (m *memory) add(name string, shape []int, data ...float32) {
	if data == nil {
		n := 1
		for _, s := range shape {
			n *= s
		}
		data = make([]float32, n)
	}
	if m.shapes == nil {
		m.shapes, m.dtypes, m.data = map[string][]int{}, map[string]string{}, map[string][]float32{}
	}
	m.names = append(m.names, name)
	m.shapes[name], m.dtypes[name], m.data[name] = shape, "float32", data
}

func (m *memory) drop(name string) {
	m.names = slices.DeleteFunc(m.names, func(n string) bool { return n == name })
}

// copyOf holds a checkpoint under other names; a name that becomes empty is left out.
func copyOf(t testing.TB, src bind.Source, rename func(string) string) *memory {
	t.Helper()
	m := &memory{}
	for _, key := range src.Names() {
		shape, _ := src.Shape(key)
		data := make([]float32, graph.Shape(shape).Elements())
		if err := src.Read(key, data); err != nil && src.DType(key) != "int64" {
			t.Fatal(err)
		}
		if name := rename(key); name != "" {
			if m.add(name, shape, data...); src.DType(key) == "int64" {
				m.dtypes[name] = "int64"
				m.shapes[name], _ = src.Shape(key)
			}
		}
	}
	return m
}

func keep(name string) string { return name }

func bitsEqual(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// sameTensors: both weights have the same parameters, bit for bit.
func sameTensors(t *testing.T, got, want *bind.Weights) {
	t.Helper()
	if !slices.Equal(got.Names(), want.Names()) {
		t.Fatalf("%d parameters, want %d", len(got.Names()), len(want.Names()))
	}
	for _, name := range want.Names() {
		gotShape, gotData, err := tensorOf(got, name)
		wantShape, wantData, wantErr := tensorOf(want, name)
		if err != nil || wantErr != nil {
			t.Fatal(err, wantErr)
		}
		if !slices.Equal(gotShape, wantShape) || !bitsEqual(gotData, wantData) {
			t.Errorf("%s %v is not the tensor %v wanted", name, gotShape, wantShape)
		}
	}
}

// TestTinyBinds: the file that the original's own classes wrote binds to its
// architecture, and holds what the formula gives, bit for bit.
func TestTinyBinds(t *testing.T) {
	src, c := openTiny(t)
	cfg := c.config(t)
	fromFile, err := glip.Bind(src, cfg, bind.Options{})
	if err != nil {
		t.Fatal(err)
	}
	byFormula, err := glip.Bind(made(t, cfg, synthetic.Detector{Seed: c.Seed, Overrides: c.Overrides}), cfg, bind.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sameTensors(t, fromFile, byFormula)
	if _, err := fromFile.Check(context.Background()); err != nil {
		t.Error(err)
	}
	if fromFile.Family() != glip.Official || byFormula.Family() != glip.Official {
		t.Errorf("families %s and %s", fromFile.Family(), byFormula.Family())
	}
	_, bias, _ := tensorOf(fromFile, "rpn.head.bias0")
	if want := c.Overrides["rpn.head.bias0"]; !bitsEqual(bias, []float32{want}) || want == 0 {
		t.Errorf("rpn.head.bias0 is %v, want the override %v", bias, want)
	}
}

// TestTinyIgnored: every tensor of the file is used or has a reason.
func TestTinyIgnored(t *testing.T) {
	src, c := openTiny(t)
	w, err := glip.Bind(src, c.config(t), bind.Options{})
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]int{}
	for _, i := range w.Ignored() {
		reasons[i.Reason]++
	}
	want := map[string]int{"a buffer, computed anew": 8 + 1, "anchors, computed anew": 5, "a class head whose values no score uses": 2}
	if fmt.Sprint(reasons) != fmt.Sprint(want) {
		t.Errorf("ignored %v, want %v", reasons, want)
	}
	used := 0
	for _, name := range w.Names() {
		used += len(w.Keys(name))
	}
	if used+len(w.Ignored()) != len(src.Names()) {
		t.Errorf("%d used and %d ignored of %d", used, len(w.Ignored()), len(src.Names()))
	}
}

// TestMergeOrder: the four neighbours of patch merging are put into the graph's
// order, and nothing else is.
func TestMergeOrder(t *testing.T) {
	src, c := openTiny(t)
	w, err := glip.Bind(src, c.config(t), bind.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, official, err := src.Tensor("module.backbone.body.layers.1.downsample.reduction.weight") // [48, 4*24]
	if err != nil {
		t.Fatal(err)
	}
	_, got, err := tensorOf(w, "backbone.body.stages.1.downsample.reduction.weight")
	if err != nil {
		t.Fatal(err)
	}
	const channels, rows = 24, 48
	for row := range rows {
		for ch := range channels {
			for j, group := range []int{0, 2, 1, 3} { // mm[4c + j] = off[P[j]·C + c]
				if g, o := got[row*4*channels+4*ch+j], official[row*4*channels+group*channels+ch]; g != o {
					t.Fatalf("row %d, channel %d, neighbour %d is %v, want %v", row, ch, j, g, o)
				}
			}
		}
	}
	_, official, _ = src.Tensor("module.backbone.body.norm2.weight")
	if _, got, _ = tensorOf(w, "backbone.body.norm2.weight"); !bitsEqual(got, official) {
		t.Error("norm2 of the backbone was permuted")
	}
}

// TestAllProblemsAtOnce: one error lists every kind, in the backbone and outside, by
// the detector's names.
func TestAllProblemsAtOnce(t *testing.T) {
	src, c := openTiny(t)
	bad := copyOf(t, src, keep)
	const body, tower = "module.backbone.body.layers.2.blocks.1.", "module.rpn.head.dyhead_tower."
	bad.drop(body + "norm1.weight")
	bad.drop("module.rpn.head.bias_lang")
	bad.add(body+"strange", []int{1})
	bad.add(tower+"8.offset.bias", []int{27})
	bad.add("module.roi_heads.box.weight", []int{1})
	bad.add("rpn.head.bias0", []int{1}) // beside the one below module.
	bad.shapes[body+"mlp.fc2.weight"] = []int{1, 2, 3}
	bad.shapes[tower+"0.b_attn.gamma_l"] = []int{32}
	bad.dtypes[tower+"1.output.dense.bias"] = "int64"
	_, err := glip.Bind(bad, c.config(t), bind.Options{})
	var problems *bind.Error
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	if want := []string{"backbone.body.stages.2.blocks.1.norm1.weight", "rpn.head.bias_lang"}; !slices.Equal(problems.Missing, want) {
		t.Errorf("missing %v, want %v", problems.Missing, want)
	}
	for _, part := range []string{body + "strange", tower + "8.offset.bias", "module.roi_heads.box.weight", "rpn.head.bias0 (beside module.rpn.head.bias0)"} {
		if !slices.Contains(problems.Unexpected, part) {
			t.Errorf("unexpected %v, want among them %s", problems.Unexpected, part)
		}
	}
	var names []string
	for _, m := range problems.Mismatched {
		names = append(names, m.Name)
	}
	want := []string{"backbone.body.stages.2.blocks.1.ffn.layers.1.weight", "rpn.head.dyhead_tower.0.b_attn.gamma_l", "rpn.head.dyhead_tower.1.output.dense.bias"}
	if !slices.Equal(names, want) || len(problems.Unexpected) != 4 {
		t.Errorf("mismatched %v, unexpected %v", names, problems.Unexpected)
	}
	for _, kind := range []error{bind.ErrMissing, bind.ErrUnexpected, bind.ErrShape} {
		if !errors.Is(err, kind) {
			t.Errorf("the error does not wrap %v", kind)
		}
	}
	if !strings.HasPrefix(err.Error(), "glip: checkpoint (microsoft/GLIP detector) does not fit: ") {
		t.Error(err)
	}
}

// TestCheck lists what is not finite by the detector's names; it stops with its context
// and can be told to let values pass.
func TestCheck(t *testing.T) {
	src, c := openTiny(t)
	bad := copyOf(t, src, keep)
	bad.data["module.backbone.body.norm1.bias"][3] = float32(math.NaN())
	bad.data["module.rpn.head.scales.4.scale"][0] = float32(math.Inf(-1))
	bad.data["module.rpn.head.bias_lang"][1] = -70000
	w, err := glip.Bind(bad, c.config(t), bind.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := w.Check(context.Background())
	var problems *bind.Error
	if !errors.As(err, &problems) || len(problems.NonFinite) != 2 || !errors.Is(err, bind.ErrNonFinite) {
		t.Fatalf("%v", err)
	}
	if a, b := problems.NonFinite[0], problems.NonFinite[1]; a.Name != "backbone.body.norm1.bias" || a.Index != 3 || b.Name != "rpn.head.scales.4.scale" {
		t.Errorf("%+v", problems.NonFinite)
	}
	if report.Largest != 70000 || report.Name != "rpn.head.bias_lang" {
		t.Errorf("%+v", report)
	}
	for _, name := range []string{"backbone.body.norm1.bias", "rpn.head.scales.4.scale"} {
		if _, _, err := tensorOf(w, name); !errors.Is(err, bind.ErrNonFinite) || !strings.HasPrefix(err.Error(), "glip: ") || !strings.Contains(err.Error(), name) {
			t.Errorf("reading %s: %v", name, err)
		}
	}
	for _, name := range []string{"rpn.head.none", "backbone.body.none"} {
		if _, _, err := tensorOf(w, name); !errors.Is(err, bind.ErrMissing) {
			t.Errorf("reading no parameter: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.Check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if w, err = glip.Bind(bad, c.config(t), bind.Options{AllowNonFinite: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Check(context.Background()); err != nil {
		t.Errorf("allowed: %v", err)
	}
}

// TestAnchorsOfTheFile: a file that was made for other anchors is refused, with what helps, and
// one whose anchors are rounded to half precision is not.
func TestAnchorsOfTheFile(t *testing.T) {
	src, c := openTiny(t)
	const key = "module.rpn.anchor_generator.cell_anchors."
	doubled := func(m *memory) {
		for level, size := range []float32{128, 256, 512, 1024, 2048} {
			center := float32(int(8)<<level-1) / 2
			low, high := center-(size-1)/2, center+(size-1)/2
			m.data[key+fmt.Sprint(level)] = []float32{low, low, high, high}
		}
	}
	for _, row := range []struct {
		name   string
		change func(*memory)
		want   []string // nothing where the file fits
	}{
		{"its own", func(*memory) {}, nil},
		{"half precision", func(m *memory) { m.data[key+"4"] = []float32{-448, -448, 575.5, 575.5} }, nil},
		{"doubled", doubled, []string{
			"glip: checkpoint (microsoft/GLIP detector)", key + "0 is [-60 -60 67 67], want {-28 -28 35 35} (size 64 at stride 8)", key + "4",
			"state the file's own anchors in the architecture (DetectorOptions.Arch): anchor_sizes [128 256 512 1024 2048]",
		}},
		{"strides", func(m *memory) { m.data[key+"0"] = []float32{-24, -24, 39, 39} }, []string{key + "0 is [-24", "use another checkpoint"}},
		{"not square", func(m *memory) { m.data[key+"2"] = []float32{-120, -120, 135, 144} }, []string{key + "2 is [-120", "use another checkpoint"}},
		{"three a place", func(m *memory) { m.shapes[key+"1"] = []int{3, 4} }, []string{key + "1 is of shape [3 4]", "use another checkpoint"}},
		{"huge", func(m *memory) { m.shapes[key+"1"] = []int{1 << 62, 1 << 62} }, []string{key + "1 is of shape"}},
		{"a sixth level", func(m *memory) { m.add(key+"5", []int{1, 4}) }, []string{key + "5 is", "levels 0 to 4"}},
		{"NaN", func(m *memory) { m.data[key+"3"][2] = float32(math.NaN()) }, []string{key + "3 is [-224 -224 NaN 287]"}},
	} {
		m := copyOf(t, src, keep)
		row.change(m)
		_, err := glip.Bind(m, c.config(t), bind.Options{})
		if (err != nil) != (row.want != nil) || err != nil && !errors.Is(err, bind.ErrFact) {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		for _, part := range row.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: no %q in: %v", row.name, part, err)
			}
		}
	}
	m := copyOf(t, src, keep)
	doubled(m)
	cfg := c.config(t)
	cfg.AnchorSizes = []int{128, 256, 512, 1024, 2048}
	if _, err := glip.Bind(m, cfg, bind.Options{}); err != nil {
		t.Errorf("stated as the error says: %v", err)
	}
}
