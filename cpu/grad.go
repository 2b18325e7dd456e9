package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// gradients make the steps of what training needs besides the operations of models; products are in gradproducts.go.
var gradients = map[string]func(c *compiler, id graph.ID) step{
	"lineargradx": (*compiler).linearGradX, "lineargradweight": (*compiler).linearGradWeight,
	"convgradx": (*compiler).convGradX, "convgradweight": (*compiler).convGradWeight,
	"deformconvgradweight": (*compiler).deformConvGradWeight, "headlineargradweight": (*compiler).headLinearGradWeight,
	"layernormgradx": (*compiler).layerNormGradX, "layernormgradweight": (*compiler).layerNormGradWeight,
	"groupnormgradx": (*compiler).groupNormGradX, "groupnormgradweight": (*compiler).groupNormGradWeight,
	"normalizegradx": (*compiler).normalizeGradX, "softmaxgradx": (*compiler).softmaxGradX,
	"positionbiasgradtable": (*compiler).positionBiasGradTable, "splitpatches": (*compiler).splitPatches,
	"resizenearestgradx": (*compiler).resizeNearestGradX, "resizebilineargradx": (*compiler).resizeBilinearGradX,
	"embedgradword": (*compiler).embedGradWord, "slicechannels": (*compiler).sliceChannels, "concatchannels": (*compiler).concatChannels,
	"mul": (*compiler).mul, "tile": (*compiler).tile, "sumtiles": (*compiler).sumTiles, "fill": (*compiler).fill, "exp": (*compiler).exp,
	"packhalves": (*compiler).packHalves, "unpackhalves": (*compiler).unpackHalves,
	"gelugradx": (*compiler).geluGradX, "relugradx": (*compiler).reluGradX, "sigmoidgradx": (*compiler).sigmoidGradX,
	"hardsigmoidgradx": (*compiler).hardSigmoidGradX, "clampgradx": (*compiler).clampGradX,
	"dynamicrelugradx": (*compiler).dynamicReLUGradX, "dynamicrelugradt": (*compiler).dynamicReLUGradT,
	"tokenfocalloss": (*compiler).tokenFocalLoss, "tokenfocallossgradx": (*compiler).tokenFocalLossGradX,
	"giouloss": (*compiler).gIoULoss, "gioulossgradx": (*compiler).gIoULossGradX,
	"centernessloss": (*compiler).centernessLoss, "centernesslossgradx": (*compiler).centernessLossGradX,
	"keep": (*compiler).keep, "dropblock": (*compiler).dropBlock, "sumsquares": (*compiler).sumSquares, "clipscale": (*compiler).clipScale,
	"moment": (*compiler).moment, "adamw": (*compiler).adamW,
}

// eachFrom is each that is told the number of the first element, for the other operands.
func (c *compiler) eachFrom(id graph.ID, f func(y, x []float32, values [][]float32, first int)) step {
	x, size := c.node(id).Inputs[0], c.shape(id).Elements()
	return c.blocks(id, 1, (size+chunk-1)/chunk, 256, func(_ *worker, values [][]float32, _, first, count int) {
		first, end := first*chunk, min((first+count)*chunk, size)
		f(values[id][first:end], values[x][first:end], values, first)
	})
}

// pairs is each for an operation of a gradient and what it goes by, both of the result's size.
func (c *compiler) pairs(id graph.ID, f func(y, g, x []float32)) step {
	other := c.node(id).Inputs[1]
	return c.eachFrom(id, func(y, g []float32, values [][]float32, first int) { f(y, g, values[other][first:][:len(y)]) })
}

func (c *compiler) geluGradX(id graph.ID) step {
	return c.pairs(id, func(y, g, x []float32) {
		c.kernels.parts(len(y), func(k *kernels, from, n int) { k.geluGrad(y[from:], g[from:], x[from:], n) })
	})
}

// within is g times a factor where right says so of x, else 0; where x is NaN so is the result.
func (c *compiler) within(id graph.ID, factor float32, right func(v float32) bool) step {
	return c.pairs(id, func(y, g, x []float32) {
		for i, v := range x {
			switch {
			case v != v:
				y[i] = v
			case right(v):
				y[i] = g[i] * factor
			default:
				y[i] = 0
			}
		}
	})
}

func (c *compiler) reluGradX(id graph.ID) step {
	return c.within(id, 1, func(v float32) bool { return v > 0 })
}

func (c *compiler) hardSigmoidGradX(id graph.ID) step {
	return c.within(id, 1.0/6, func(v float32) bool { return v > -3 && v < 3 })
}

func (c *compiler) clampGradX(id graph.ID) step {
	limit := float32(c.node(id).Op.(graph.ClampGradX).Limit)
	return c.within(id, 1, func(v float32) bool { return v >= -limit && v <= limit })
}

// sigmoidGradX is g * p * (1 - p) of the channels from From on.
func (c *compiler) sigmoidGradX(id graph.ID) step {
	in, n, first := c.node(id).Inputs, c.shape(id).Last(), c.node(id).Op.(graph.SigmoidGradX).From
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		g, p := values[in[0]][row*n:][:n], values[in[1]][row*n:][:n]
		copy(y, g[:first])
		for i := first; i < n; i++ {
			y[i] = g[i] * p[i] * (1 - p[i])
		}
	})
}

func (c *compiler) exp(id graph.ID) step {
	return pointwise(func(v float32) float32 { return float32(math.Exp(float64(v))) })(c, id)
}

// mul is a * b, b tiled over a.
func (c *compiler) mul(id graph.ID) step {
	in, n := c.node(id).Inputs, c.shape(id).Last()
	as, bs := c.shape(in[0]), c.shape(in[1])
	m := bs.Last()
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		a, b := values[in[0]][row*n:][:n], values[in[1]][tiledRow(as, bs, row)*m:][:m]
		if m == 1 {
			times(y, a, b[0])
			return
		}
		for at := 0; at < n; at += m {
			elementwise(y[at:][:m], a[at:], b)
		}
	})
}

// elementwise is y = a * b.
func elementwise(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i, v := range a {
		y[i] = v * b[i]
	}
}

// tile repeats x.
func (c *compiler) tile(id graph.ID) step {
	x, y := c.node(id).Inputs[0], c.shape(id)
	shape, m := c.shape(x), c.shape(x).Last()
	return c.eachRow(id, func(_ *worker, line []float32, values [][]float32, row int) {
		from := values[x][tiledRow(y, shape, row)*m:][:m]
		for at := 0; at < len(line); at += m {
			copy(line[at:], from)
		}
	})
}

// sumTiles adds up what lies on the same element of y. A task is a row of y, or, of one with few rows, some of x's
// rows, whose sums a last step adds up: where the sums are cut does not depend on the workers.
func (c *compiler) sumTiles(id graph.ID) step {
	x, y := c.node(id).Inputs[0], c.shape(id)
	shape := c.shape(x)
	rows, n, m, out := shape.Rows(), shape.Last(), y.Last(), y.Elements()
	blocks := max(1, min(sumBlocks, rows*n/sumLeast, sumFloats/out))
	size := (rows + blocks - 1) / blocks
	blocks = (rows + size - 1) / size
	parts := c.temporary(blocks * out)
	k := c.kernels.of(m)
	before := step{name: "sumtiles_parts", in: []graph.ID{x}, outs: []graph.ID{parts}, tasks: blocks, run: func(_ *worker, values [][]float32, block int) {
		sums, first := values[parts][block*out:][:out], block*size
		count := min(size, rows-first)
		if clear(sums); m == n && out == m {
			k.add(sums, 0, sums, 0, values[x][first*n:], n, count, n)
			return
		}
		for row := first; row < first+count; row++ {
			line, to := values[x][row*n:][:n], sums[tiledRow(shape, y, row)*m:][:m]
			if m == 1 {
				to[0] += sum(line)
				continue
			}
			k.add(to, 0, to, 0, line, m, n/m, m)
		}
	}}
	s := c.blocks(id, 1, (out+chunk-1)/chunk, 64, func(_ *worker, values [][]float32, _, first, count int) {
		first *= chunk
		line := values[id][first:min(first+count*chunk, out)]
		clear(line)
		c.kernels.parts(len(line), func(k *kernels, from, n int) {
			k.add(line[from:], 0, line[from:], 0, values[parts][first+from:], out, blocks, n)
		})
	})
	s.in, s.before = []graph.ID{parts}, []step{before}
	return s
}

// How sums are cut: into so many parts at most, of so many elements at least, that take so many floats together.
const (
	sumBlocks = 64
	sumLeast  = 1 << 12
	sumFloats = 1 << 22
)

// sum of a row.
func sum(x []float32) float32 {
	var sums [4]float64
	for i, v := range x {
		sums[i%4] += float64(v)
	}
	return float32(sums[0] + sums[1] + sums[2] + sums[3])
}

func (c *compiler) fill(id graph.ID) step {
	value, size := float32(c.node(id).Op.(graph.Fill).Value), c.shape(id).Elements()
	return c.blocks(id, 1, size, 1<<14, func(_ *worker, values [][]float32, _, first, count int) {
		line := values[id][first:][:count]
		for i := range line {
			line[i] = value
		}
	})
}

// sliceChannels copies some channels of each row.
func (c *compiler) sliceChannels(id graph.ID) step {
	x, begin := c.node(id).Inputs[0], c.node(id).Op.(graph.SliceChannels).Begin
	n := c.shape(x).Last()
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) { copy(y, values[x][row*n+begin:]) })
}

// concatChannels puts the channels of rows one after the other.
func (c *compiler) concatChannels(id graph.ID) step {
	in := c.node(id).Inputs
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		for _, part := range in {
			n := c.shape(part).Last()
			copy(y[:n], values[part][row*n:])
			y = y[n:]
		}
	})
}

// softmaxGradX is p * (g - sum of g*p).
func (c *compiler) softmaxGradX(id graph.ID) step {
	in, n := c.node(id).Inputs, c.shape(id).Last()
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		g, p := values[in[0]][row*n:][:n], values[in[1]][row*n:][:n]
		mean := dot(g, p)
		for i, v := range p {
			y[i] = v * (g[i] - mean)
		}
	})
}

// normalizeGradX is (g - h * g·h) / length with h = x / length.
func (c *compiler) normalizeGradX(id graph.ID) step {
	in, n, eps := c.node(id).Inputs, c.shape(id).Last(), c.node(id).Op.(graph.NormalizeGradX).Eps
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		g, x := values[in[0]][row*n:][:n], values[in[1]][row*n:][:n]
		squares, product := 0.0, 0.0
		for i, v := range x {
			squares += float64(v) * float64(v)
			product += float64(v) * float64(g[i])
		}
		length := math.Sqrt(squares)
		if length < eps {
			length, product = eps, 0
		}
		for i, v := range x {
			y[i] = float32((float64(g[i]) - float64(v)*product/length/length) / length)
		}
	})
}
