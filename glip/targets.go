package glip

import (
	"fmt"
	"math"

	"github.com/glipvk/glipvk/graph"
)

// Encode are the deltas that move an anchor to a box: what [Decode] takes back, as long
// as no side grows by more than a factor of 1000/16.
func Encode(anchor, box Box) (dx, dy, dw, dh float64) {
	side := func(low, high, boxLow, boxHigh float64) (float64, float64) {
		size := high - low + 1
		return 10 * ((boxLow+boxHigh)/2 - (low+high)/2) / size, 5 * math.Log((boxHigh-boxLow+1)/size)
	}
	dx, dw = side(anchor.X1, anchor.X2, box.X1, box.X2)
	dy, dh = side(anchor.Y1, anchor.Y2, box.Y1, box.Y2)
	return dx, dy, dw, dh
}

// Centerness is how well an anchor's middle lies in the middle of a box, 0 to 1 ("FCOS: Fully
// Convolutional One-Stage Object Detection", Tian et al. 2019, equation 3).
func Centerness(anchor, box Box) float64 {
	x, y := middle(anchor)
	left, right, top, bottom := x-box.X1, box.X2-x, y-box.Y1, box.Y2-y
	return math.Sqrt(min(left, right) / max(left, right) * (min(top, bottom) / max(top, bottom)))
}

// noObject is the column of a position without an object, where a caption is as long as the
// original pads all captions to.
const noObject = 255

// Targets are what a batch of annotated pictures is to make a model say, as inputs of
// [RecordTraining].
type Targets struct {
	Matched     []float32 // [B, S], the number of an anchor's object from 1, 0 for none
	Positive    []float32 // [B, 1+Objects, T], 1 where a token stands for the object; row 0 of anchors without
	Mask        []float32 // [B, T], 1 for the tokens of a caption
	Anchors     []float32 // [S, 4]
	Boxes       []float32 // [B, S, 4], what an anchor's deltas are to decode to
	Weight      []float32 // [B, S], centre-ness of anchors that train boxes, 0 for the others
	PerWeight   float32   // of the box loss: 2 / the sum of the weights, 0 where that is 0
	PerPositive float32   // of the others: 1 / the number of anchors that train boxes, at least 1
}

// NewTargets assigns the objects of each picture to anchors; lengths are the tokens of each
// caption, [CLS] and [SEP] included. A picture without objects is background at every anchor.
func NewTargets(cfg Config, s Training, lengths []int, pictures [][]Object) (Targets, error) {
	n := s.positions()
	t := Targets{
		Matched: make([]float32, s.Batch*n), Positive: make([]float32, s.Batch*(1+s.Objects)*s.Tokens), Mask: make([]float32, s.Batch*s.Tokens),
		Boxes: make([]float32, s.Batch*n*4), Weight: make([]float32, s.Batch*n),
	}
	if len(lengths) != s.Batch || len(pictures) != s.Batch {
		return t, fmt.Errorf("glip: %w: %d captions and the objects of %d pictures for a batch of %d", graph.ErrShape, len(lengths), len(pictures), s.Batch)
	}
	var list []Box
	for _, level := range anchors(cfg, s.Height, s.Width) {
		list = append(list, level...)
	}
	for _, a := range list {
		t.Anchors = append(t.Anchors, narrow(a)...)
	}
	positives, sum := 0, 0.0
	for b, objects := range pictures {
		if lengths[b] < 1 || lengths[b] > s.Tokens || len(objects) > s.Objects {
			return t, fmt.Errorf("glip: %w: picture %d has %d objects and a caption of %d tokens, want at most %d and 1 to %d", graph.ErrShape, b, len(objects), lengths[b], s.Objects, s.Tokens)
		}
		var matched []int
		if len(objects) > 0 {
			var err error
			if matched, err = Assign(cfg, s.Height, s.Width, objects); err != nil {
				return t, fmt.Errorf("picture %d: %w", b, err)
			}
		}
		if err := t.caption(s, b, lengths[b], objects); err != nil {
			return t, err
		}
		for i, m := range matched {
			if m < 0 {
				continue
			}
			t.Matched[b*n+i] = float32(m + 1)
			if objects[m].Label < 1 {
				continue
			}
			c := Centerness(list[i], objects[m].Box)
			copy(t.Boxes[(b*n+i)*4:], narrow(Decode(encoded(list[i], objects[m].Box))))
			t.Weight[b*n+i] = float32(c)
			positives, sum = positives+1, sum+c
		}
	}
	if t.PerPositive = 1 / float32(max(positives, 1)); sum > 0 {
		t.PerWeight = float32(2 / sum)
	}
	return t, nil
}

// caption fills in the rows of picture b.
func (t Targets) caption(s Training, b, length int, objects []Object) error {
	for i := range length {
		t.Mask[b*s.Tokens+i] = 1
	}
	rows := t.Positive[b*(1+s.Objects)*s.Tokens:][:(1+s.Objects)*s.Tokens]
	if s.Tokens > noObject {
		rows[noObject] = 1 // it counts where the caption has so many tokens
	}
	for m, o := range objects {
		for _, token := range o.Tokens {
			if token < 0 || token >= length {
				return fmt.Errorf("glip: %w: picture %d: object %d is named by token %d of a caption of %d", graph.ErrShape, b, m, token, length)
			}
			rows[(m+1)*s.Tokens+token] = 1
		}
	}
	return nil
}

// encoded is an anchor and the deltas that move it to a box.
func encoded(anchor, box Box) (_ Box, dx, dy, dw, dh float64) {
	dx, dy, dw, dh = Encode(anchor, box)
	return anchor, dx, dy, dw, dh
}

func narrow(b Box) []float32 {
	return []float32{float32(b.X1), float32(b.Y1), float32(b.X2), float32(b.Y2)}
}
