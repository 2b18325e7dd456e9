package kernels_test

import (
	"fmt"

	"github.com/glipvk/glipvk/graph"
)

// moveCases only move: they are fed 0, 1, 2, ... and compared exactly.
func moveCases() []opCase {
	var list []opCase
	of := func(op string, what any, card bool, shape []int, verb func(b *graph.Builder, x graph.Value) graph.Value) {
		list = append(list, opCase{op: op, name: fmt.Sprint(what, " ", shape), fill: ramp, card: card, record: func(b *graph.Builder) {
			b.Output(verb(b.In("y"), b.In("x").Input(shape...)))
		}})
	}
	for i, o := range []struct {
		shape  []int
		height int
		width  int
	}{{[]int{2, 5, 9, 8}, 7, 14}, {[]int{1, 8, 8, 3}, 8, 12}, {[]int{3, 1, 1, 96}, 7, 7}, {[]int{2, 13, 11, 24}, 14, 14}} {
		of("pad", fmt.Sprintf("to %dx%d", o.height, o.width), i == 0, o.shape, func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Pad(x, o.height, o.width)
		})
	}
	for i, o := range []graph.Crop{{Height: 5, Width: 9}, {Height: 7, Width: 13}, {Height: 1, Width: 1}, {Height: 14, Width: 14}} {
		of("crop", fmt.Sprintf("%+v", o), i == 0, []int{2, 14, 14, []int{8, 5, 96, 4}[i]}, func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Crop(x, o.Height, o.Width)
		})
	}
	for i, o := range []graph.Roll{{Down: 3, Right: 3}, {Down: -3, Right: -3}, {Down: 0, Right: 1}, {Down: 6, Right: -5}, {Down: 1, Right: 0}} {
		of("roll", fmt.Sprintf("%+v", o), i == 1, []int{2, 14, 21, []int{8, 12, 3, 4, 96}[i]}, func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Roll(x, o.Down, o.Right)
		})
	}
	for i, c := range []struct {
		batch, down, across, window, channels int
	}{{1, 1, 1, 7, 96}, {2, 3, 2, 7, 24}, {3, 2, 5, 4, 3}, {1, 2, 2, 12, 96}, {2, 8, 8, 1, 4}} {
		shape := []int{c.batch, c.down * c.window, c.across * c.window, c.channels}
		of("windowpartition", c.window, i == 1, shape, func(b *graph.Builder, x graph.Value) graph.Value {
			return b.WindowPartition(x, c.window)
		})
		windows := []int{c.batch * c.down * c.across, c.window * c.window, c.channels}
		o := graph.WindowReverse{Size: c.window, Height: shape[1], Width: shape[2]}
		of("windowreverse", fmt.Sprintf("%+v", o), i == 1, windows, func(b *graph.Builder, x graph.Value) graph.Value {
			return b.WindowReverse(x, o)
		})
	}
	return list
}
