package cpu

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/turn"
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
	users   [][]graph.ID        // of each value, as often as they read it
	kept    []bool              // results
	needed  []bool              // by a step or as a result
	sizes   []int               // of values in floats, those of nodes first
	stats   map[graph.ID]*stats // that products take
	fuses   map[graph.ID]*fuse  // by the nodes whose values they are, and the last that they need
	taken   map[graph.ID]bool   // by steps of nodes behind them
	maps    map[string]*rowMap
	views   views
	filters map[filterKey]graph.ID // that are packed at run time, by steps that come first
	first   []step
}

// Compile makes a program of g, which takes its memory when it first runs. Errors name the node, its operation and shapes.
func Compile(g *graph.Graph, w *Weights, o Options) (*Program, error) {
	if err := w.check(g); err != nil {
		return nil, fmt.Errorf("cpu: %w", err)
	}
	c := &compiler{
		g: g, weights: w, kernels: w.kernels, options: o, workers: o.Workers,
		kept: make([]bool, len(g.Nodes)), needed: make([]bool, len(g.Nodes)), maps: map[string]*rowMap{},
		views: views{}, filters: map[filterKey]graph.ID{}, users: make([][]graph.ID, len(g.Nodes)), stats: map[graph.ID]*stats{}, fuses: map[graph.ID]*fuse{}, taken: map[graph.ID]bool{},
	}
	if c.workers <= 0 {
		c.workers = runtime.GOMAXPROCS(0)
	}
	results := append(slices.Clone(g.Outputs), o.Keep...)
	for _, id := range o.Keep {
		if id < 0 || int(id) >= len(g.Nodes) || graph.Kind(g.Nodes[id].Op) == graph.Kind(graph.Param{}) {
			return nil, fmt.Errorf("cpu: value %d is to be kept, but is not a value of the graph", id)
		}
	}
	for _, id := range results {
		c.kept[id], c.needed[id] = true, true
	}
	for i, n := range g.Nodes {
		c.sizes = append(c.sizes, n.Shape.Elements())
		for _, id := range n.Inputs {
			c.users[id] = append(c.users[id], graph.ID(i))
		}
	}
	c.findFuses()
	steps, err := c.steps()
	if err != nil {
		return nil, err
	}
	return &Program{
		graph: g, weights: w, results: results, views: c.views, sizes: c.sizes, crew: newCrew(c.workers, steps), turn: turn.New(),
		layout: place(lifetimes(c.sizes, steps, results, c.views), !o.NoReuse),
	}, nil
}

func (c *compiler) steps() ([]step, error) {
	var steps []step
	for i, n := range slices.Backward(c.g.Nodes) {
		id := graph.ID(i)
		if !c.needed[id] || c.taken[id] {
			continue
		}
		list, err := c.stepsOf(id)
		if err != nil {
			return nil, fmt.Errorf("cpu: %s: %s %v: %w", n.Path, graph.Kind(n.Op), n.Shape, err)
		}
		for _, s := range slices.Backward(list) {
			s.path, s.name = n.Path, cmp.Or(s.name, graph.Kind(n.Op))
			if s.outs == nil {
				s.outs = []graph.ID{id}
			}
			s.in = slices.DeleteFunc(slices.Clone(s.in), func(id graph.ID) bool { return id == none })
			c.need(s.in...)
			steps = append(steps, s)
		}
	}
	slices.Reverse(steps)
	return append(c.first, steps...), nil
}

// stepsOf are the steps that compute a value, none if it comes to lie in memory without one: its
// operands are needed all the same.
func (c *compiler) stepsOf(id graph.ID) ([]step, error) {
	n := c.node(id)
	switch n.Op.(type) {
	case graph.Input, graph.Param:
		return nil, nil
	case graph.ConcatTokens:
		return c.concatTokens(id), nil
	}
	if f, ok := c.fuses[id]; ok {
		if id != f.context {
			c.need(f.context)
			return nil, nil
		}
		return []step{c.fuse(f)}, nil
	}
	if c.isView(id) {
		c.need(n.Inputs[0])
		return nil, nil
	}
	switch o := n.Op.(type) {
	case graph.DeformConvGradX:
		return c.deformConvGradX(id, o.DeformConv), nil
	case graph.DeformConvGradOffset:
		return c.deformConvGradOffset(id, o.DeformConv), nil
	}
	s, err := c.lower(id)
	return append(s.before, s), err
}

// need marks values that steps read.
func (c *compiler) need(ids ...graph.ID) {
	for _, id := range ids {
		if int(id) < len(c.needed) {
			c.needed[id] = true
		}
	}
}

// temporary is a value of so many floats that is no node's.
func (c *compiler) temporary(size int) graph.ID {
	c.sizes = append(c.sizes, size)
	return graph.ID(len(c.sizes) - 1)
}

// none is an operand that an operation does without.
const none graph.ID = -1

// operand is that of a number, none if there are not so many.
func (c *compiler) operand(id graph.ID, number int) graph.ID {
	if in := c.node(id).Inputs; number < len(in) {
		return in[number]
	}
	return none
}

func (c *compiler) node(id graph.ID) graph.Node   { return c.g.Nodes[id] }
func (c *compiler) shape(id graph.ID) graph.Shape { return c.g.Nodes[id].Shape }

// private reports whether a value has one reader and is not kept: only then may it be
// computed on the way to its reader and never be written.
func (c *compiler) private(id graph.ID) bool {
	return !c.options.NoFusion && len(c.users[id]) == 1 && !c.kept[id]
}
