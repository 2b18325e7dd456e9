package train

// Blocks are globs for [Options.Recompute] that fit everything that a detector has a number of: the blocks of the
// backbone, the layers of the text encoder, and the tower's.
func Blocks() []string {
	return []string{"backbone.body.stages.*.blocks.*", "language_backbone.body.model.encoder.layer.*", "rpn.head.dyhead_tower.*"}
}
