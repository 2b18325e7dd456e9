package onnx_test

import (
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/ort"
	"github.com/glipvk/glipvk/onnx"
)

// needRuntime is ONNX Runtime, or skips the test.
func needRuntime(t *testing.T) ort.Runtime {
	t.Helper()
	r, err := ort.Find(os.Getenv(ort.Variable))
	if err != nil {
		t.Skip(err) // which says what is missing and how to get it
	}
	return r
}

// prepare writes a graph into a folder of the test and returns the job that runs it, and what reads its result.
func prepare(t *testing.T, g *graph.Graph, w onnx.Weights, inputs [][]float32, taps []graph.ID, gather bool) (ort.Job, func(ort.Result) ([][]float32, error), error) {
	var in []string
	job := ort.Job{Provider: "cpu", Threads: 1, Outputs: true, Model: filepath.Join(t.TempDir(), "model.onnx")}
	for i, id := range g.Inputs() {
		in = append(in, fmt.Sprint("in", i))
		job.Inputs = append(job.Inputs, ort.Floats(in[i], g.Nodes[id].Shape, inputs[i]))
	}
	var out []onnx.Named
	for i, id := range taps {
		out = append(out, onnx.Named{ID: id, Name: fmt.Sprint("out", i)})
	}
	m, err := onnx.Graph("test", g, in, out, gather)
	if err == nil {
		_, err = m.Write(job.Model, w, onnx.Inside)
	}
	read := func(r ort.Result) (values [][]float32, err error) {
		if r.Error != "" {
			return nil, fmt.Errorf("ONNX Runtime: %s", r.Error)
		}
		for _, o := range out {
			v, err := r.Output(o.Name)
			if err != nil {
				return nil, err
			}
			values = append(values, v)
		}
		return values, nil
	}
	return job, read, err
}

// made are weights and inputs by a formula, from -1 to 1, by name.
type made struct{}

// Tensor implements onnx.Weights.
func (made) Tensor(name string, shape []int) ([]float32, error) {
	h := fnv.New64a()
	fmt.Fprint(h, name)
	state := h.Sum64()
	values := make([]float32, graph.Shape(shape).Elements())
	for i := range values {
		state = state*6364136223846793005 + 1442695040888963407
		values[i] = float32(int64(state)>>40) / (1 << 23)
	}
	return values, nil
}
