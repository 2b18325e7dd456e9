package cpuref

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

func sumSquares(y, x tensor) rows {
	return summed(y, x, func(i int) float64 { v := float64(x.data[i]); return v * v })
}

func clipScale(op graph.ClipScale, y, x tensor) rows {
	return pointwise(y, x, func(v float64) float64 { return math.Min(1, op.Limit/(math.Sqrt(v)+1e-6)) })
}

// moment is Beta m + (1-Beta) (s g)^Power.
func moment(op graph.Moment, y, m, g, s tensor) rows {
	return elements(y, func(i int) float64 {
		v := float64(s.data[0]) * float64(g.data[i])
		return op.Beta*float64(m.data[i]) + (1-op.Beta)*math.Pow(v, float64(op.Power))
	})
}

// adamW is x (1 - lr decay) - lr (m/c1) / (sqrt(v/c2) + Eps).
func adamW(op graph.AdamW, y, x, m, v, rates tensor) rows {
	rate := func(i int) float64 { return float64(rates.data[i]) }
	return elements(y, func(i int) float64 {
		first, second := float64(m.data[i])/rate(2), float64(v.data[i])/rate(3)
		return float64(x.data[i])*(1-rate(0)*rate(1)) - rate(0)*first/(math.Sqrt(second)+op.Eps)
	})
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
