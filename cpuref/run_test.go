package cpuref_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/synthetic"
)

// small is a Swin that pads, shifts and merges, and an input for it.
func small(t *testing.T) (*graph.Graph, []float32) {
	t.Helper()
	cfg := swin.Config{
		EmbedDims: 6, Depths: []int{2, 1}, NumHeads: []int{1, 2}, WindowSize: 3, PadSmallMap: true,
		OutIndices: []int{0, 1}, ImageSize: 16, PatchSize: 4, MLPRatio: 2, Eps: 1e-5, QKVBias: true, AbsPosEmbed: true,
	}
	g, err := swin.Record(cfg, swin.Input{Batch: 2, Height: 17, Width: 30})
	if err != nil {
		t.Fatal(err)
	}
	return g, synthetic.Input(2, 17, 30, 5)
}

// weights adds the position embedding, which synthetic weights know nothing of.
type weights struct{ synthetic.Weights }

func (w weights) Tensor(name string, shape []int) ([]float32, error) {
	if name == "absolute_pos_embed" {
		return make([]float32, graph.Shape(shape).Elements()), nil
	}
	return w.Weights.Tensor(name, shape)
}

func TestResultDoesNotDependOnWorkers(t *testing.T) {
	g, x := small(t)
	before := slices.Clone(x)
	var want [][]float32
	for _, workers := range []int{1, 2, 3, 8, 0} {
		got, err := cpuref.Run(context.Background(), g, weights{}, cpuref.Options{Workers: workers}, x)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if len(got) != 2 || !slices.Equal(got[0], want[0]) || !slices.Equal(got[1], want[1]) {
			t.Errorf("%d workers give other bits than 1", workers)
		}
	}
	if !slices.Equal(x, before) {
		t.Error("the input was changed")
	}
}

// TestConcurrentRuns shares a graph, weights and an input.
func TestConcurrentRuns(t *testing.T) {
	g, x := small(t)
	results := make([][][]float32, 4)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			var err error
			if results[i], err = cpuref.Run(context.Background(), g, weights{}, cpuref.Options{Workers: 2}, x); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, r := range results[1:] {
		if !slices.Equal(r[1], results[0][1]) {
			t.Error("runs at the same time differ")
		}
	}
}

func TestObserve(t *testing.T) {
	g, x := small(t)
	var seen []graph.ID
	o := cpuref.Options{Observe: func(id graph.ID, n graph.Node, data []float32) {
		seen = append(seen, id)
		if g.Nodes[id].Path != n.Path || len(data) != n.Shape.Elements() {
			t.Errorf("%s: node %d with %d elements", n.Path, id, len(data))
		}
	}}
	if _, err := cpuref.Run(context.Background(), g, weights{}, o, x); err != nil {
		t.Fatal(err)
	}
	want, err := g.Match("**")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, want) {
		t.Errorf("observed %d values, want all %d in order", len(seen), len(want))
	}
}

func TestProgress(t *testing.T) {
	g, x := small(t)
	var calls, last, whole int64
	o := cpuref.Options{Workers: 4, Progress: func(done, total int64) {
		if done < last || done > total || whole != 0 && total != whole {
			t.Errorf("progress %d of %d after %d of %d", done, total, last, whole)
		}
		calls, last, whole = calls+1, done, total
	}}
	if _, err := cpuref.Run(context.Background(), g, weights{}, o, x); err != nil {
		t.Fatal(err)
	}
	if last != whole || whole < g.Count().MultiplyAdds || calls < 100 {
		t.Errorf("%d calls ended at %d of %d", calls, last, whole)
	}
}

func TestCancel(t *testing.T) {
	g, x := small(t)
	ctx, cancel := context.WithCancel(context.Background())
	var after int
	o := cpuref.Options{Workers: 2, Observe: func(_ graph.ID, n graph.Node, _ []float32) {
		if n.Path == "stages.0.blocks.0.norm1" {
			cancel()
		}
		if ctx.Err() != nil {
			after++
		}
	}}
	_, err := cpuref.Run(ctx, g, weights{}, o, x)
	if !errors.Is(err, context.Canceled) || after != 1 {
		t.Errorf("error %v, %d values observed from cancellation on", err, after)
	}
	if _, err := cpuref.Run(context.Background(), g, weights{}, cpuref.Options{}, x); err != nil {
		t.Errorf("run after a cancelled one: %v", err)
	}
}

// TestNaNReachesTheOutputs puts a NaN into one pixel of the second picture.
func TestNaNReachesTheOutputs(t *testing.T) {
	g, x := small(t)
	x[len(x)-1] = float32(math.NaN())
	out, err := cpuref.Run(context.Background(), g, weights{}, cpuref.Options{}, x)
	if err != nil {
		t.Fatal(err)
	}
	isNaN := func(v float32) bool { return v != v }
	for i, data := range out {
		half := len(data) / 2
		if slices.ContainsFunc(data[:half], isNaN) || !slices.ContainsFunc(data[half:], isNaN) {
			t.Errorf("output %d: NaN in the clean picture, or none in the other", i)
		}
	}
}

var errAbsent = errors.New("absent")

type badWeights struct {
	weights
	name string
	data []float32
	err  error
}

func (w badWeights) Tensor(name string, shape []int) ([]float32, error) {
	if name == w.name {
		return w.data, w.err
	}
	return w.weights.Tensor(name, shape)
}

func TestErrors(t *testing.T) {
	g, x := small(t)
	const qkv = "stages.0.blocks.1.attn.w_msa.qkv.weight"
	for _, c := range []struct {
		name   string
		w      cpuref.Weights
		inputs [][]float32
		wraps  error
		says   []string
	}{
		{"no input", weights{}, nil, graph.ErrShape, []string{"0 inputs", "1"}},
		{"two inputs", weights{}, [][]float32{x, x}, graph.ErrShape, []string{"2 inputs", "1"}},
		{"short input", weights{}, [][]float32{x[1:]}, graph.ErrShape, []string{`"input"`, "3059", "3060", "[2 3 17 30]"}},
		{"short weight", badWeights{name: qkv, data: make([]float32, 107)}, [][]float32{x}, graph.ErrShape, []string{qkv, "107", "108", "[18 6]"}},
		{"no weight", badWeights{name: qkv, err: errAbsent}, [][]float32{x}, errAbsent, []string{qkv}},
	} {
		out, err := cpuref.Run(context.Background(), g, c.w, cpuref.Options{}, c.inputs...)
		if !errors.Is(err, c.wraps) || out != nil {
			t.Errorf("%s: error %v, want one that wraps %v", c.name, err, c.wraps)
			continue
		}
		for _, part := range c.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", c.name, err, part)
			}
		}
	}
}
