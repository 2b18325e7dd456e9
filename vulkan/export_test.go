package vulkan

import (
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
)

// TuningFormat is what a file of tiles calls itself.
const TuningFormat = tuningStyle

// TuningFile is where the choices for a device and a style are kept.
func TuningFile(t Tuning, info engine.Info, s kernels.Style) string { return t.file(info, s) }

// Kept is what a file says of a tile.
type Kept = kept

// Candidates are the tiles that a graph's products may have, by shape, the
// one that ought to suit first.
func (w *Weights) Candidates(g *graph.Graph) map[string][]Kept {
	all := map[string][]Kept{}
	for _, p := range kernels.Rewrite(g, w.device.Info(), w.layout, kernels.Options{}).Products() {
		for _, t := range p.Candidates {
			all[p.Key] = append(all[p.Key], kept{t.Family(), t.Constants()})
		}
	}
	return all
}

// Layout is how the weights are packed and programs for them written.
func (w *Weights) Layout() kernels.Layout { return w.layout }

// Tuned are the tiles that were chosen by measurement or read from a file so far, by shape.
func (w *Weights) Tuned() map[string]Kept { return w.tiles }

// Tile is a candidate of a shape, as [Options.Tiles] takes it.
func (w *Weights) Tile(g *graph.Graph, key string, i int) map[string]kernels.Tile {
	for _, p := range kernels.Rewrite(g, w.device.Info(), w.layout, kernels.Options{}).Products() {
		if p.Key == key {
			return map[string]kernels.Tile{key: p.Candidates[i]}
		}
	}
	return nil
}
