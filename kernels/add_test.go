package kernels_test

import (
	"fmt"

	"github.com/glipvk/glipvk/graph"
)

// addCases are plain sums and every kind of tiling: a bias over rows, a position
// embedding over pictures, a mask over heads and pictures, a table over windows.
func addCases() []opCase {
	var list []opCase
	for i, c := range []struct{ a, b []int }{
		{[]int{1}, []int{1}},
		{[]int{3, 5, 7}, []int{3, 5, 7}},
		{[]int{2, 9, 9, 96}, []int{2, 9, 9, 96}},
		{[]int{31, 36}, []int{36}},
		{[]int{31, 35}, []int{1}},
		{[]int{3, 8, 9, 12}, []int{1, 8, 9, 12}},
		{[]int{8, 3, 49, 49}, []int{3, 49, 49}},
		{[]int{8, 3, 49, 49}, []int{4, 1, 49, 49}},
		{[]int{6, 2, 16, 16}, []int{3, 1, 16, 16}},
		{[]int{6, 4, 10, 8}, []int{2, 2, 5, 4}},
		{[]int{64, 6}, []int{4, 1}},
	} {
		list = append(list, opCase{op: "add", name: fmt.Sprint(c.a, " + ", c.b), bound: pointwise, card: i < 3 || i == 7, record: func(b *graph.Builder) {
			b.Output(b.In("y").Add(b.In("a").Input(c.a...), b.In("b").Input(c.b...)))
		}})
	}
	return append(list, opCase{op: "add", name: "NaN", fill: spoiled("b"), bound: pointwise, record: func(b *graph.Builder) {
		b.Output(b.In("y").Add(b.In("a").Input(64, 36), b.In("b").Input(32, 36)))
	}})
}
