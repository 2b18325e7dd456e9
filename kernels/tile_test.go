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

// TestRegisters: how many registers are thought to be there, by what drivers of Mesa report.
func TestRegisters(t *testing.T) {
	for name, c := range map[string]struct {
		kind              string
		size, least, most int
		storage16         bool
		version           string
		keys, sums, plain int
	}{
		"RADV, GCN":          {"discrete", 64, 64, 64, true, "1.4.354", 0, 0, 0},
		"RADV, RDNA":         {"discrete", 64, 32, 64, true, "1.4.354", 0, manySums, manySums},
		"NVK":                {"discrete", 32, 32, 32, true, "1.4.354", 0, manySums, manySums},
		"Honeykrisp":         {"integrated", 32, 32, 32, true, "1.4.354", 0, someSums, someSums},
		"Turnip, Adreno 630": {"integrated", 128, 64, 128, false, "1.3.354", 0, manySums, manySums},
		"Turnip, Adreno 660": {"integrated", 128, 64, 128, true, "1.3.354", someKeys, manySums, manySums},
		"Turnip, Adreno 740": {"integrated", 128, 64, 128, true, "1.4.354", 0, manySums, manySums},
		"no version":         {"integrated", 128, 64, 128, true, "", someKeys, manySums, manySums},
		"ANV":                {"integrated", 32, 8, 32, true, "1.3.230", someKeys, someSums, manySums},
		"ANV, a card":        {"discrete", 32, 8, 32, true, "1.3.230", someKeys, someSums, manySums},
		"panvk":              {"integrated", 16, 16, 16, true, "1.4.354", fewKeys, 0, 0},
		"V3DV":               {"integrated", 16, 0, 0, true, "1.3.354", fewKeys, 0, 0},
	} {
		caps := engine.Caps{SubgroupSize: c.size, SubgroupMin: c.least, SubgroupMax: c.most, Storage16: c.storage16, MaxInvocations: 1024}
		s, err := StyleOf(engine.Info{Kind: c.kind, APIVersion: c.version, Caps: caps}, "")
		if err != nil || s.Keys != c.keys || s.Sums != c.sums || s.PlainSums != c.plain {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	for version, want := range map[string]int{"Mesa 22.3.6": fewKeys, "Mesa 26.2.6-1": 0, "": 0} {
		for least, keys := range map[int]int{64: want, 32: 0} {
			s, err := StyleOf(engine.Info{Kind: "discrete", Driver: "radv", DriverVersion: version, Caps: engine.Caps{SubgroupSize: 64, SubgroupMin: least, SubgroupMax: 64}}, "")
			if err != nil || s.Keys != keys {
				t.Errorf("%q, subgroups from %d: %+v, %v", version, least, s, err)
			}
		}
	}
	for version, want := range map[string]bool{"1.3.354": false, "1.4.0": true, "2.0.1": true, "1.10.0": true, "": false, "none": false} {
		if atLeast(version, 1, 4) != want {
			t.Errorf("version %q is at least 1.4: %v", version, !want)
		}
	}
}

// TestSums: a product gets the tile of most sums that it has registers and workgroups for.
func TestSums(t *testing.T) {
	tile := map[int][2]int{fewSums: {64, 64}, someSums: {64, 96}, manySums: {64, 128}} // rows and columns
	large := shape{m: 4096, n: 1152, k: 384, mode: identity}
	normed, reversed, conv, merging, small, few := large, large, large, large, large, large
	normed.norm, normed.mode = true, partition
	reversed.mode = reverse
	conv.mode, conv.variant = convolved, "_conv"
	merging.mode, merging.variant = merged, "_merge"
	small.m, few.m = 49, 512 // 72 workgroups of 64 x 128
	for _, c := range []struct {
		sums, plain int
		p           shape
		want        int
	}{
		{0, 0, large, fewSums}, {manySums, manySums, large, manySums}, {manySums, manySums, normed, manySums}, {manySums, manySums, conv, manySums},
		{manySums, manySums, merging, someSums}, {manySums, manySums, few, fewSums}, {someSums, someSums, large, someSums}, {someSums, someSums, conv, someSums},
		{someSums, manySums, large, manySums}, {someSums, manySums, reversed, manySums}, {someSums, manySums, normed, someSums},
		{someSums, manySums, conv, someSums}, {someSums, manySums, merging, someSums},
	} {
		s := Style{Gemm: tiled, Group: 64, Lanes: 32, Sums: c.sums, PlainSums: c.plain}
		if got := s.tile(c.p, nil); [2]int{got.rows, got.cols} != tile[c.want] || got.sums() != c.want {
			t.Errorf("%d sums, %d of plain products, %v: %v, want %d sums", c.sums, c.plain, c.p, got.constants, c.want)
		}
		for _, x := range s.tiles(c.p) {
			if c.sums > 0 && x.sums() > c.want && c.want > fewSums {
				t.Errorf("%d sums, %v: %v is tried", c.sums, c.p, x.constants)
			}
		}
		if got := s.tile(small, nil); got.rows != 32 || got.sums() > fewSums {
			t.Errorf("%d sums, %v: %v", c.sums, small, got.constants)
		}
	}
	// What was measured for a plain product is not for a convolution of its size where that has registers for less.
	for _, sums := range []int{manySums, someSums} {
		s := Style{Gemm: tiled, Group: 64, Lanes: 32, Sums: sums, PlainSums: manySums}
		won := s.tile(conv.tuned(), nil)
		if won.sums() != manySums {
			t.Fatalf("%d sums: %v", sums, won.constants)
		}
		if got := s.tile(conv, map[string]Tile{conv.tuned().String(): won}); got.sums() != sums {
			t.Errorf("%d sums: a convolution has %v", sums, got.constants)
		}
	}
}

// TestAttentionKeys: they divide a row, and short rows are whole.
func TestAttentionKeys(t *testing.T) {
	for side := 1; side <= 16; side++ {
		for _, most := range []int{0, fewKeys, someKeys} {
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
		list := Style{Gemm: tiled}.tiledTiles(shape{m: 100, n: 7, k: 30, variant: variant})
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
