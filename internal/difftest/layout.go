package difftest

import (
	"fmt"

	"github.com/glipvk/glipvk/graph"
)

// sampleStep spreads the stored elements of a sampled tap over all of it.
const sampleStep = 1000003

// sampled is the index in the whole tap of stored element k.
func (t Tap) sampled(k int) int {
	return int(int64(k) * sampleStep % int64(graph.Shape(t.Shape).Elements()))
}

// Sample takes from a whole tap the elements that are stored.
func (t Tap) Sample(whole []float32) []float32 {
	if t.Storage != "sampled" {
		return whole
	}
	data := make([]float32, t.Count)
	for k := range data {
		data[k] = whole[t.sampled(k)]
	}
	return data
}

// arrange brings a node's value into the tap's layout. Ours differ from it in
// splitting and merging axes, which moves nothing, and in one place in their
// order: a convolution of the original writes [B, C, H, W], ours [B, H, W, C].
func (t Tap) arrange(n graph.Node, value []float32) ([]float32, error) {
	if len(value) != n.Shape.Elements() {
		return nil, fmt.Errorf("%w: %d elements for %v", graph.ErrShape, len(value), n.Shape)
	}
	shape, transpose, err := t.layoutOf(n)
	if err != nil {
		return nil, err
	}
	if !shape.Equal(t.Shape) {
		return nil, fmt.Errorf("%w: %v read as %q is %v, want %v", graph.ErrShape, n.Shape, t.Layout, shape, t.Shape)
	}
	if transpose {
		value = channelsFirst(n.Shape, value)
	}
	return value, nil
}

// layoutOf is the node's shape read in the tap's layout.
func (t Tap) layoutOf(n graph.Node) (shape graph.Shape, transpose bool, err error) {
	s := n.Shape
	rank := map[string]int{
		"B C H W": 4, "B H*W C": 4, "B Hpad Wpad C": 4, "B*windows tokens C": 3,
		"B*windows heads tokens tokens": 4, "heads tokens tokens": 3,
		"windows tokens tokens": 4, "B windows heads tokens tokens": 4,
	}[t.Layout]
	if rank == 0 || len(s) != rank {
		return nil, false, fmt.Errorf("%w: %v cannot be read as %q", graph.ErrShape, s, t.Layout)
	}
	switch t.Layout {
	case "B C H W":
		switch n.Op.(type) {
		case graph.Input, graph.ChannelsFirst:
			return s, false, nil
		}
		return graph.Shape{s[0], s[3], s[1], s[2]}, true, nil
	case "B H*W C":
		return graph.Shape{s[0], s[1] * s[2], s[3]}, false, nil
	case "windows tokens tokens": // ours has an axis of one head
		return graph.Shape{s[0] * s[1], s[2], s[3]}, false, nil
	case "B windows heads tokens tokens":
		if batch := t.Shape[0]; s[0]%batch == 0 {
			return graph.Shape{batch, s[0] / batch, s[1], s[2], s[3]}, false, nil
		}
	}
	return s, false, nil
}

// channelsFirst turns [B, H, W, C] into [B, C, H, W].
func channelsFirst(s graph.Shape, x []float32) []float32 {
	pixels, channels := s[1]*s[2], s[3]
	y := make([]float32, len(x))
	for i, v := range x {
		b, pixel, c := i/channels/pixels, i/channels%pixels, i%channels
		y[(b*channels+c)*pixels+pixel] = v
	}
	return y
}
