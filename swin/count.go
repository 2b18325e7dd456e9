package swin

// Published repeats the figures of mmpretrain's model pages by their own counting
// rule (mmengine/analysis): products as multiply-adds, 5 per LayerNorm element, 1
// per element that a global pooling reads, everything else free, the
// classification head not traced.
//
// Those figures do not describe the headless backbone: they come from a
// classifier that norms the last stage only, pools it and has a linear head from
// 1536 channels to 1000 classes. For Swin-T that width is Swin-L's, a slip in
// mmpretrain's own table, and so its parameter count holds a head that the model
// could not have. [graph.Counts] of the recorded graph are the true figures.
type Published struct {
	Parameters int64
	FLOPs      int64 // in the rule's own unit, where a multiply-add counts 1
}

// PublishedCounts applies that rule to the graph recorded for cfg at its nominal
// size. Whatever OutIndices says, the last stage alone is normed.
func PublishedCounts(cfg Config) (Published, error) {
	cfg.OutIndices = []int{cfg.Stages() - 1}
	g, err := Record(cfg, Input{Batch: 1, Height: cfg.ImageSize, Width: cfg.ImageSize})
	if err != nil {
		return Published{}, err
	}
	const head = 1536*1000 + 1000
	c := g.Count()
	pooled := int64(g.Nodes[g.Outputs[0]].Shape.Elements())
	return Published{
		Parameters: c.Parameters + head,
		FLOPs:      c.MultiplyAdds + 5*c.LayerNormElements + pooled,
	}, nil
}
