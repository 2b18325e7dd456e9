package difftest_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/difftest"
)

// detectorMistake is a row of group variants, really made: in the recorded graph, in the weights, or
// in values as they are computed.
type detectorMistake struct {
	variant string
	padded  bool   // the padding of the text is part of it
	judged  string // tensors whose names begin so, all if empty
	rewrite func(*graph.Graph)
	weights func(name string, data []float32) []float32
	spoil   func(*spoiler, graph.Node, []float32) // only the oracle lets its values be changed
}

// TestDetectorComparisonRejectsMistakes makes mistakes in modules and wants the comparison to
// fail: on package cpu, which is quick, and, where the mistake is made while values are computed, on
// the oracle. Each must move the outputs as far as the manifest says, else it would be another mistake.
func TestDetectorComparisonRejectsMistakes(t *testing.T) {
	s := newDetectorSuite(t, difftest.CommittedDetector(t))
	for _, m := range detectorMistakes() {
		v := s.variant(t, m.variant)
		c := s.set.Case(t, v.Case)
		var e difftest.Executor = difftest.FastCPU{Title: "cpu", Instructions: cpu.Available()[0]}
		if m.spoil != nil {
			e = difftest.CPU{}
		}
		t.Run(m.variant+"/"+e.Name(), func(t *testing.T) {
			r, reports := m.run(t, s, c, e)
			bad, found := difftest.FirstDivergence(reports)
			if !found {
				t.Fatal("accepted")
			}
			t.Log(bad)
			m.compare(t, c, v, r, reports)
		})
	}
}

// variant is the row of that name.
func (s *detectorSuite) variant(t *testing.T, name string) difftest.DetectorVariant {
	t.Helper()
	i := slices.IndexFunc(s.set.Variants, func(v difftest.DetectorVariant) bool { return v.Name == name })
	if i < 0 {
		t.Fatalf("the manifest has no variant %q", name)
	}
	return s.set.Variants[i]
}

// run makes the mistake on a case.
func (m detectorMistake) run(t *testing.T, s *detectorSuite, c *difftest.DetectorCase, e difftest.Executor) (difftest.DetectorRun, []difftest.TapReport) {
	t.Helper()
	r := m.plan(t, c)
	if m.judged != "" {
		r.Taps = slices.DeleteFunc(r.Taps, func(tap difftest.DetectorTap) bool { return !strings.HasPrefix(tap.Tensor, m.judged) })
	}
	r.Graph = &graph.Graph{Nodes: slices.Clone(r.Graph.Nodes), Outputs: slices.Clone(r.Graph.Outputs)}
	for i := range r.Graph.Nodes {
		r.Graph.Nodes[i].Inputs = slices.Clone(r.Graph.Nodes[i].Inputs)
	}
	if m.rewrite != nil {
		m.rewrite(r.Graph)
	}
	w := s.weightsOf(t, c)
	if m.weights != nil {
		right := w
		w = difftest.WeightsFunc(func(name string, shape []int) ([]float32, error) {
			data, err := right.Tensor(name, shape)
			if err == nil {
				data = m.weights(name, slices.Clone(data))
			}
			return data, err
		})
	}
	if m.spoil != nil {
		p := &spoiler{t: t, graph: r.Graph, weights: w, values: make([][]float32, len(r.Graph.Nodes))}
		e = difftest.CPU{Options: cpuref.Options{Observe: func(id graph.ID, n graph.Node, data []float32) {
			m.spoil(p, n, data)
			p.values[id] = data
		}}}
	}
	reports, _, err := c.JudgeDetector(t.Context(), e, r, w)
	if err != nil {
		t.Fatal(err)
	}
	return r, reports
}

func (m detectorMistake) plan(t *testing.T, c *difftest.DetectorCase) difftest.DetectorRun {
	t.Helper()
	if m.padded {
		r, err := c.PlanPadded()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	runs, err := c.PlanModule()
	if err != nil {
		t.Fatal(err)
	}
	return runs[0]
}

// compare wants the tensors of each key of the manifest to be moved as far as it says, where all
// their rows were compared.
func (m detectorMistake) compare(t *testing.T, c *difftest.DetectorCase, v difftest.DetectorVariant, r difftest.DetectorRun, reports []difftest.TapReport) {
	t.Helper()
	compared := 0
	for key, want := range v.Distance {
		var difference, norm float64
		complete := true
		for _, tensor := range tensorsOf(c, key) {
			i := slices.IndexFunc(r.Taps, func(tap difftest.DetectorTap) bool { return tap.Tensor == tensor.Name })
			if i < 0 || reports[i].Elements != graph.Shape(tensor.Whole).Elements() {
				complete = false
				break
			}
			difference += math.Pow(reports[i].RelativeL2*tensor.Stats.L2, 2)
			norm += math.Pow(tensor.Stats.L2, 2)
		}
		if !complete {
			continue
		}
		compared++
		got := math.Sqrt(difference / norm)
		if want.RelRMS < 1e-4 { // float32's own error is not far below
			if !(got < 1e-3) {
				t.Errorf("%s moves by %.4g, in the original not", key, got)
			}
		} else if ratio := got / want.RelRMS; !(math.Abs(ratio-1) < 0.03) {
			t.Errorf("%s moves by %.4g, in the original by %.4g", key, got, want.RelRMS)
		}
	}
	if compared == 0 && m.judged == "" {
		t.Error("no distance was compared")
	}
}

// pointing makes operand i of the node of a path another node.
func pointing(g *graph.Graph, path string, i int, other string) {
	n, ok := g.Find(path)
	to, found := g.Find(other)
	if !ok || !found {
		panic("no node " + path + " or " + other)
	}
	g.Nodes[n].Inputs[i] = to
}

// insertBefore puts a node before another, which is returned with its new number; operands are by the
// numbers before.
func insertBefore(g *graph.Graph, at graph.ID, n graph.Node) (added graph.ID) {
	for i := range g.Nodes {
		for k, id := range g.Nodes[i].Inputs {
			if id >= at {
				g.Nodes[i].Inputs[k]++
			}
		}
	}
	for i, id := range g.Outputs {
		if id >= at {
			g.Outputs[i]++
		}
	}
	g.Nodes = slices.Insert(g.Nodes, int(at), n)
	return at
}
