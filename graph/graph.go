package graph

import (
	"fmt"
	"path"
	"strings"
)

// ID is the position of a node in its graph.
type ID int

// Node is one operation: what it does, to which earlier nodes, and the shape that results.
type Node struct {
	Path   string // unique; of a Param, the checkpoint key
	Op     Op
	Inputs []ID
	Shape  Shape
}

// Graph is a recorded model: nodes in execution order, every operand before its user.
// It is immutable once built and safe to share.
type Graph struct {
	Nodes   []Node
	Outputs []ID // in the order in which they were marked
}

// Inputs lists the run-time inputs in recording order.
func (g *Graph) Inputs() []ID { return nodesOf[Input](g) }

// Params lists the weights in recording order.
func (g *Graph) Params() []ID { return nodesOf[Param](g) }

func nodesOf[O Op](g *Graph) []ID {
	var ids []ID
	for i, n := range g.Nodes {
		if _, ok := n.Op.(O); ok {
			ids = append(ids, ID(i))
		}
	}
	return ids
}

// Find returns the node of that path.
func (g *Graph) Find(path string) (ID, bool) {
	for i, n := range g.Nodes {
		if n.Path == path {
			return ID(i), true
		}
	}
	return 0, false
}

// Match lists the values (not parameters) whose path matches the glob: '*'
// matches any run of characters that are not dots, "**" any run at all, '?' one
// character that is not a dot, as in "stages.*.blocks.1.**". A malformed pattern
// is an error.
func (g *Graph) Match(glob string) ([]ID, error) { return g.matching(glob, false) }

// MatchParams lists the parameters whose path matches a glob, as [Graph.Match] does the values.
func (g *Graph) MatchParams(glob string) ([]ID, error) { return g.matching(glob, true) }

func (g *Graph) matching(glob string, params bool) ([]ID, error) {
	// path.Match treats '/' as the separator that '*' does not cross.
	slashed := strings.ReplaceAll(glob, ".", "/")
	if _, err := path.Match(slashed, ""); err != nil {
		return nil, fmt.Errorf("graph: glob %q: %w", glob, err)
	}
	var ids []ID
	for i, n := range g.Nodes {
		if _, param := n.Op.(Param); param == params && matchPath(strings.Split(slashed, "/"), strings.Split(n.Path, ".")) {
			ids = append(ids, ID(i))
		}
	}
	return ids, nil
}

// matchPath matches dotted parts one by one; a part "**" swallows any number of parts.
func matchPath(glob, parts []string) bool {
	if len(glob) == 0 {
		return len(parts) == 0
	}
	if glob[0] == "**" {
		for skip := 0; skip <= len(parts); skip++ {
			if matchPath(glob[1:], parts[skip:]) {
				return true
			}
		}
		return false
	}
	if len(parts) == 0 {
		return false
	}
	ok, err := path.Match(glob[0], parts[0])
	return err == nil && ok && matchPath(glob[1:], parts[1:])
}

// Counts says how large a graph is.
type Counts struct {
	Parameters        int64 // elements of all weights
	MultiplyAdds      int64 // of products: Linear, Conv, Scores, Context and their kin
	LayerNormElements int64 // elements that pass through a LayerNorm
}

// Count adds up the graph. Bias, GELU, softmax, additions and data movement are
// not multiply-adds; one multiply-add is two floating-point operations.
func (g *Graph) Count() Counts {
	var c Counts
	for i, n := range g.Nodes {
		c.MultiplyAdds += g.MultiplyAdds(ID(i))
		switch n.Op.(type) {
		case Param:
			c.Parameters += int64(n.Shape.Elements())
		case LayerNorm:
			c.LayerNormElements += int64(n.Shape.Elements())
		}
	}
	return c
}

// MultiplyAdds counts the products of one node, 0 for nodes that are not products.
func (g *Graph) MultiplyAdds(id ID) int64 {
	n := g.Nodes[id]
	in := make([]Shape, len(n.Inputs))
	for i, operand := range n.Inputs {
		in[i] = g.Nodes[operand].Shape
	}
	switch p := n.Op.(type) {
	case gathered:
		return p.adds(in)
	case product:
		return int64(n.Shape.Elements()) * int64(p.inner(in))
	}
	return 0
}
