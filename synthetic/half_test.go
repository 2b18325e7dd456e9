package synthetic_test

import (
	"math"
	"testing"

	"github.com/glipvk/glipvk/synthetic"
)

// halfCodec is one 16-bit type. infinity is the bit pattern of +Inf: the
// patterns below it are the finite numbers in increasing order.
type halfCodec struct {
	name     string
	narrow   func(float32) uint16
	widen    func(uint16) float32
	infinity uint16
	after    float64 // the value one step beyond the largest finite one
}

func halfCodecs() []halfCodec {
	return []halfCodec{
		{"float16", synthetic.Float16, synthetic.FromFloat16, 0x7C00, 65536},
		{"bfloat16", synthetic.BFloat16, synthetic.FromBFloat16, 0x7F80, math.Ldexp(1, 128)},
	}
}

// Every finite pattern survives the way there and back; every midpoint between
// neighbours goes to the even one, and a hair to either side of it to the
// nearer one.
func TestHalfRounding(t *testing.T) {
	for _, c := range halfCodecs() {
		t.Run(c.name, func(t *testing.T) {
			for h := range c.infinity {
				low, high := float64(c.widen(h)), float64(c.widen(h+1))
				if h+1 == c.infinity {
					high = c.after
				}
				even := h + h&1
				for _, sign := range []uint16{0, 0x8000} {
					s := float32(1)
					if sign != 0 {
						s = -1
					}
					if got := c.narrow(s * float32(low)); got != h|sign {
						t.Fatalf("%g gives %04x, want %04x", low, got, h|sign)
					}
					mid := float32((low + high) / 2) // exact in float32
					if got := c.narrow(s * mid); got != even|sign {
						t.Fatalf("midpoint %g gives %04x, want %04x", mid, got, even|sign)
					}
					if got := c.narrow(s * math.Nextafter32(mid, 0)); got != h|sign {
						t.Fatalf("below %g gives %04x, want %04x", mid, got, h|sign)
					}
					up := math.Nextafter32(mid, float32(math.Inf(1)))
					if got := c.narrow(s * up); got != (h+1)|sign {
						t.Fatalf("above %g gives %04x, want %04x", mid, got, (h+1)|sign)
					}
				}
			}
		})
	}
}

func TestHalfSpecials(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range halfCodecs() {
		for _, row := range []struct {
			in   float32
			want uint16
		}{{inf, c.infinity}, {-inf, c.infinity | 0x8000}, {0, 0}, {float32(math.Copysign(0, -1)), 0x8000}} {
			if got := c.narrow(row.in); got != row.want {
				t.Errorf("%s: %g gives %04x, want %04x", c.name, row.in, got, row.want)
			}
		}
		for _, nan := range []uint32{0x7F800001, 0x7FC00000, 0xFFFFFFFF, 0xFF800001} {
			h := c.narrow(math.Float32frombits(nan))
			if v := c.widen(h); v == v {
				t.Errorf("%s: NaN %08x becomes %g", c.name, nan, v)
			}
		}
		if v := c.widen(c.infinity); v != inf {
			t.Errorf("%s: infinity widens to %g", c.name, v)
		}
	}
}

func TestRoundInPlace(t *testing.T) {
	data := []float32{1.0009765625 + 1.0/4096, 1e-8, -70000}
	synthetic.RoundFloat16(data)
	if want := [3]float32{1.0009765625, 0, float32(math.Inf(-1))}; [3]float32(data) != want {
		t.Errorf("float16: %v, want %v", data, want)
	}
	data = []float32{1.00390625, 1.01171875, -3.4e38}
	synthetic.RoundBFloat16(data)
	if want := [3]float32{1, 1.015625, float32(math.Inf(-1))}; data[0] != want[0] || data[1] != want[1] {
		t.Errorf("bfloat16: %v, want %v", data, want)
	}
}
