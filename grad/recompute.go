package grad

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/graph"
)

// Recompute trades time for memory in a graph that [Reverse] made. What lies below a scope that a glob of
// [graph.Graph.Match] fits, as "stages.*.blocks.*" fits the blocks of a backbone, is computed a second time for the
// gradients, from the scope's inputs and where the first of its gradients is computed; the first copy then lives no longer
// than the forward part needs it. Each scope that fits is one piece, those within it belong to it; what other scopes read
// of it stays. The numbers are the same to the bit: dice are thrown by counters, and a [graph.Reshape] to the same shape, which
// costs nothing, behind each value that several read keeps executors from joining what they would not have joined. New
// nodes have paths that begin with "grad.again." or end with ".whole". A malformed glob, or one that fits nothing, is an error.
func Recompute(g *graph.Graph, globs ...string) (*graph.Graph, error) {
	if len(globs) == 0 {
		return g, nil
	}
	scopes, err := scopesOf(g, globs)
	if err != nil {
		return nil, err
	}
	r := newRepeat(g, scopes)
	for i, n := range g.Nodes {
		in := make([]graph.Value, len(n.Inputs))
		for k, operand := range n.Inputs {
			if in[k] = r.first[operand]; backward(n) {
				in[k] = r.again(operand)
			}
		}
		r.first[i] = r.b.In(n.Path).Record(n.Op, in...)
		if r.read[i] && !r.stays[i] {
			r.first[i] = r.whole(n, n.Path, r.first[i])
		}
	}
	for _, id := range g.Outputs {
		r.b.Output(r.first[id])
	}
	made, err := r.b.Build()
	if err != nil {
		return nil, fmt.Errorf("grad: %w", err)
	}
	return pruned(made), nil
}

// backward says whether a node came of [Reverse].
func backward(n graph.Node) bool { return strings.HasPrefix(n.Path, "grad.") }

// scopesOf tells for each node the scope that it is computed again with, "" for none.
func scopesOf(g *graph.Graph, globs []string) ([]string, error) {
	// Match takes whole paths: those of all scopes, each once.
	all, known := &graph.Graph{}, map[string]bool{}
	for _, n := range g.Nodes {
		if given(n) || backward(n) {
			continue
		}
		for path := plain(n.Path); path != "" && !known[path]; path = path[:max(strings.LastIndexByte(path, '.'), 0)] {
			known[path] = true
			all.Nodes = append(all.Nodes, graph.Node{Path: path})
		}
	}
	fits := map[string]bool{}
	for _, glob := range globs {
		ids, err := all.Match(glob)
		if err == nil && len(ids) == 0 {
			err = fmt.Errorf("nothing that is computed has a path below %q; want one such as \"stages.*.blocks.*\", from the beginning of the path on", glob)
		}
		if err != nil {
			return nil, fmt.Errorf("grad: what is to be recomputed: %w", err)
		}
		for _, id := range ids {
			fits[all.Nodes[id].Path] = true
		}
	}
	scopes := make([]string, len(g.Nodes))
	for i, n := range g.Nodes {
		if given(n) || backward(n) {
			continue
		}
		path := plain(n.Path)
		for at := range len(path) + 1 { // the widest scope
			if (at == len(path) || path[at] == '.') && fits[path[:at]] {
				scopes[i] = path[:at]
				break
			}
		}
	}
	return scopes, nil
}

// given says whether a node computes nothing.
func given(n graph.Node) bool {
	switch n.Op.(type) {
	case graph.Input, graph.Param:
		return true
	}
	return false
}

// plain is a path without the numbers of repeats.
func plain(path string) string {
	parts := strings.Split(path, ".")
	for i := range parts {
		parts[i], _, _ = strings.Cut(parts[i], "#")
	}
	return strings.Join(parts, ".")
}

// repeat is the writing of a graph in which some values are computed twice.
type repeat struct {
	g       *graph.Graph
	b       *graph.Builder
	stays   []bool // values that are computed once
	read    []bool // by gradients
	lost    []bool // by something that is computed once
	readers []int
	first   []graph.Value // of each node
	second  map[graph.ID]graph.Value
}

func newRepeat(g *graph.Graph, scopes []string) *repeat {
	n := len(g.Nodes)
	r := &repeat{g: g, b: graph.NewBuilder(), stays: make([]bool, n), read: make([]bool, n), lost: make([]bool, n), readers: make([]int, n), first: make([]graph.Value, n), second: map[graph.ID]graph.Value{}}
	for _, id := range g.Outputs {
		r.stays[id] = true
	}
	for i, n := range g.Nodes {
		r.stays[i] = r.stays[i] || scopes[i] == ""
		for _, operand := range n.Inputs {
			r.readers[operand]++
			r.read[operand] = r.read[operand] || backward(n)
			r.stays[operand] = r.stays[operand] || !backward(n) && scopes[i] != scopes[operand]
		}
	}
	again := slices.Clone(r.read)
	for i, n := range slices.Backward(g.Nodes) {
		again[i] = again[i] && !r.stays[i]
		for _, operand := range n.Inputs {
			again[operand] = again[operand] || again[i]
			r.lost[operand] = r.lost[operand] || !again[i]
		}
	}
	return r
}

// again is a value as gradients read it, computed where it is first asked for.
func (r *repeat) again(id graph.ID) graph.Value {
	if r.stays[id] {
		return r.first[id]
	}
	v, there := r.second[id]
	if !there {
		n := r.g.Nodes[id]
		in := make([]graph.Value, len(n.Inputs))
		for i, operand := range n.Inputs {
			in[i] = r.again(operand)
		}
		path := "grad.again." + n.Path
		if v = r.b.In(path).Record(n.Op, in...); r.readers[id] > 1 && r.lost[id] {
			v = r.whole(n, path, v)
		}
		r.second[id] = v
	}
	return v
}

// whole is a value of a node as it is, so that no executor computes it only on the way to its one reader. Convolutions are
// always written, and measured meanwhile by those who know what reads them.
func (r *repeat) whole(n graph.Node, path string, v graph.Value) graph.Value {
	switch n.Op.(type) {
	case graph.Conv, graph.DeformConv:
		return v
	}
	return r.b.In(path, "whole").Reshape(v, v.Shape()...)
}
