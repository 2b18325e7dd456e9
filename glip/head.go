package glip

import "github.com/glipvk/glipvk/graph"

// head records the predictions of VLDyHead.forward and what a level may detect: maps
// [B, h, w, C], text [B, T, D], owned [B, L, T]. Each level's candidates are an output. The
// result is what they are made of: centerness, deltas and projected tokens.
func (m model) head(b *graph.Builder, maps []graph.Value, text, owned graph.Value, in Grounding) (made []graph.Value) {
	list, projected := m.predictions(b, maps, text)
	for l, p := range list {
		p.selection(b, level(l), owned, in)
		made = append(made, p.centerness, p.deltas)
	}
	return append(made, projected)
}

// predictions records those of each level, and the projected tokens [B, T, C].
func (m model) predictions(b *graph.Builder, maps []graph.Value, text graph.Value) (list []prediction, projected graph.Value) {
	c := m.cfg.Channels
	tokens, projected := m.words(b, text)
	for l, x := range maps {
		box, center := b.In("bbox_pred"), b.In("centerness")
		deltas := box.LinearOf(x, box.Param("weight", 4, c, 1, 1), graph.WithBias)
		list = append(list, prediction{
			logits:     m.logits(b, level(l), x, projected, tokens),
			centerness: center.LinearOf(x, center.Param("weight", 1, c, 1, 1), graph.WithBias),
			deltas:     b.In("bbox", level(l)).MulScalar(deltas, b.In("scales", l).Param("scale", 1)),
		})
	}
	return list, projected
}

// words are tokens as the dot product takes them: normalised [B, T, D], and projected [B, T, C].
func (m model) words(b *graph.Builder, text graph.Value) (tokens, projected graph.Value) {
	tokens = b.In("tokens").Normalize(text, 1e-12)
	return tokens, b.In("dot_product_projection_text").Linear(b.In("halved").Scale(tokens, 0.5), m.cfg.Channels, graph.WithBias)
}

// prediction is what the head says of a level.
type prediction struct {
	logits     graph.Value // [B, h*w, T]
	centerness graph.Value // [B, h, w, 1]
	deltas     graph.Value // [B, h, w, 4]
}

// selection records what of a level may be detected and marks it as an output.
func (p prediction) selection(b *graph.Builder, at string, owned graph.Value, in Grounding) {
	scores := b.In("scores", at).PhraseScores(p.logits, owned, graph.PhraseScores{Aggregate: in.Aggregate}) // [B, h*w, L]
	b.Output(b.In("candidates", at).Candidates(scores, p.centerness, p.deltas, graph.Candidates{
		Threshold: in.Threshold, Limit: in.PerLevel,
	}))
}

// logits records the dot product of positions and tokens; it takes the path dot.p3 and
// so on, its weights are the head's own.
func (m model) logits(b *graph.Builder, at string, x, projected, tokens graph.Value) graph.Value {
	return b.In("dot", at).TokenLogits(x, projected, tokens, graph.TokenWeights{
		BiasLang: b.Param("bias_lang", m.cfg.Text.Hidden), Bias0: b.Param("bias0", 1), LogScale: b.Param("log_scale", 1),
	}, graph.TokenLogits{Limit: clampLimit})
}
