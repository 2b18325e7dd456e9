package kernels

import "testing"

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
