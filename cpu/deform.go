package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// sampler is the geometry of a deformable convolution: taps of which each is displaced and
// weighed, as the offsets and masks of om [B, Hm, Wm, 3k²] say.
type sampler struct {
	taps
	om    graph.ID
	plane int       // positions of om's map
	zeros []float32 // a position outside the map
}

// deformConv is a deformable convolution: the product of the sampled left factor and the weights.
func (c *compiler) deformConv(id graph.ID) step {
	n, o := c.node(id), c.node(id).Op.(graph.DeformConv)
	x, om, side := n.Inputs[0], c.shape(n.Inputs[1]), c.shape(n.Inputs[2])[2]
	t := tapsOf(c.shape(x), n.Shape, side, o.Stride, o.Pad)
	s := &sampler{taps: t, om: n.Inputs[1], plane: om[1] * om[2], zeros: aligned(t.channels)}
	return c.convolution(id, source{id: x, width: side * side * t.channels, cut: s}, 2)
}

// row samples what the kernel covers at output position r.
func (s *sampler) row(k *kernels, values [][]float32, dst, x []float32, r int) {
	b, y, left := s.corner(r)
	count, positions := s.side*s.side, s.down*s.across
	here := r % positions
	k = k.of(s.channels)
	x = x[b*s.height*s.width*s.channels:][:s.height*s.width*s.channels]
	om := values[s.om][b*s.plane*3*count:][:s.plane*3*count]
	for t := range count {
		// Offsets and masks are numbered as in channels-first memory whose planes have the
		// output's size, whatever size theirs is.
		dy := s.flat(om, 0, 2*t*positions+here)
		dx := s.flat(om, 0, (2*t+1)*positions+here)
		mask := s.flat(om, 2*count, t*positions+here)
		place := point{float64(y+t/s.side) + float64(dy), float64(left+t%s.side) + float64(dx)}
		s.sample(k, dst[t*s.channels:][:s.channels], x, place, mask)
	}
}

// flat is element f of the channels-first memory that holds om's channels from first on.
func (s *sampler) flat(om []float32, first, f int) float32 {
	return om[f%s.plane*3*s.side*s.side+first+f/s.plane]
}

// point is a place between the positions of a map.
type point struct{ y, x float64 }

// sample is mask times the map at a place: the four corners around it, weighed by how near they
// are; those outside the map are 0. NaN is no place in the map.
func (s *sampler) sample(k *kernels, dst, x []float32, at point, mask float32) {
	if !(at.y > -1 && at.x > -1 && at.y < float64(s.height) && at.x < float64(s.width)) {
		k.blend(dst, s.zeros, s.zeros, s.zeros, s.zeros, [4]float32{}, mask, s.channels) // not 0: the mask may be infinite
		return
	}
	top, left := math.Floor(at.y), math.Floor(at.x)
	down, right := at.y-top, at.x-left
	row, column := int(top), int(left)
	k.blend(dst, s.at(x, row, column), s.at(x, row, column+1), s.at(x, row+1, column), s.at(x, row+1, column+1), [4]float32{
		float32((1 - down) * (1 - right)), float32((1 - down) * right), float32(down * (1 - right)), float32(down * right),
	}, mask, s.channels)
}

// at is a position of a picture, zeros outside.
func (s *sampler) at(x []float32, row, column int) []float32 {
	if row < 0 || row >= s.height || column < 0 || column >= s.width {
		return s.zeros
	}
	return x[(row*s.width+column)*s.channels:][:s.channels]
}
