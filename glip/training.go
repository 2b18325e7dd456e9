package glip

import "github.com/glipvk/glipvk/graph"

// Predictions are what the head says of each level of a batch, for losses.
type Predictions struct {
	Logits     []graph.Value // [B, h*w, T]
	Deltas     []graph.Value // [B, h, w, 4]
	Centerness []graph.Value // [B, h, w, 1]
}

// Predict records the whole detector up to its predictions: image [B, 3, H, W], ids and
// mask [B, T]; of in only batch, sizes and tokens count. Errors of the sizes are the builder's.
func Predict(b *graph.Builder, cfg Config, in Grounding) Predictions {
	m := model{cfg}
	in.Labels = 1
	for _, err := range []error{cfg.Validate(), in.check(), checkPicture(in.Height, in.Width), cfg.checkTokens(in.Tokens)} {
		if err != nil {
			b.Fail(err)
			return Predictions{}
		}
	}
	in = in.complete()
	maps := m.vision(b, b.In("image").Input(in.Batch, 3, in.Height, in.Width))
	hidden, mask := m.captions(b, in.Batch, in.Tokens)
	head := b.In("rpn", "head")
	maps, text := m.tower(head.In("dyhead_tower"), maps, hidden, mask)
	list, _ := m.predictions(head, maps, text)
	var p Predictions
	for _, of := range list {
		p.Logits, p.Deltas, p.Centerness = append(p.Logits, of.logits), append(p.Deltas, of.deltas), append(p.Centerness, of.centerness)
	}
	return p
}
