package rewrite

import (
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// Feed makes inputs of the parameters at the given paths: who runs the graph gives their values, as
// training does, whose weights change from run to run. Everything keeps its number. An error says that a
// path is no parameter.
func Feed(g *graph.Graph, paths ...string) (*graph.Graph, error) {
	fed := &graph.Graph{Nodes: slices.Clone(g.Nodes), Outputs: slices.Clone(g.Outputs)}
	for _, path := range paths {
		id, ok := g.Find(path)
		if ok {
			_, ok = g.Nodes[id].Op.(graph.Param)
		}
		if !ok {
			return nil, fmt.Errorf("rewrite: %q is no parameter of the graph", path)
		}
		fed.Nodes[id].Op = graph.InputOf(g.Nodes[id].Shape)
	}
	return fed, nil
}
