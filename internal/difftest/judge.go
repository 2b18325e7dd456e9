package difftest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/compare"
	"github.com/glipvk/glipvk/swin"
)

// Factor is how many times further from float64 than PyTorch's own float32 run an
// executor may be. Honest float32 arithmetic in another order stays below 3.
const Factor = 10

// Tolerance of a tap: [Factor] times its own float32 distance, in relative L2 and
// in the largest difference over absmax. Taps that PyTorch's float32 has exactly
// (the input, gathered tables, masks) must be equal. There is no absolute floor: a
// test checks that no bound is below what rounding to float32 costs.
func (t Tap) Tolerance() compare.Bounds {
	return compare.Bounds{
		RelativeL2: Factor * t.F32.RelL2,
		Absolute:   Factor * t.F32.MaxOverAbsMax * t.Stats.AbsMax,
	}
}

// TapReport is the verdict on one value.
type TapReport struct {
	compare.Difference        // named by the path in the graph
	Op                 string // kind of the operation there
	Shape              graph.Shape
}

// String names the path, the operation and the distance.
func (r TapReport) String() string {
	return fmt.Sprintf("%s (%s %v): %s", r.Name, r.Op, r.Shape, r.Difference)
}

// FirstDivergence returns the first value that is out of bounds. Reports come in
// execution order, so this is where the mistake is.
func FirstDivergence(reports []TapReport) (TapReport, bool) {
	i := slices.IndexFunc(reports, func(r TapReport) bool { return !r.OK() })
	if i < 0 {
		return TapReport{}, false
	}
	return reports[i], true
}

// Record records the case's model for its input.
func (c *Case) Record() (*graph.Graph, error) {
	cfg, err := c.Config()
	if err != nil {
		return nil, err
	}
	return swin.Record(cfg, swin.Input{Batch: c.Input.Batch, Height: c.Input.Height, Width: c.Input.Width})
}

// Judge runs the case on an executor and compares the taps, all of them or those
// named, in the order of the manifest, which is execution order. Names are those
// of taps.
func (c *Case) Judge(ctx context.Context, e Executor, names ...string) ([]TapReport, error) {
	g, err := c.Record()
	if err != nil {
		return nil, err
	}
	x, err := c.MakeInput()
	if err != nil {
		return nil, err
	}
	w, err := c.Weights()
	if err != nil {
		return nil, err
	}
	return c.JudgeGraph(ctx, e, g, w, x, names...)
}

// JudgeGraph is Judge for a graph, weights and an input that the caller made,
// perhaps wrong on purpose. Worst of a report is the index in the tap, also where
// only a sample is stored.
func (c *Case) JudgeGraph(ctx context.Context, e Executor, g *graph.Graph, w Weights, x []float32, names ...string) ([]TapReport, error) {
	var taps []Tap
	var paths []string
	for _, t := range c.Taps {
		if len(names) == 0 || slices.Contains(names, t.Name) {
			taps, paths = append(taps, t), append(paths, c.path(t))
		}
	}
	nodes, values, err := valuesAt(ctx, c.ID, e, g, w, [][]float32{x}, paths, nil)
	if err != nil {
		return nil, err
	}
	reports := make([]TapReport, len(taps))
	for i, t := range taps {
		if reports[i], err = c.judgeTap(t, nodes[i], values[i]); err != nil {
			return nil, err
		}
	}
	return reports, nil
}

// valuesAt runs a graph for the case of a name and returns the nodes at these paths with their values, then those of the results.
func valuesAt(ctx context.Context, id string, e Executor, g *graph.Graph, w Weights, inputs [][]float32,
	paths []string, results []graph.ID) ([]graph.Node, [][]float32, error) {
	var ids []graph.ID
	var nodes []graph.Node
	for _, path := range paths {
		at, ok := g.Find(path)
		if !ok {
			return nil, nil, fmt.Errorf("difftest: %s: the graph has no value %s", id, path)
		}
		ids, nodes = append(ids, at), append(nodes, g.Nodes[at])
	}
	values, err := e.Run(ctx, g, w, inputs, append(ids, results...))
	if err != nil {
		return nil, nil, fmt.Errorf("difftest: %s on %s: %w", id, e.Name(), err)
	}
	return nodes, values, nil
}

// path is the graph path of a tap: its name, with one exception. Where a map
// equals the window and is not shifted, the original's only call of roll is the
// one on the way back, by 0, and micro-w4-97x101 stores its result under the name
// of the first: it is the value before cropping.
func (c *Case) path(t Tap) string {
	if block, found := strings.CutSuffix(t.Name, "attn.rolled"); found {
		if _, shifted := c.Tap(block + "attn.unrolled"); !shifted {
			return block + "attn.reversed"
		}
	}
	return t.Name
}

func (c *Case) judgeTap(t Tap, n graph.Node, value []float32) (TapReport, error) {
	want, err := c.Stored(t)
	if err != nil {
		return TapReport{}, err
	}
	report := TapReport{Op: graph.Kind(n.Op), Shape: t.Shape}
	got, err := t.arrange(n, value)
	if err != nil {
		return report, fmt.Errorf("difftest: %s: %s: %w", c.ID, t.Name, err)
	}
	report.Difference = compare.Values(n.Path, t.Sample(got), want).Within(t.Tolerance())
	if report.Worst >= 0 && t.Storage == "sampled" {
		report.Worst = t.sampled(report.Worst)
	}
	return report, nil
}
