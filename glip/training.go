package glip

import "github.com/glipvk/glipvk/graph"

// Training is what a step is recorded for.
type Training struct {
	Batch         int // pictures with a caption each
	Height, Width int // of a padded picture, pixels, multiples of [Divisor]
	Tokens        int // of a padded caption
	Objects       int // the most that a picture has
	Random        Random
}

// Random are the rates of what training leaves out by chance, 0 for none. Parts that are frozen
// leave out nothing (tools/finetune.py of microsoft/GLIP puts them in evaluation mode).
type Random struct {
	DropPath  float64 // of the backbone's last block; see [swin.DropPath]
	DropBlock float64 // of the pyramid's maps of strides 16 and 8, blocks of 3 x 3
	Language  float64 // of the text encoder: embeddings, attention, both sides' results
	Tower     float64 // of the tower: the same of its text layers, and both attentions of VLFuse
}

// thrown says whether there are any.
func (r Random) thrown() bool { return r != Random{} }

// positions is the number of anchors.
func (s Training) positions() (n int) {
	for _, grid := range Grids(s.Height, s.Width) {
		n += grid.Height * grid.Width
	}
	return n
}

// LossPath is where [RecordTraining] has the loss.
const LossPath = "loss.sum"

// LossPaths are where it has the losses of boxes, centre-ness and tokens.
func LossPaths() []string { return []string{"loss.box", "loss.centerness", "loss.token"} }

// RecordTraining writes down the whole detector and its losses: image [B, 3, H, W], ids and mask
// [B, T], the inputs of [Targets], and, where something is left out by chance, counter [2] ([graph.Keep]),
// to the losses of boxes, centre-ness and tokens, each [1]; their sum is at [LossPath].
func RecordTraining(cfg Config, s Training) (*graph.Graph, error) {
	in := Grounding{Batch: s.Batch, Height: s.Height, Width: s.Width, Tokens: s.Tokens, Labels: 1}.complete()
	return record(cfg, func(m model, b *graph.Builder) {
		image := b.In("image").Input(s.Batch, 3, s.Height, s.Width)
		ids := b.In("ids").Input(s.Batch, s.Tokens)
		mask := b.In("mask").Input(s.Batch, s.Tokens)
		l := m.targets(b.In("targets"), s)
		if s.Random.thrown() {
			m.random, m.dice = s.Random, &graph.Dice{Counter: b.In("counter").Input(2)}
		}
		maps, hidden := m.vision(b, image), m.language(b, ids, mask)
		head := b.In("rpn", "head")
		maps, hidden = m.tower(head.In("dyhead_tower"), maps, hidden, mask)
		list, _ := m.predictions(head, maps, hidden)
		m.loss(b.In("loss"), list, l)
	}, in.check(), checkPicture(s.Height, s.Width), cfg.checkTokens(s.Tokens), checkBatch(s.Objects))
}
