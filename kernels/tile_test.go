package kernels

import (
	"testing"

	"github.com/glipvk/glipvk/engine"
)

// TestTileOfItsShader: a product that the uniform shader does not take has no tile that was measured for that shader, though one of the
// same size has.
func TestTileOfItsShader(t *testing.T) {
	p := shape{m: 64, n: 96, k: 96}
	own, other := Tile{gemm: uniform, group: 8}, Tile{gemm: direct, group: 8}
	for _, c := range []struct {
		style    Gemm
		measured Tile
		taken    bool
	}{{uniform, own, true}, {direct, own, false}, {direct, other, true}, {uniform, other, false}} {
		s := Style{Gemm: c.style, Group: 4, Lanes: 1}
		got := s.tile(p, map[string]Tile{p.tuned().String(): c.measured})
		if taken := got.group == c.measured.group && got.constants == nil; taken != c.taken {
			t.Errorf("style %s takes %+v of %+v", c.style, got, c.measured)
		}
	}
}

// TestFewRegisters: who takes few keys at a time, by the sizes of subgroups that are reported.
func TestFewRegisters(t *testing.T) {
	for name, c := range map[string]struct {
		size, least, most int
		few               bool
	}{
		"RADV, GCN": {64, 64, 64, false}, "RADV, RDNA": {64, 32, 64, false}, "NVK": {32, 32, 32, false}, "Honeykrisp": {32, 0, 0, false},
		"Turnip": {128, 64, 128, true}, "ANV": {32, 8, 32, true}, "panvk": {16, 16, 16, true}, "V3DV": {16, 0, 0, true},
	} {
		s, err := StyleOf(engine.Info{Kind: "integrated", Caps: engine.Caps{SubgroupSize: c.size, SubgroupMin: c.least, SubgroupMax: c.most}}, "")
		if err != nil || (s.Keys > 0) != c.few {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

// TestAttentionKeys: they divide a row, and short rows are whole.
func TestAttentionKeys(t *testing.T) {
	for side := 1; side <= 16; side++ {
		for _, most := range []int{0, fewKeys} {
			l := lowerer{style: Style{Keys: most}}
			keys := int(l.attentionKeys(side))
			whole := most == 0 || side <= shortRow
			if keys < 1 || side%keys != 0 || whole != (keys == side) || !whole && keys > most {
				t.Errorf("side %d, at most %d: %d", side, most, keys)
			}
		}
	}
}

// TestScalarTiles: what a scalar product fetches at a time is bounded, and there is a tile for each.
func TestScalarTiles(t *testing.T) {
	for _, variant := range []string{"", "_scalar", "_turned_scalar"} {
		list := tiledTiles(shape{m: 100, n: 7, k: 30, variant: variant})
		if len(list) < 3 {
			t.Errorf("%q: %d tiles", variant, len(list))
		}
		for _, c := range list {
			if fetched := c.rows * int(c.constants[2]) / 4 / c.group; variant != "" && fetched > scalarFetch {
				t.Errorf("%q: %v fetches %d vectors", variant, c.constants, fetched)
			}
		}
	}
}
