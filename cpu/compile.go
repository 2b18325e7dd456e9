package cpu

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// Options says how a graph is compiled. The zero value is the fast way.
type Options struct {
	// Keep lists values to return besides the outputs. They are never joined away.
	// Parameters cannot be kept.
	Keep []graph.ID
	// NoFusion makes every node a step of its own.
	NoFusion bool
	// NoReuse gives every value memory of its own: it is how aliasing mistakes are bisected.
	NoReuse bool
	// Workers is the number of goroutines that compute, 0 for GOMAXPROCS.
	Workers int
}

// compiler turns nodes into steps, from the last to the first: a step takes in as many
// of the nodes before it as it can compute on its way, and asks for the values of the others.
type compiler struct {
	g       *graph.Graph
	weights *Weights
	kernels *kernels
	options Options
	workers int
	readers []int  // of each value
	kept    []bool // results
	needed  []bool // by a step or as a result
	maps    map[string]*rowMap
}

// Compile makes a program of g. Errors name the node, its operation and shapes.
func Compile(g *graph.Graph, w *Weights, o Options) (*Program, error) {
	if err := w.check(g); err != nil {
		return nil, fmt.Errorf("cpu: %w", err)
	}
	c := &compiler{
		g: g, weights: w, kernels: w.kernels, options: o, workers: o.Workers, readers: make([]int, len(g.Nodes)),
		kept: make([]bool, len(g.Nodes)), needed: make([]bool, len(g.Nodes)), maps: map[string]*rowMap{},
	}
	if c.workers <= 0 {
		c.workers = runtime.GOMAXPROCS(0)
	}
	results := append(slices.Clone(g.Outputs), o.Keep...)
	for _, id := range o.Keep {
		if id < 0 || int(id) >= len(g.Nodes) || g.Nodes[id].Op.Kind() == (graph.Param{}).Kind() {
			return nil, fmt.Errorf("cpu: value %d is to be kept, but is not a value of the graph", id)
		}
	}
	for _, id := range results {
		c.kept[id], c.needed[id] = true, true
	}
	for _, n := range g.Nodes {
		for _, id := range n.Inputs {
			c.readers[id]++
		}
	}
	steps, err := c.steps()
	if err != nil {
		return nil, err
	}
	p := &Program{graph: g, weights: w, results: results, crew: newCrew(c.workers, steps), values: make([][]float32, len(g.Nodes))}
	made := map[graph.ID]bool{}
	for _, id := range results {
		made[id] = true
	}
	p.layout = place(lifetimes(g, steps, made), !o.NoReuse)
	arena := aligned(p.layout.size)
	for id, at := range p.layout.offset {
		p.values[id] = arena[at:][:g.Nodes[id].Shape.Elements():g.Nodes[id].Shape.Elements()]
	}
	for _, id := range g.Params() {
		p.values[id] = w.plain[g.Nodes[id].Path]
	}
	return p, nil
}

func (c *compiler) steps() ([]step, error) {
	var steps []step
	for i := len(c.g.Nodes) - 1; i >= 0; i-- {
		id := graph.ID(i)
		n := c.node(id)
		switch n.Op.(type) {
		case graph.Input, graph.Param:
			continue
		}
		if !c.needed[id] {
			continue
		}
		s, err := c.lower(id)
		if err != nil {
			return nil, fmt.Errorf("cpu: %s: %s %v: %w", n.Path, n.Op.Kind(), n.Shape, err)
		}
		s.path, s.out = n.Path, id
		for _, in := range s.in {
			c.needed[in] = true
		}
		steps = append(steps, s)
	}
	slices.Reverse(steps)
	return steps, nil
}

func (c *compiler) node(id graph.ID) graph.Node   { return c.g.Nodes[id] }
func (c *compiler) shape(id graph.ID) graph.Shape { return c.g.Nodes[id].Shape }

// private reports whether a value has one reader and is not kept: only then may it be
// computed on the way to its reader and never be written.
func (c *compiler) private(id graph.ID) bool {
	return !c.options.NoFusion && c.readers[id] == 1 && !c.kept[id]
}

// lower makes the step that computes a value.
func (c *compiler) lower(id graph.ID) (step, error) {
	if s, ok := c.product(id); ok {
		return s, nil
	}
	n := c.node(id)
	switch o := n.Op.(type) {
	case graph.Patches, graph.LayerNorm, graph.Pad, graph.Crop, graph.Roll, graph.WindowPartition,
		graph.WindowReverse, graph.MergePatches:
		return c.move(id), nil
	case graph.ChannelsFirst:
		return c.channelsFirst(id), nil
	case graph.GELU:
		return c.gelu(id), nil
	case graph.Add:
		return c.add(id), nil
	case graph.Softmax:
		return c.softmax(id), nil
	case graph.Scores:
		return c.scores(id, o), nil
	case graph.Context:
		if s, ok := c.attention(id, o); ok {
			return s, nil
		}
		return c.context(id, o), nil
	case graph.PositionBias:
		return c.positionBias(id, o), nil
	case graph.ShiftMask:
		return c.shiftMask(id, o), nil
	case graph.ResizePosition:
		return c.resizePosition(id), nil
	}
	return step{}, fmt.Errorf("package cpu does not know operation %T", n.Op)
}
