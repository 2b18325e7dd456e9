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
		keys, sums        int
	}{
		"RADV, GCN": {"discrete", 64, 64, 64, true, "1.4.354", 0, 0}, "RADV, RDNA": {"discrete", 64, 32, 64, true, "1.4.354", 0, manySums},
		"NVK": {"discrete", 32, 32, 32, true, "1.4.354", 0, manySums}, "Honeykrisp": {"integrated", 32, 32, 32, true, "1.4.354", 0, 0},
		"Turnip, Adreno 630": {"integrated", 128, 64, 128, false, "1.3.354", 0, manySums}, "Turnip, Adreno 660": {"integrated", 128, 64, 128, true, "1.3.354", someKeys, manySums},
		"Turnip, Adreno 740": {"integrated", 128, 64, 128, true, "1.4.354", 0, manySums}, "no version": {"integrated", 128, 64, 128, true, "", someKeys, manySums},
		"ANV": {"integrated", 32, 8, 32, true, "1.3.230", someKeys, someSums}, "ANV, a card": {"discrete", 32, 8, 32, true, "1.3.230", someKeys, someSums},
		"panvk": {"integrated", 16, 16, 16, true, "1.4.354", fewKeys, 0}, "V3DV": {"integrated", 16, 0, 0, true, "1.3.354", fewKeys, 0},
	} {
		s, err := StyleOf(engine.Info{Kind: c.kind, APIVersion: c.version, Caps: engine.Caps{SubgroupSize: c.size, SubgroupMin: c.least, SubgroupMax: c.most, Storage16: c.storage16}}, "")
		if err != nil || s.Keys != c.keys || s.Sums != c.sums {
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
	few, some, many := [2]int{64, 64}, [2]int{64, 96}, [2]int{64, 128}
	for _, c := range []struct {
		sums int
		p    shape
		want [2]int // rows and columns
	}{
		{0, shape{m: 4096, n: 1152, k: 384, mode: identity}, few},
		{manySums, shape{m: 4096, n: 1152, k: 384, mode: identity}, many},
		{manySums, shape{m: 4096, n: 1152, k: 384, mode: partition, norm: true}, many},
		{manySums, shape{m: 4096, n: 256, k: 2304, mode: convolved, variant: "_conv"}, many},
		{manySums, shape{m: 3136, n: 96, k: 96, mode: identity}, [2]int{64, 32}},
		{manySums, shape{m: 49, n: 768, k: 3072, mode: identity}, [2]int{32, 32}},
		{manySums, shape{m: 784, n: 768, k: 192, mode: identity}, few}, // 78 workgroups of 64 x 128
		{someSums, shape{m: 4096, n: 1152, k: 384, mode: identity}, many},
		{someSums, shape{m: 4096, n: 1152, k: 384, mode: reverse}, many},
		{someSums, shape{m: 4096, n: 1152, k: 384, mode: identity, norm: true}, some},
		{someSums, shape{m: 4096, n: 1152, k: 384, mode: convolved, variant: "_conv"}, some},
		{someSums, shape{m: 4096, n: 1152, k: 384, mode: merged, variant: "_merge"}, some},
		{someSums, shape{m: 49, n: 768, k: 3072, mode: identity, norm: true}, [2]int{32, 32}},
	} {
		s := Style{Gemm: tiled, Group: 64, Lanes: 32, Sums: c.sums}
		got := s.tile(c.p, nil)
		if got.rows != c.want[0] || got.cols != c.want[1] || got.sums() > s.sums(c.p) {
			t.Errorf("%d sums, %v: %v, want %v", c.sums, c.p, got.constants, c.want)
		}
	}
	// What was measured for a plain product is not for a convolution of its size where that has registers for less.
	p := shape{m: 4096, n: 384, k: 2304, mode: convolved, variant: "_conv"}
	for _, sums := range []int{manySums, someSums} {
		s := Style{Gemm: tiled, Group: 64, Lanes: 32, Sums: sums}
		won := s.tile(p.tuned(), nil)
		if won.sums() != manySums {
			t.Fatalf("%d sums: %v", sums, won.constants)
		}
		if got := s.tile(p, map[string]Tile{p.tuned().String(): won}); got.sums() != sums {
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
