package cpuref_test

import (
	"context"
	"fmt"
	"log"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
)

func ExampleRun() {
	b := graph.NewBuilder()
	x := b.In("x").Input(1, 3)
	b.Output(b.In("fc").Linear(x, 2, graph.NoBias)) // weight [2, 3]
	g, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	weights := weightMap{"fc.weight": {1, 1, 1, 0, 0, 2}}
	out, err := cpuref.Run(context.Background(), g, weights, cpuref.Options{}, []float32{10, 20, 30})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out[0])
	// Output: [60 60]
}
