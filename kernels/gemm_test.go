package kernels

import "testing"

// TestTiles holds all candidates to their edges, in all styles: groups cover the product,
// no more than one of them is partly outside, and a single row or column gets a tile too.
func TestTiles(t *testing.T) {
	for name, s := range AllStyles() {
		for _, m := range []int{1, 2, 6, 7, 8, 9, 31, 32, 33, 49, 63, 64, 65, 3136, 1 << 20} {
			for _, n := range []int{1, 3, 4, 31, 32, 33, 63, 64, 65, 96, 97, 288, 3072} {
				for _, k := range []int{1, 96, 3072, 6144} {
					for _, norm := range []bool{false, true} {
						p := shape{m: m, n: n, k: k, norm: norm, mode: identity, variant: "_fhf"}
						for _, x := range s.tiles(p) {
							if err := checkTile(s, x); err != "" {
								t.Fatalf("%s: %v: %+v: %s", name, p, x, err)
							}
							if turns := uniformLoops(s, p, x); turns > uniformTurns {
								t.Fatalf("%s: %v: %+v: an invocation turns loops %d times", name, p, x, turns)
							}
						}
					}
				}
			}
		}
	}
	if x := (Style{Gemm: tiled, Group: 64, Lanes: 32}).tiles(shape{m: 3136, n: 96, k: 96})[0]; x.cols != 32 {
		t.Errorf("96 columns get tiles of %d, three of 32 waste nothing", x.cols)
	}
	if x := Styles()["uniform"].tiles(shape{m: 49, n: 768, k: 3072})[0]; x.constants[0] != 7 {
		t.Errorf("49 rows get tiles of %d rows, seven of 7 waste nothing", x.constants[0])
	}
}

// checkTile holds a tile to its constants; "" is good.
func checkTile(s Style, x Tile) string {
	c := x.constants
	var rows, cols, group int
	switch x.gemm {
	case direct: // ROWS, COLS
		rows, cols, group = int(c[0]), int(c[1])*4*x.group, s.Group
	case uniform: // ROWS, SUBTILES, PANELS
		rows, cols, group = int(c[0]*c[1]), int(c[2])*uniformPanel, s.Group
	case coop: // BM, BN, BK, WM, WN, CM, CN, CK, LANES, COLUMNS
		rows, cols, group = int(c[0]), int(c[1]), int(c[0]/c[3]*(c[1]/c[4])*c[8])
		if c[0]%c[3]+c[1]%c[4]+c[3]%c[5]+c[4]%c[6]+c[2]%c[7] != 0 || (Matrix{int(c[5]), int(c[6]), int(c[7]), int(c[8]), s.Matrix.Fixed}) != s.Matrix {
			return "the shader cannot do that"
		}
	default: // BM, BN, BK, TM, TN, SPLIT
		rows, cols, group = int(c[0]), int(c[1]), int(c[0]/c[3]*(c[1]/c[4])*c[5])
		if c[4]%4 != 0 || c[2]%4 != 0 || c[2]%c[5] != 0 {
			return "the shader cannot do that"
		}
	}
	if rows != x.rows || cols != x.cols || group != x.group || rows < 1 || cols < 4 || group < 1 || group > 128 {
		return "contradicts its constants"
	}
	return ""
}

// uniformLoops counts the turns of loops of one invocation of the uniform shader.
func uniformLoops(s Style, p shape, x Tile) int {
	if s.Gemm != uniform {
		return 0
	}
	subtiles, panels := int(x.constants[1]), int(x.constants[2])
	turns := panels * (1 + subtiles*(1+ceilDiv(p.k, 8)))
	if p.staged() {
		turns += x.rows * (1 + 3*(p.k/32+4))
	}
	return turns
}
