package cpuref

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// moments are the mean of what each yields and 1/sqrt(variance + eps).
func moments(count int, eps float64, each func(i int) float64) (mean, scale float64) {
	for i := range count {
		mean += each(i)
	}
	mean /= float64(count)
	variance := 0.0
	for i := range count {
		d := each(i) - mean
		variance += d * d
	}
	return mean, 1 / math.Sqrt(variance/float64(count)+eps)
}

// normGradX is the gradient of (x - mean) * scale * weight with respect to the count values
// x, whose mean and variance depend on them: with h the normalised x and u = g * weight,
// scale * (u - mean of u - h * mean of u*h).
func normGradX(count int, eps float64, x, u func(i int) float64, put func(i int, v float64)) {
	mean, scale := moments(count, eps, x)
	var sum, product float64
	for i := range count {
		sum += u(i)
		product += u(i) * (x(i) - mean) * scale
	}
	sum, product = sum/float64(count), product/float64(count)
	for i := range count {
		put(i, scale*(u(i)-sum-(x(i)-mean)*scale*product))
	}
}

// layerNormGradX: g and x [..., C], weight [C] -> y [..., C].
func layerNormGradX(op graph.LayerNormGradX, y, g, x, weight tensor) rows {
	c := x.shape.Last()
	return rows{x.shape.Rows(), func(row int) {
		normGradX(c, op.Eps,
			func(i int) float64 { return float64(x.data[row*c+i]) },
			func(i int) float64 { return float64(g.data[row*c+i]) * float64(weight.data[i]) },
			func(i int, v float64) { y.data[row*c+i] = float32(v) })
	}}
}

// layerNormGradWeight is the sum of g times the normalised x: g and x [..., C] -> y [C].
func layerNormGradWeight(op graph.LayerNormGradWeight, y, g, x tensor) rows {
	c := x.shape.Last()
	return rows{1, func(int) {
		sums := make([]float64, c)
		for row := range x.shape.Rows() {
			at := func(i int) float64 { return float64(x.data[row*c+i]) }
			mean, scale := moments(c, op.Eps, at)
			for i := range sums {
				sums[i] += float64(g.data[row*c+i]) * (at(i) - mean) * scale
			}
		}
		narrow(y.data, sums)
	}}
}

// group gives the place of value i of a group of channels, over all positions of a picture.
func group(x tensor, groups, which int) (count int, at func(i int) (place, channel int)) {
	positions, channels := x.shape[1]*x.shape[2], x.shape[3]
	size := channels / groups
	b, first := which/groups, which%groups*size
	return positions * size, func(i int) (int, int) {
		c := first + i%size
		return (b*positions+i/size)*channels + c, c
	}
}

// groupNormGradX: g and x [B, H, W, C], weight [C] -> y [B, H, W, C]. A piece is a group.
func groupNormGradX(op graph.GroupNormGradX, y, g, x, weight tensor) rows {
	return rows{x.shape[0] * op.Groups, func(which int) {
		count, at := group(x, op.Groups, which)
		normGradX(count, op.Eps,
			func(i int) float64 { p, _ := at(i); return float64(x.data[p]) },
			func(i int) float64 { p, c := at(i); return float64(g.data[p]) * float64(weight.data[c]) },
			func(i int, v float64) { p, _ := at(i); y.data[p] = float32(v) })
	}}
}

// groupNormGradWeight: g and x [B, H, W, C] -> y [C]. A piece is a group in all pictures.
func groupNormGradWeight(op graph.GroupNormGradWeight, y, g, x tensor) rows {
	return rows{op.Groups, func(which int) {
		sums := make([]float64, x.shape[3])
		for b := range x.shape[0] {
			count, at := group(x, op.Groups, b*op.Groups+which)
			value := func(i int) float64 { p, _ := at(i); return float64(x.data[p]) }
			mean, scale := moments(count, op.Eps, value)
			for i := range count {
				p, c := at(i)
				sums[c] += float64(g.data[p]) * (value(i) - mean) * scale
			}
		}
		size := len(sums) / op.Groups
		narrow(y.data[which*size:][:size], sums[which*size:][:size])
	}}
}

// normalizeGradX is (g - h * g·h) / length with h = x / length, and g / Eps where the
// length is below: g and x [..., C] -> y [..., C].
func normalizeGradX(op graph.NormalizeGradX, y, g, x tensor) rows {
	c := x.shape.Last()
	return rows{x.shape.Rows(), func(row int) {
		gs, xs, out := g.data[row*c:][:c], x.data[row*c:][:c], y.data[row*c:][:c]
		squares, product := 0.0, 0.0
		for i, v := range xs {
			squares += float64(v) * float64(v)
			product += float64(v) * float64(gs[i])
		}
		length := math.Sqrt(squares)
		if length < op.Eps {
			length, product = op.Eps, 0
		}
		for i, v := range xs {
			out[i] = float32((float64(gs[i]) - float64(v)*product/length/length) / length)
		}
	}}
}

// softmaxGradX is p * (g - sum of g*p) by the probabilities p: g and p [..., C] -> y [..., C].
func softmaxGradX(y, g, p tensor) rows {
	c := p.shape.Last()
	return rows{p.shape.Rows(), func(row int) {
		gs, ps, out := g.data[row*c:][:c], p.data[row*c:][:c], y.data[row*c:][:c]
		sum := 0.0
		for i, v := range ps {
			sum += float64(v) * float64(gs[i])
		}
		for i, v := range ps {
			out[i] = float32(float64(v) * (float64(gs[i]) - sum))
		}
	}}
}
