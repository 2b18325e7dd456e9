package kernels

import (
	"strings"

	"github.com/glipvk/glipvk/engine"
)

// What an invocation is thought to have, in registers of 32 bits. No device says it (RATIONALE.md).
const (
	narrowRegisters = 64  // where no subgroup is wider than narrowSubgroup: Mali, V3D
	smallRegisters  = 128 // where a workgroup has no more shared memory than every device must have: PowerVR
	narrowSubgroup  = 16
	leastShared     = 16 << 10
)

// registersOf is how many registers an invocation is thought to have, 0 for enough.
func registersOf(info engine.Info) int {
	switch c := info.Caps; {
	case info.Kind == "cpu":
		return 0
	case max(c.SubgroupSize, c.SubgroupMax) <= narrowSubgroup:
		return narrowRegisters
	case c.MaxSharedMemory <= leastShared:
		return smallRegisters
	}
	return 0
}

// fewTiles are the candidates for a product on a graphics card of few registers: first those that do not spill there, after them the others, which
// are for measurements to choose.
func (s Style) fewTiles(p shape) []Tile {
	of := func(bm, bn, tm, tn int) Tile {
		return Tile{tiled, bm, bn, bm / tm * (bn / tn), constants(bm, bn, 16, tm, tn, 1)}
	}
	var few []Tile
	switch {
	case s.Registers > narrowRegisters && p.mode != deformed: // all fit
	case s.Registers > narrowRegisters:
		few = []Tile{of(64, 64, 4, 8), of(32, 32, 2, 4)}
	case strings.HasPrefix(p.variant, "_merge"): // four places for each row that an invocation fetches
		few = []Tile{of(16, 32, 1, 4)}
	default:
		few = []Tile{of(32, 32, 2, 4), of(16, 32, 2, 4)}
	}
	return append(best(few, func(t Tile) float64 { return t.cardCost(p) }), s.tiledTiles(p)...)
}

const (
	dealtChannels = 8   // of a query, that an invocation has at most
	dealtGroup    = 256 // invocations of a workgroup
)

// attentionSplit is how many invocations share a query of an attention: 1 where one holds it alone.
func (s Style) attentionSplit(h headed) int {
	split := 1
	if s.Registers != narrowRegisters || s.Gemm == uniform || s.Texel {
		return split
	}
	for h.size/split > dealtChannels && h.size/4%(2*split) == 0 {
		split *= 2
	}
	return split
}
