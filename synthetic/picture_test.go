package synthetic_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/glipvk/glipvk/synthetic"
)

func TestPictureVectors(t *testing.T) {
	type spot struct {
		y, x int
		rgb  [3]uint8
	}
	for _, row := range []struct {
		name          string
		height, width int
		seed          uint64
		spots         []spot
		want          string
	}{
		{"5x7", 5, 7, 1, []spot{{0, 0, [3]uint8{161, 191, 94}}, {2, 2, [3]uint8{155, 205, 81}}, {4, 6, [3]uint8{33, 232, 130}}},
			"1404574ae2083c54efa1f3af24ce9a95baaa675f007331b7929594cac9f012a2"},
		{"1x1", 1, 1, 1, []spot{{0, 0, [3]uint8{162, 194, 92}}},
			"3c8f97d71b296db8b3b6d87d0ab62f3874c326613a72ef2212979cdfbbf5ba9a"},
		{"61x45", 61, 45, 7, []spot{{0, 0, [3]uint8{0, 0, 252}}, {30, 15, [3]uint8{175, 106, 60}}, {60, 44, [3]uint8{255, 238, 0}}},
			"9cb9a6b246fb1fa3617631ac8a7cce87319b5df6f1b615c14eec52281e1cd8c4"},
		{"224x224", 224, 224, 7, []spot{{0, 0, [3]uint8{0, 0, 252}}, {112, 74, [3]uint8{51, 149, 175}}, {223, 223, [3]uint8{255, 255, 22}}},
			"2e521847e38f667e1d51bd584715eafb888b237ca4036572559a62dc7da75fd9"},
		{"375x500", 375, 500, 3, []spot{{0, 0, [3]uint8{0, 0, 250}}, {187, 166, [3]uint8{104, 98, 189}}, {374, 499, [3]uint8{232, 233, 0}}},
			"d56b6a98e5c5d1e9d34d2026ab84f0f171734bd343acdfe153b84862a840a3d4"},
		{"97x33", 97, 33, lastSeed, []spot{{0, 0, [3]uint8{0, 0, 252}}, {48, 11, [3]uint8{78, 126, 221}}, {96, 32, [3]uint8{229, 243, 0}}},
			"18c1ebc1f1da55f531c8b1fc638791c9197a4f128db9020f6b2aef55d350be1a"},
	} {
		t.Run(row.name, func(t *testing.T) {
			pixels := synthetic.Picture(row.height, row.width, row.seed)
			for _, s := range row.spots {
				if got := [3]uint8(pixels[(s.y*row.width+s.x)*3:]); got != s.rgb {
					t.Errorf("pixel %d,%d is %v, want %v", s.y, s.x, got, s.rgb)
				}
			}
			digest := sha256.Sum256(pixels)
			if got := hex.EncodeToString(digest[:]); got != row.want {
				t.Errorf("sha256 is %s, want %s", got, row.want)
			}
		})
	}
}

// The digests are those the reference run recorded for its inputs.
func TestInputVectors(t *testing.T) {
	for _, row := range inputRows() {
		t.Run(row.name, func(t *testing.T) {
			x := synthetic.Input(row.batch, row.height, row.width, row.seed)
			if got := sum(x); got != row.want {
				t.Errorf("sha256 is %s, want %s", got, row.want)
			}
		})
	}
}

func TestEmptyPicture(t *testing.T) {
	if p := synthetic.Picture(0, 5, 1); p != nil {
		t.Errorf("a picture without rows has %d bytes", len(p))
	}
	if x := synthetic.Input(1, 5, -1, 1); x != nil {
		t.Errorf("an input of negative width has %d values", len(x))
	}
}
