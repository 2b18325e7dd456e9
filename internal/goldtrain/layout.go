package goldtrain

import (
	"slices"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/synthetic"
)

// content are the numbers.
func (u Uniform) content(seed uint64) []float32 {
	data := make([]float32, u.Shape.Elements())
	for i := range data {
		data[i] = synthetic.Value(u.Name, seed, uint64(i), 0.5, 0.5)
	}
	return data
}

// gridOf is the size of maps [B, C, H, W].
func gridOf(s graph.Shape) swin.Grid { return swin.Grid{Height: s[2], Width: s[3]} }

// channelsLast turns maps of shape s, [B, C, H, W], into [B, H, W, C].
func channelsLast(data []float32, s graph.Shape) []float32 {
	return turned(data, s[0], s[1], s[2]*s[3])
}

// channelsFirst turns maps of shape s, [B, H, W, C], into [B, C, H, W].
func channelsFirst(data []float32, s graph.Shape) []float32 {
	return turned(data, s[0], s[1]*s[2], s[3])
}

// turned turns matrices over.
func turned(data []float32, batch, rows, cols int) []float32 {
	out := make([]float32, len(data))
	for i, v := range data {
		item, row, col := i/(rows*cols), i/cols%rows, i%cols
		out[(item*cols+col)*rows+row] = v
	}
	return out[:batch*rows*cols]
}

// cut gives data of a shape another of as many axes: what is beyond it falls away, what is missing is 0.
func cut(data []float32, from, to graph.Shape) []float32 {
	if len(from) == 0 {
		return data
	}
	out := make([]float32, 0, to.Elements())
	inner, next := from[1:].Elements(), to[1:].Elements()
	for i := range to[0] {
		if i < from[0] {
			out = append(out, cut(data[i*inner:][:inner], from[1:], to[1:])...)
		} else {
			out = append(out, make([]float32, next)...)
		}
	}
	return out
}

// squeezed is a shape without its ones.
func squeezed(s graph.Shape) graph.Shape {
	return slices.DeleteFunc(slices.Clone(s), func(n int) bool { return n == 1 })
}

// masked keeps the rows of [B, T, D] that count.
func masked(data []float32, s graph.Shape, counts func(item, row int) bool) []float32 {
	data = slices.Clone(data)
	for row := range s[0] * s[1] {
		if !counts(row/s[1], row%s[1]) {
			clear(data[row*s[2]:][:s[2]])
		}
	}
	return data
}
