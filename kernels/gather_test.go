package kernels_test

import (
	"fmt"

	"github.com/glipvk/glipvk/graph"
)

// gatherCases cut pictures into patches, merge patches and change the layout; all exact.
func gatherCases() []opCase {
	var list []opCase
	for i, c := range []struct {
		shape []int
		size  int
	}{{[]int{2, 3, 61, 45}, 4}, {[]int{1, 3, 1, 1}, 4}, {[]int{3, 1, 10, 7}, 2}, {[]int{1, 3, 32, 32}, 4}, {[]int{2, 2, 5, 5}, 1}} {
		list = append(list, opCase{op: "patches", name: fmt.Sprint(c.size, " ", c.shape), fill: ramp, card: i == 0, record: func(b *graph.Builder) {
			b.Output(b.In("y").Patches(b.In("x").Input(c.shape...), c.size))
		}})
	}
	for i, shape := range [][]int{{2, 7, 9, 24}, {1, 1, 1, 4}, {3, 4, 4, 3}, {1, 14, 14, 96}, {2, 5, 2, 1}, {2, 31, 6, 5}} {
		list = append(list, opCase{op: "mergepatches", name: fmt.Sprint(shape), fill: ramp, card: i == 0 || i == 5, record: func(b *graph.Builder) {
			b.Output(b.In("y").MergePatches(b.In("x").Input(shape...)))
		}})
	}
	for i, shape := range [][]int{{2, 7, 9, 24}, {1, 1, 1, 1}, {1, 4, 4, 16}, {3, 5, 3, 17}, {2, 15, 1, 15}, {2, 14, 14, 96}, {1, 40, 40, 6}} {
		list = append(list, opCase{op: "channelsfirst", name: fmt.Sprint(shape), fill: ramp, card: i == 0, record: func(b *graph.Builder) {
			b.Output(b.In("y").ChannelsFirst(b.In("x").Input(shape...)))
		}})
	}
	return list
}

// positionCases resize position embeddings up, down, to the same size and to one side
// longer than the other.
func positionCases() []opCase {
	var list []opCase
	for i, c := range []struct{ side, height, width, channels int }{
		{7, 7, 7, 96}, {7, 13, 10, 24}, {14, 5, 9, 3}, {1, 4, 4, 4}, {3, 8, 2, 5}, {16, 31, 33, 12},
	} {
		// Coordinates near 16 round to 1e-6, which the slope of the kernel, at most 1.5, passes on.
		limit := bound{each: 8 * ulp, rms: 64 * ulp, l2: 16 * ulp}
		list = append(list, opCase{op: "resizeposition", name: fmt.Sprintf("%+v", c), bound: limit, card: i == 1 || i == 2, record: func(b *graph.Builder) {
			b.Output(b.In("y").ResizePosition(b.In("x").Input(1, c.side*c.side, c.channels), c.height, c.width))
		}})
	}
	return list
}
