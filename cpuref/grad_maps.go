package cpuref

import "github.com/glipvk/glipvk/graph"

// positionBiasGradTable adds up what the pairs of a window read of each row: g [h, n, n]
// -> y [(2w-1)², h]. A piece is a head.
func positionBiasGradTable(op graph.PositionBiasGradTable, y, g tensor) rows {
	w := op.Window
	heads, n := g.shape[0], w*w
	return rows{heads, func(h int) {
		sums := make([]float64, y.shape[0])
		for i := range n {
			for j := range n {
				row := (i/w-j/w+w-1)*(2*w-1) + i%w - j%w + w - 1
				sums[row] += float64(g.data[(h*n+i)*n+j])
			}
		}
		for row, v := range sums {
			y.data[row*heads+h] = float32(v)
		}
	}}
}

// splitPatches puts the elements of patches back where they were: x [B, h, w, c*s*s] -> y
// [B, H, W, c].
func splitPatches(op graph.SplitPatches, y, x tensor) rows {
	s := op.Size
	return perToken(y.shape, func(b, row, column int) {
		patch := x.at(b, row/s, column/s)
		for c := range y.shape[3] {
			y.at(b, row, column)[c] = patch[(c*s+row%s)*s+column%s]
		}
	})
}

// gathered makes a piece of every picture of g [B, H, W, C], whose positions f sends to
// positions of y with shares.
func gathered(y, g tensor, f func(row, column int, to func(row, column int, share float64))) rows {
	channels := y.shape[3]
	return rows{g.shape[0], func(b int) {
		sums := make([]float64, len(y.data)/g.shape[0])
		for i := range g.shape[1] * g.shape[2] {
			from := g.at(b, i/g.shape[2], i%g.shape[2])
			f(i/g.shape[2], i%g.shape[2], func(row, column int, share float64) {
				addTimes(sums[(row*y.shape[2]+column)*channels:][:channels], share, from)
			})
		}
		narrow(y.data[b*len(sums):][:len(sums)], sums)
	}}
}

// resizeNearestGradX sums what was made of each position: g [B, H', W', C] -> y [B, H, W, C].
func resizeNearestGradX(y, g tensor) rows {
	return gathered(y, g, func(row, column int, to func(row, column int, share float64)) {
		to(row*y.shape[1]/g.shape[1], column*y.shape[2]/g.shape[2], 1)
	})
}

// resizeBilinearGradX sums the shares of each position: g [B, H', W', C] -> y [B, H, W, C].
func resizeBilinearGradX(y, g tensor) rows {
	return gathered(y, g, func(row, column int, to func(row, column int, share float64)) {
		top, bottom, down := between(row, y.shape[1], g.shape[1])
		left, right, across := between(column, y.shape[2], g.shape[2])
		to(top, left, (1-down)*(1-across))
		to(top, right, (1-down)*across)
		to(bottom, left, down*(1-across))
		to(bottom, right, down*across)
	})
}

// embedGradWord sums the gradients of the tokens that read a row; row 0 stays 0: g
// [B, T, C], ids [B, T] -> y [V, C].
func embedGradWord(y, g, ids tensor) rows {
	words, channels := y.shape[0], y.shape[1]
	return rows{channels, func(c int) {
		sums := map[int]float64{}
		for i, v := range ids.data {
			if v := float64(v); v > 0 {
				sums[int(min(v, float64(words-1)))] += float64(g.data[i*channels+c])
			}
		}
		delete(sums, 0)
		for id, sum := range sums {
			y.data[id*channels+c] = float32(sum)
		}
	}}
}

// sliceChannels: x [..., C] -> y [..., Count].
func sliceChannels(op graph.SliceChannels, y, x tensor) rows {
	c := x.shape.Last()
	return rows{y.shape.Rows(), func(i int) { copy(y.data[i*op.Count:][:op.Count], x.data[i*c+op.Begin:]) }}
}

// concatChannels puts the channels of the operands one after the other.
func concatChannels(y tensor, parts ...tensor) rows {
	n := y.shape.Last()
	return rows{y.shape.Rows(), func(i int) {
		out := y.data[i*n:][:n]
		for _, part := range parts {
			c := part.shape.Last()
			copy(out, part.data[i*c:][:c])
			out = out[c:]
		}
	}}
}
