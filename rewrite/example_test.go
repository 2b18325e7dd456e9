package rewrite_test

import (
	"fmt"
	"log"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
)

func ExampleAbsorb() {
	b := graph.NewBuilder()
	v, x := b.In("positions").Input(1, 1000, 64), b.In("tokens").Input(1, 10, 64)
	q, vv := b.In("q").Linear(v, 256, graph.WithBias), b.In("values").Linear(v, 256, graph.WithBias)
	k := b.In("k").Linear(x, 256, graph.WithBias)
	s := b.In("clamped").Clamp(b.In("scores").CrossScores(q, k, graph.CrossScores{Heads: 4, Scale: 0.125}), 50000)
	c := b.In("context").CrossContext(b.In("weights").Softmax(s), k, 4)
	b.Output(b.In("out").Linear(c, 64, graph.WithBias))
	b.Output(b.In("text").CrossContext(b.In("shares").Softmax(b.In("swapped").SwapLast(s)), vv, 4))
	g, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	absorbed, to, err := rewrite.Absorb(g, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(g.Count().MultiplyAdds, "multiply-adds,", absorbed.Count().MultiplyAdds, "absorbed")
	for _, old := range g.Outputs {
		id, ok := to(old)
		fmt.Println(absorbed.Nodes[id].Path, graph.Kind(absorbed.Nodes[id].Op), ok)
	}
	// Output:
	// 56995840 multiply-adds, 8337920 absorbed
	// out crosscontext true
	// text headlinear true
}
