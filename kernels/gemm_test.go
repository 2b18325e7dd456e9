package kernels

import "testing"

// TestChooseTile holds the tiles to their edges, in all styles: groups cover the product,
// no more than one of them is partly outside, and a single row or column gets a tile too.
func TestChooseTile(t *testing.T) {
	for name, s := range Styles() {
		for _, m := range []int{1, 2, 6, 7, 8, 9, 31, 32, 33, 49, 63, 64, 65, 3136, 1 << 20} {
			for _, n := range []int{1, 3, 4, 31, 32, 33, 63, 64, 65, 96, 97, 288, 3072} {
				for _, k := range []int{1, 96, 3072} {
					x := s.chooseTile(m, n, k)
					if x.rows < 1 || x.cols < 4 || x.cols%4 != 0 || x.group < 1 || x.group > 128 {
						t.Fatalf("%s: %dx%dx%d gets %+v", name, m, n, k, x)
					}
					if s.direct {
						if int(x.constants[0]) != x.rows || int(x.constants[1])*4*x.group != x.cols {
							t.Fatalf("%s: %+v contradicts its constants", name, x)
						}
						continue
					}
					c := x.constants // BM, BN, BK, TM, TN
					if int(c[0]) != x.rows || int(c[1]) != x.cols || int(c[0]/c[3]*(c[1]/c[4])) != x.group || c[4]%4 != 0 || c[2]%4 != 0 {
						t.Fatalf("%s: %+v contradicts its constants", name, x)
					}
				}
			}
		}
	}
	if x := (style{group: 64, lanes: 32}).chooseTile(49, 96, 96); x.cols != 32 {
		t.Errorf("96 columns get tiles of %d, three of 32 waste nothing", x.cols)
	}
}
