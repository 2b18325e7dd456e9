package onnx_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/compare"
	"github.com/glipvk/glipvk/internal/ort"
	"github.com/glipvk/glipvk/onnx"
	"github.com/glipvk/glipvk/onnx/schema"
	"github.com/glipvk/glipvk/swin"
	"google.golang.org/protobuf/proto"
)

// small is a backbone of two stages whose maps need padding and are shifted.
func small() swin.Config {
	return swin.Config{
		EmbedDims: 8, Depths: []int{2, 2}, NumHeads: []int{1, 2}, WindowSize: 4, PadSmallMap: true, OutIndices: []int{0, 1},
		ImageSize: 64, PatchSize: 4, MLPRatio: 4, Eps: 1e-5, QKVBias: true,
	}
}

// tiny is the architecture of the detector in testdata.
func tiny(t *testing.T) glip.Config {
	t.Helper()
	data, err := os.ReadFile("../testdata/glip/tiny/arch.json")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := glip.ParseConfig(data)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// modest are weights as a network has them: small, norms near 1.
type modest struct{}

func (modest) Tensor(name string, shape []int) ([]float32, error) {
	values, err := made{}.Tensor(name, shape)
	for i := range values {
		values[i] *= 1 / float32(math.Sqrt(float64(max(graph.Shape(shape).Elements()/shape[0], 1))))
		if len(shape) == 1 {
			values[i] = 0.5 + values[i]/4
		}
	}
	return values, err
}

// read is a model's file as the published schema has it.
func read(t *testing.T, path string) *schema.ModelProto {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := &schema.ModelProto{}
	if err := proto.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFile reads models back: the graph, the sizes, and weights inside and beside, whose numbers are those that were given.
func TestFile(t *testing.T) {
	m, err := onnx.Backbone(small(), swin.Input{Batch: onnx.AnyBatch, Height: 30, Width: 45})
	if err != nil {
		t.Fatal(err)
	}
	for _, where := range []onnx.Where{onnx.Auto, onnx.Inside, onnx.Beside} {
		path := filepath.Join(t.TempDir(), "folder", "a.onnx")
		files, err := m.Write(path, made{}, where)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{path}
		if where == onnx.Beside {
			want = []string{path + ".data", path}
		}
		if !slices.Equal(files, want) {
			t.Errorf("%v: wrote %q, want %q", where, files, want)
		}
		got := read(t, path)
		if got.OpsetImport[0].Version != 20 || got.IrVersion != 9 || len(got.Graph.Output) != 2 {
			t.Errorf("opset %v, format %d, %d outputs", got.OpsetImport, got.IrVersion, len(got.Graph.Output))
		}
		in := got.Graph.Input[0]
		if dims := in.Type.GetTensorType().Shape.Dim; in.Name != "image" || dims[0].GetDimParam() != "batch" || dims[2].GetDimValue() != 30 || dims[3].GetDimValue() != 45 {
			t.Errorf("input %v", in)
		}
		weights := 0
		for _, tensor := range got.Graph.Initializer {
			if tensor.Name == "stages.0.blocks.1.attn.w_msa.relative_position_bias_table" {
				weights++
				sameNumbers(t, tensorData(t, path, tensor), "stages.0.blocks.1.attn.w_msa.relative_position_bias_table", []int{49, 1}, false)
			}
			if tensor.Name == "stages.0.blocks.0.ffn.layers.0.0.weight/transposed" {
				weights++
				sameNumbers(t, tensorData(t, path, tensor), "stages.0.blocks.0.ffn.layers.0.0.weight", []int{32, 8}, true)
			}
		}
		if weights != 2 {
			t.Errorf("%v: %d of two weights are there", where, weights)
		}
	}
}

// tensorData are the bytes of a constant, inside or beside.
func tensorData(t *testing.T, path string, tensor *schema.TensorProto) []byte {
	t.Helper()
	if tensor.DataLocation != schema.TensorProto_EXTERNAL {
		return tensor.RawData
	}
	at := map[string]string{}
	for _, e := range tensor.ExternalData {
		at[e.Key] = e.Value
	}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(path), at["location"]))
	if err != nil {
		t.Fatal(err)
	}
	offset, err1 := strconv.Atoi(at["offset"])
	length, err2 := strconv.Atoi(at["length"])
	if err := errors.Join(err1, err2); err != nil || offset%4096 != 0 {
		t.Fatalf("%s: %v: %v", tensor.Name, at, err)
	}
	return data[offset : offset+length]
}

func sameNumbers(t *testing.T, data []byte, name string, shape []int, turned bool) {
	t.Helper()
	values, _ := made{}.Tensor(name, shape)
	var want []byte
	for i := range values {
		from := i
		if turned {
			from = i%shape[0]*shape[1] + i/shape[0]
		}
		want = binary.LittleEndian.AppendUint32(want, math.Float32bits(values[from]))
	}
	if !bytes.Equal(data, want) {
		t.Errorf("%s: %d bytes, which are not the weight's %d", name, len(data), len(want))
	}
}

// broken fails at a weight.
type broken struct{ at string }

var errBroken = errors.New("broken on purpose")

func (b broken) Tensor(name string, shape []int) ([]float32, error) {
	if name == b.at {
		return nil, errBroken
	}
	return make([]float32, graph.Shape(shape).Elements()), nil
}

// TestNothingHalf wants the old file to stay where a weight cannot be read, and nothing else in the folder.
func TestNothingHalf(t *testing.T) {
	m, err := onnx.Backbone(small(), swin.Input{Batch: 1, Height: 32, Width: 32})
	if err != nil {
		t.Fatal(err)
	}
	for _, where := range []onnx.Where{onnx.Inside, onnx.Beside} {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.onnx")
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write(path, broken{"stages.1.blocks.0.ffn.layers.0.0.weight"}, where); !errors.Is(err, errBroken) {
			t.Errorf("the error is %v", err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != "old" {
			t.Errorf("the file holds %.20q (%v)", data, err)
		}
		if list, _ := os.ReadDir(dir); len(list) != 1 {
			t.Errorf("the folder has %v", list)
		}
	}
}

// TestTooLarge wants weights of more than 2 GB beside the model.
func TestTooLarge(t *testing.T) {
	b := graph.NewBuilder()
	b.Output(b.In("y").Linear(b.In("x").Input(1, 1<<15), 1<<14, graph.NoBias))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Graph("large", g, []string{"x"}, []onnx.Named{{ID: g.Outputs[0], Name: "y"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := m.Write(filepath.Join(dir, "a.onnx"), made{}, onnx.Inside); !errors.Is(err, onnx.ErrTooLarge) {
		t.Errorf("the error is %v", err)
	}
	// A weight that fails says that there was a file beside to be written first.
	if _, err := m.Write(filepath.Join(dir, "a.onnx"), broken{"y.weight"}, onnx.Auto); !errors.Is(err, errBroken) {
		t.Errorf("the error is %v", err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 0 {
		t.Errorf("the folder has %v", list)
	}
}

// TestBackboneBatch runs a backbone whose batch is open on one picture and on three.
func TestBackboneBatch(t *testing.T) {
	r := needRuntime(t)
	size := swin.Input{Batch: onnx.AnyBatch, Height: 30, Width: 45}
	m, err := onnx.Backbone(small(), size)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.onnx")
	if _, err := m.Write(path, modest{}, onnx.Beside); err != nil {
		t.Fatal(err)
	}
	var jobs []ort.Job
	var want [][][]float32
	for _, batch := range []int{1, 3} {
		size.Batch = batch
		g, err := swin.Record(small(), size)
		if err != nil {
			t.Fatal(err)
		}
		shape := g.Nodes[g.Inputs()[0]].Shape
		x, _ := made{}.Tensor(fmt.Sprint("pictures", batch), shape)
		maps, err := cpuref.Run(t.Context(), g, modest{}, cpuref.Options{}, x)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, maps)
		jobs = append(jobs, ort.Job{Model: path, Provider: "cpu", Threads: 1, Outputs: true, Inputs: []ort.Tensor{ort.Floats("image", shape, x)}})
	}
	results, err := r.Run(t.Context(), jobs...)
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range results {
		for stage := range want[i] {
			name := fmt.Sprint("stage", stage)
			near(t, result, name, want[i][stage])
		}
	}
}

// near compares an output with what is wanted.
func near(t *testing.T, r ort.Result, name string, want []float32) {
	t.Helper()
	if r.Error != "" {
		t.Fatal(r.Error)
	}
	got, err := r.Output(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Errorf("%s has %d elements, want %d", name, len(got), len(want))
		return
	}
	if d := compare.Values(name, got, want).Within(compare.Bounds{RelativeL2: 2e-5, Absolute: 2e-3}); !d.OK() {
		t.Error(d)
	}
}

// question is what a detector is asked in these tests: two pictures with a caption each, one of them padded.
type question struct {
	height, width, tokens, labels int
	image, ids, mask, owned       []float32
}

func newQuestion(cfg glip.Config, batch int) question {
	q := question{height: 64, width: 96, tokens: 7, labels: 3}
	q.image, _ = made{}.Tensor("image", []int{batch, 3, q.height, q.width})
	for b := range batch {
		for token := range q.tokens {
			q.ids = append(q.ids, float32((11*token+5*b+1)%cfg.Text.VocabSize))
			mask := float32(1)
			if token >= q.tokens-2*b {
				mask = 0
			}
			q.mask = append(q.mask, mask)
		}
		for label := range q.labels {
			for token := range q.tokens {
				owned := float32(0)
				if label < 2 && token/2 == label {
					owned = 1
				}
				q.owned = append(q.owned, owned)
			}
		}
	}
	return q
}

// job runs a detector's model on the question.
func (q question) job(path string, batch int, boxes bool) ort.Job {
	j := ort.Job{Model: path, Provider: "cpu", Threads: 1, Outputs: true, Inputs: []ort.Tensor{
		ort.Floats("image", []int{batch, 3, q.height, q.width}, q.image),
		ort.Integers("input_ids", []int{batch, q.tokens}, q.ids),
		ort.Integers("attention_mask", []int{batch, q.tokens}, q.mask),
	}}
	if boxes {
		var size []float32
		for range batch {
			size = append(size, float32(q.height-5), float32(q.width-9))
		}
		j.Inputs = append(j.Inputs, ort.Floats("positive_map", []int{batch, q.labels, q.tokens}, q.owned), ort.Floats("image_size", []int{batch, 2}, size))
	}
	return j
}

// TestDetector runs the detector in all its forms with an open batch and compares boxes and the head's predictions with the oracle's.
func TestDetector(t *testing.T) {
	r := needRuntime(t)
	cfg := tiny(t)
	const batch = 2
	q := newQuestion(cfg, batch)
	in := glip.Grounding{Batch: batch, Height: q.height, Width: q.width, Tokens: q.tokens, Labels: q.labels, PerLevel: 40}
	g, err := glip.Record(cfg, in)
	if err != nil {
		t.Fatal(err)
	}
	masks := make([]float32, len(q.mask))
	for i, m := range q.mask {
		masks[i] = (1 - m) * glip.Masked
	}
	values := map[string][]float32{}
	levels, err := cpuref.Run(t.Context(), g, modest{}, cpuref.Options{Observe: func(_ graph.ID, n graph.Node, data []float32) {
		values[n.Path] = data
	}}, q.image, q.ids, masks, q.owned)
	if err != nil {
		t.Fatal(err)
	}
	o := onnx.DetectorOptions{Batch: onnx.AnyBatch, Height: q.height, Width: q.width, Tokens: q.tokens, Labels: q.labels, PerLevel: 40}
	raw, other := o, o
	raw.Raw, other.Absorb, other.Gather = true, true, true
	var jobs []ort.Job
	for i, form := range []onnx.DetectorOptions{raw, o, other} {
		m, err := onnx.Detector(cfg, form)
		if err != nil {
			t.Fatal(err)
		}
		if has := m.Nodes()["DeformConv"] > 0; has == form.Gather {
			t.Errorf("%+v: DeformConv is there: %v", form, has)
		}
		path := filepath.Join(t.TempDir(), fmt.Sprint(i, ".onnx"))
		if _, err := m.Write(path, modest{}, onnx.Inside); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, q.job(path, batch, !form.Raw))
	}
	results, err := r.Run(t.Context(), jobs...)
	if err != nil {
		t.Fatal(err)
	}
	for l := range glip.Levels {
		at := fmt.Sprint("p", l+3)
		near(t, results[0], "logits_"+at, values["rpn.head.dot."+at])
		near(t, results[0], "box_regression_"+at, values["rpn.head.bbox."+at])
	}
	for i, result := range results[1:] {
		for b := range batch {
			sameBoxes(t, []string{"recorded", "absorbed with gathers"}[i], cfg, q, result, b, levels[:glip.Levels])
		}
	}
}

// sameBoxes compares the boxes of a picture with those that package glip makes of the oracle's candidates, none suppressed.
func sameBoxes(t *testing.T, form string, cfg glip.Config, q question, r ort.Result, b int, levels [][]float32) {
	t.Helper()
	var mine [][]float32
	rows := 0
	for _, l := range levels {
		each := len(l) / 2
		mine, rows = append(mine, l[b*each:][:each]), rows+each/graph.CandidateFields
	}
	want, err := glip.Detections(cfg, mine, glip.Frame{PaddedHeight: q.height, PaddedWidth: q.width, Height: q.height - 5, Width: q.width - 9}, glip.Limits{IoU: 1, Count: -1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Error != "" {
		t.Fatalf("%s: %s", form, r.Error)
	}
	boxes, err1 := r.Output("boxes")
	scores, err2 := r.Output("scores")
	labels, err3 := r.Output("labels")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	found := 0
	for i := b * rows; i < (b+1)*rows; i++ {
		if labels[i] == 0 {
			continue
		}
		found++
		box := glip.Box{X1: float64(boxes[4*i]), Y1: float64(boxes[4*i+1]), X2: float64(boxes[4*i+2]), Y2: float64(boxes[4*i+3])}
		if !slices.ContainsFunc(want, func(d glip.Detection) bool {
			return d.Label == int(labels[i]) && d.Box.Apart(box) < 0.01 && math.Abs(d.Score-float64(scores[i])) < 1e-4
		}) {
			t.Errorf("%s: picture %d: the oracle has no box %v of label %v and score %v", form, b, box, labels[i], scores[i])
			return
		}
	}
	if found != len(want) || found == 0 {
		t.Errorf("%s: picture %d: %d boxes, want %d", form, b, found, len(want))
	}
}

func TestDetectorErrors(t *testing.T) {
	cfg := tiny(t)
	good := onnx.DetectorOptions{Batch: 1, Height: 64, Width: 64, Tokens: 5, Labels: 2}
	for name, change := range map[string]func(*onnx.DetectorOptions){
		"height": func(o *onnx.DetectorOptions) { o.Height = 65 },
		"tokens": func(o *onnx.DetectorOptions) { o.Tokens = 10000 },
		"labels": func(o *onnx.DetectorOptions) { o.Labels = 0 },
		"batch":  func(o *onnx.DetectorOptions) { o.Batch = -1 },
	} {
		o := good
		change(&o)
		if _, err := onnx.Detector(cfg, o); !errors.Is(err, graph.ErrShape) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	if _, err := onnx.Backbone(small(), swin.Input{Batch: 1}); !errors.Is(err, graph.ErrShape) {
		t.Errorf("a backbone without a size: %v", err)
	}
}
