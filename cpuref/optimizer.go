package cpuref

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// interpretStep lays out what a step of training needs besides gradients.
func interpretStep(op graph.Op, y tensor, in []tensor) (rows, error) {
	switch o := op.(type) {
	case graph.Keep:
		return keep(o, y, in[0]), nil
	case graph.DropBlock:
		return dropBlock(o, y, in[0]), nil
	case graph.SumSquares:
		return summed(y, in[0], func(i int) float64 { v := float64(in[0].data[i]); return v * v }), nil
	case graph.ClipScale:
		return pointwise(y, in[0], func(v float64) float64 { return math.Min(1, o.Limit/(math.Sqrt(v)+1e-6)) }), nil
	case graph.Moment:
		scale := float64(in[2].data[0])
		return elements(y, func(i int) float64 {
			g := scale * float64(in[1].data[i])
			return o.Beta*float64(in[0].data[i]) + (1-o.Beta)*math.Pow(g, float64(o.Power))
		}), nil
	case graph.AdamW:
		rate := func(i int) float64 { return float64(in[3].data[i]) }
		return elements(y, func(i int) float64 {
			m, v := float64(in[1].data[i])/rate(2), float64(in[2].data[i])/rate(3)
			return float64(in[0].data[i])*(1-rate(0)*rate(1)) - rate(0)*m/(math.Sqrt(v)+o.Eps)
		}), nil
	}
	return interpretMaps(op, y, in)
}

// elements computes each by itself.
func elements(y tensor, each func(i int) float64) rows {
	n := y.shape.Last()
	return rows{y.shape.Rows(), func(row int) {
		for i := row * n; i < (row+1)*n; i++ {
			y.data[i] = float32(each(i))
		}
	}}
}

// keep is 0 for the elements that the dice drop, else 1/(1-Rate).
func keep(op graph.Keep, y, counter tensor) rows {
	mixed := func(x uint32) uint32 {
		x ^= x >> 16
		x *= 0x7feb352d
		x ^= x >> 15
		x *= 0x846ca68b
		return x ^ x>>16
	}
	seed, step := uint32(counter.data[0]), uint32(counter.data[1])
	start := mixed(mixed(mixed(seed)^step) ^ op.Stream)
	limit := uint32(math.RoundToEven(op.Rate * (1 << 24)))
	return elements(y, func(i int) float64 {
		if mixed(start^uint32(i))>>8 < limit {
			return 0
		}
		return 1 / (1 - op.Rate)
	})
}

// dropBlock is 0 where a seed lies within half a block, elsewhere elements/kept.
func dropBlock(op graph.DropBlock, y, seeds tensor) rows {
	height, width, reach := y.shape[1], y.shape[2], op.Size/2
	return rows{1, func(int) {
		kept := 0
		for i := range y.data {
			b, row, column := i/width/height, i/width%height, i%width
			y.data[i] = 1
			for r := max(row-reach, 0); r <= min(row+reach, height-1); r++ {
				for c := max(column-reach, 0); c <= min(column+reach, width-1); c++ {
					if seeds.data[(b*height+r)*width+c] != 0 {
						y.data[i] = 0
					}
				}
			}
			if y.data[i] != 0 {
				kept++
			}
		}
		for i := range y.data {
			if y.data[i] != 0 {
				y.data[i] = float32(float64(len(y.data)) / float64(kept))
			}
		}
	}}
}
