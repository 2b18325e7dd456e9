package onnx

import (
	"fmt"
	"math"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/onnx/schema"
	"github.com/glipvk/glipvk/rewrite"
)

// DetectorOptions say what a detector is written for.
type DetectorOptions struct {
	Batch         int             // pictures with a caption each; [AnyBatch] leaves it open
	Height, Width int             // of a padded picture, pixels, multiples of [glip.Divisor]
	Tokens        int             // of a padded caption
	Labels        int             // of a query, with those that no token stands for
	Threshold     float64         // of label probabilities, before centerness; 0 is glip.DefaultThreshold, below 0 none
	PerLevel      int             // candidates of a level; 0 is glip.DefaultPerLevel
	Aggregate     graph.Aggregate // how the probabilities of a label's tokens become its own

	Raw    bool // outputs are the head's: logits of tokens, centerness and box regression of each level
	Absorb bool // attention between positions and words takes its projections in ([rewrite.Absorb]): less work, other rounding
	Gather bool // deformable convolutions are gathers, for runtimes that have no DeformConv
}

// Detector is GLIP's detector whole, vision, language and grounding as one model. Its inputs:
//
//	image           float32 [batch, 3, height, width], normalised, blue first, 0 beyond the picture's own size
//	input_ids       int64 [batch, tokens], of BERT's tokenizer
//	attention_mask  int64 [batch, tokens], 1 for a token of the caption, 0 for padding
//	positive_map    float32 [batch, labels, tokens], not 0 where a token stands for a label; not of Raw
//	image_size      float32 [batch, 2], height and width of the picture before padding; not of Raw
//
// Its outputs, N being the candidates of all levels, those of a level by falling score:
//
//	boxes   float32 [batch, N, 4], x1, y1, x2, y2 in pixels of the input, corners inclusive, clipped to the picture
//	scores  float32 [batch, N], sqrt(probability * centerness)
//	labels  int64 [batch, N], from 1; 0 where there is no candidate
//
// What is left to do is to suppress those of a label that overlap. With Raw they are, of each level, logits_p3 [batch, h*w, tokens],
// centerness_p3 [batch, h*w, 1] and box_regression_p3 [batch, h*w, 4], and so on to p7.
func Detector(cfg glip.Config, o DetectorOptions) (*Model, error) {
	w, err := recorded("detector", o.Batch, o.Gather, func(batch int) (*graph.Graph, error) {
		g, err := glip.Record(cfg, glip.Grounding{
			Batch: batch, Height: o.Height, Width: o.Width, Tokens: o.Tokens, Labels: o.Labels,
			Threshold: o.Threshold, PerLevel: o.PerLevel, Aggregate: o.Aggregate,
		})
		if err == nil && o.Absorb {
			g, _, err = rewrite.Absorb(g, nil)
		}
		return g, err
	})
	if err != nil {
		return nil, err
	}
	if err := w.captions(!o.Raw); err != nil {
		return nil, err
	}
	if o.Raw {
		return w.raw()
	}
	return w.boxes(cfg, o)
}

// captions are the inputs of a detector, as its graph takes them.
func (w *writing) captions(owned bool) error {
	for _, id := range w.graph.Inputs() {
		shape := w.graph.Nodes[id].Shape
		w.scope = "inputs"
		switch path := w.graph.Nodes[id].Path; path {
		case "image":
			w.input(id, w.float("image", shape, imageIs))
		case "ids":
			w.input(id, w.cast(w.whole("input_ids", shape, "the caption's tokens by BERT's vocabulary, [CLS] and [SEP] among them, then padding"), schema.TensorProto_FLOAT))
		case "mask":
			given := w.cast(w.whole("attention_mask", shape, "1 for a token of the caption, 0 for padding"), schema.TensorProto_FLOAT)
			w.input(id, w.mul(w.sub(w.number(1), given), w.number(glip.Masked)))
		case "rpn.head.owned", "owned":
			if owned {
				w.input(id, w.float("positive_map", shape, "not 0 where a token stands for a label; a row of zeros is a label that is not looked for"))
			}
		default:
			return fmt.Errorf("onnx: %w: the recorded detector has an input %s, which has no name in ONNX", graph.ErrShape, path)
		}
	}
	return nil
}

// levels are the nodes that select what a level may detect, P3 first.
func (w *writing) levels() []graph.ID {
	var list []graph.ID
	for _, id := range w.graph.Outputs {
		if _, ok := w.graph.Nodes[id].Op.(graph.Candidates); ok {
			list = append(list, id)
		}
	}
	return list
}

// raw makes the head's predictions the model's outputs.
func (w *writing) raw() (*Model, error) {
	type prediction struct {
		name, what string
		id         graph.ID
	}
	for level, id := range w.levels() {
		in := w.graph.Nodes[id].Inputs
		logits := w.graph.Nodes[in[0]].Inputs[0]
		positions := w.graph.Nodes[logits].Shape[1]
		for _, p := range []prediction{
			{"logits", "of every token at every position, rows first: the probability that the token is there is their sigmoid", logits},
			{"centerness", "a logit: how far in the middle of an object a position is", in[1]},
			{"box_regression", "what moves a position's anchor to the box: dx, dy, dw, dh", in[2]},
		} {
			if err := w.run(p.id); err != nil {
				return nil, err
			}
			last := w.graph.Nodes[p.id].Shape.Last()
			w.scope = "outputs"
			flat := w.reshape(w.value(p.id), -1, positions, last)
			batch := graph.Shape{w.graph.Nodes[p.id].Shape[0], positions, last}
			w.gives(fmt.Sprint(p.name, "_p", level+3), flat, "float32", sizes(batch, w.batched(p.id)), p.what)
		}
	}
	return w.model(), nil
}

// The box coder's, as package glip has it: a center moves by tenths of the anchor's size, a size by the exponential of fifths, a factor of
// 1000/16 at most.
const (
	centerWeight = 10
	sizeWeight   = 5
	largest      = 1000.0 / 16
)

// boxes decodes the candidates of all levels.
func (w *writing) boxes(cfg glip.Config, o DetectorOptions) (*Model, error) {
	levels := w.levels()
	if err := w.run(levels...); err != nil {
		return nil, err
	}
	rows := w.graph.Nodes[levels[0]].Shape[1]
	batch := w.graph.Nodes[levels[0]].Shape[0]
	frame := w.float("image_size", graph.Shape{batch, 2}, "height and width of each picture before it was padded, in pixels of the input")
	grids := glip.Grids(o.Height, o.Width)
	var boxes, scores, labels []string
	for level, id := range levels {
		w.scope = fmt.Sprint("outputs/p", level+3)
		row := w.value(id)
		column := func(i int) string { return w.slice(row, 2, i, i+1) } // [B, K, 1]
		boxes = append(boxes, w.decoded(column, cfg, level, grids[level].Width, frame))
		scores = append(scores, w.reshape(w.op("Sqrt", nil, column(0)), -1, rows))
		labels = append(labels, w.reshape(w.cast(column(3), schema.TensorProto_INT64), -1, rows))
	}
	w.scope = "outputs"
	open, all := w.batched(levels[0]), len(levels)*rows
	w.gives("boxes", w.concat(1, boxes...), "float32", sizes(graph.Shape{batch, all, 4}, open), "x1, y1, x2, y2 in pixels of the input, corners inclusive, clipped to the picture")
	w.gives("scores", w.concat(1, scores...), "float32", sizes(graph.Shape{batch, all}, open), "0 to 1, those of each level by falling score")
	w.gives("labels", w.concat(1, labels...), "int64", sizes(graph.Shape{batch, all}, open), "from 1, the row of positive_map; 0 where there is no candidate")
	return w.model(), nil
}

// decoded are the boxes [B, K, 4] of a level's candidates, whose columns are those of [graph.Candidates].
func (w *writing) decoded(column func(int) string, cfg glip.Config, level, width int, frame string) string {
	position := column(2)
	y := w.op("Floor", nil, w.div(position, w.number(float64(width))))
	x := w.sub(position, w.mul(y, w.number(float64(width))))
	stride, size := float64(cfg.AnchorStrides[level]), float64(cfg.AnchorSizes[level])
	side := func(at string, center, length int, limit string) (low, high string) {
		middle := w.add(w.mul(at, w.number(stride)), w.number((stride-1)/2))
		middle = w.add(middle, w.mul(column(center), w.number(size/centerWeight)))
		growth := w.op("Exp", nil, w.op("Min", nil, w.div(column(length), w.number(sizeWeight)), w.number(math.Log(largest))))
		half := w.mul(w.sub(w.mul(growth, w.number(size)), w.number(1)), w.number(0.5))
		inside := func(v string) string {
			return w.op("Max", nil, w.op("Min", nil, v, limit), w.number(0))
		}
		return inside(w.sub(middle, half)), inside(w.add(middle, half))
	}
	limit := func(i int) string {
		return w.reshape(w.sub(w.slice(frame, 1, i, i+1), w.number(1)), -1, 1, 1)
	}
	x1, x2 := side(x, 4, 6, limit(1))
	y1, y2 := side(y, 5, 7, limit(0))
	return w.concat(2, x1, y1, x2, y2)
}
