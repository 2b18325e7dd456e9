package kernels

import (
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// TuningFormat is what a file of tiles calls itself.
const TuningFormat = tuningStyle

// TuningFile is where the choices for a device and a style are kept.
func TuningFile(t Tuning, info engine.Info, s Style) string { return t.file(info, s) }

// Kept is what a file says of a tile.
type Kept = kept

// Candidates are the tiles that a graph's products may have, by shape, the
// one that ought to suit first.
func (w *Weights) Candidates(g *graph.Graph) map[string][]Kept {
	l := newLowerer(g, w.device.Info(), w.style, w.precision)
	all := map[string][]Kept{}
	for _, d := range l.shapes(l.rewrite(Options{})) {
		for _, t := range l.tileStyle(d).tiles(d) {
			all[d.String()] = append(all[d.String()], kept{t.gemm, t.constants})
		}
	}
	return all
}

// Style is how the weights are packed and programs for them written.
func (w *Weights) Style() Style { return w.style }

// Tuned are the tiles that were chosen by measurement or read from a file so far, by shape.
func (w *Weights) Tuned() map[string]Kept {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tiles
}

// Runs reports whether the device can run a style in reasonable time: Mesa before 26 takes
// minutes for the uniform shaders, SwiftShader has no texel buffers to speak of, and direct
// products that norm share the rows among all of a subgroup, so a workgroup may not be less.
// Cooperative matrices are the device's own or none.
func (s Style) Runs(info engine.Info) bool {
	own := StyleOf(info)
	return (s.gemm != uniform || own.gemm == uniform) && (!s.texel || own.texel) && (s.gemm != coop || s.matrix == matrixOf(info.Caps)) &&
		(s.gemm != direct || !s.shuffle || s.group >= info.Caps.SubgroupSize)
}
