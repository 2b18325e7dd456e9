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
