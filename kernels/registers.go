package kernels

import (
	"slices"
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

// fewTiles are the candidates for a product on a graphics card of few registers: first those that do not spill there, after them some of the
// others, which are for measurements to choose.
func (s Style) fewTiles(p shape) []Tile {
	others := tiledTiles(p)
	if s.Registers >= smallRegisters { // all but one fit
		if p.mode == deformed {
			others = slices.DeleteFunc(others, func(t Tile) bool { return t.constants[4] == 8 && t.constants[5] > 1 })
		}
		return others
	}
	few := []Tile{tiledTile(32, 32, 16, 2, 4, 1), tiledTile(16, 32, 16, 2, 4, 1)}
	if strings.HasPrefix(p.variant, "_merge") { // four places for each row that an invocation fetches
		few = []Tile{tiledTile(16, 32, 16, 1, 4, 1)}
	}
	return append(best(few, func(t Tile) float64 { return t.cardCost(p) }), others...)
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
