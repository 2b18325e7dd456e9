package float16

import (
	"math"
	"testing"
)

// TestHalf widens all 65536 halves and compares with the definition.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		sign, exp, frac := 1.0, h>>10&0x1f, float64(h&0x3ff)
		if h&0x8000 != 0 {
			sign = -1
		}
		got := Widen(uint16(h))
		switch {
		case exp == 31 && frac != 0:
			if got == got {
				t.Fatalf("%04x is NaN, got %v", h, got)
			}
			continue
		case exp == 31:
			frac = math.Inf(1)
		case exp == 0:
			frac = math.Ldexp(frac, -24)
		default:
			frac = math.Ldexp(1024+frac, exp-25)
		}
		want := float32(math.Copysign(frac, sign))
		if math.Float32bits(got) != math.Float32bits(want) {
			t.Fatalf("%04x is %v, got %v", h, want, got)
		}
	}
}
