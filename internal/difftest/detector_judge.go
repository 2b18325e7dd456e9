package difftest

import (
	"context"
	"fmt"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/compare"
)

// JudgeDetector runs a graph on an executor and compares the taps with what is stored, in
// the order of the taps. It also returns the graph's results.
func (c *DetectorCase) JudgeDetector(ctx context.Context, e Executor, r DetectorRun, w Weights) ([]TapReport, [][]float32, error) {
	var paths []string
	for _, tap := range r.Taps {
		paths = append(paths, tap.Paths...)
	}
	var results []graph.ID
	for _, id := range r.Graph.Outputs {
		if _, vouches := glip.Health(r.Graph.Nodes[id].Path); !vouches {
			results = append(results, id)
		}
	}
	nodes, values, err := valuesAt(ctx, c.ID, e, r.Graph, w, r.Inputs, paths, results)
	if err != nil {
		return nil, nil, err
	}
	var reports []TapReport
	for _, tap := range r.Taps {
		t, ok := c.Tensor(tap.Tensor)
		if !ok {
			return nil, nil, fmt.Errorf("difftest: %s has no tensor %s", c.ID, tap.Tensor)
		}
		report := TapReport{Op: graph.Kind(nodes[0].Op), Shape: t.Whole}
		path := nodes[0].Path
		var got []float32
		for range tap.Paths {
			got = append(got, asStored(nodes[0], t, values[0])...)
			nodes, values = nodes[1:], values[1:]
		}
		if report.Difference, err = c.compareItem(t, tap, got); err != nil {
			return nil, nil, err
		}
		report.Name = path
		reports = append(reports, report)
	}
	return reports, values, nil
}

// asStored brings a map [1, H, W, C] into the order of the tensor, [C, H, W].
func asStored(n graph.Node, t Tensor, value []float32) []float32 {
	if _, given := n.Op.(graph.Input); given || len(n.Shape) != 4 || len(t.Whole) != 4 {
		return value
	}
	return channelsFirst(n.Shape, value)
}

// compareItem compares a value with its part of a tensor: one picture of several, the
// first rows of a padded text.
func (c *DetectorCase) compareItem(t Tensor, tap DetectorTap, got []float32) (compare.Difference, error) {
	whole := graph.Shape(t.Whole)
	if len(got) == whole.Elements() {
		return c.Compare(t, got)
	}
	each := whole.Elements() / max(whole[0], 1)
	text := len(whole) == 3 && len(got) < each && len(got)%whole[2] == 0
	if t.Sampled != 0 || len(got) != each && !text {
		return compare.Difference{}, fmt.Errorf("difftest: %s: %s has %d elements, want %v", c.ID, t.Name, len(got), t.Whole)
	}
	want, err := c.Stored(t.Name)
	if err != nil {
		return compare.Difference{}, err
	}
	return compare.Values(t.Name, got, want[tap.Item*each:][:len(got)]).Within(t.Tolerance()), nil
}
