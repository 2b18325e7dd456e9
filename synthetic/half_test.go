package synthetic_test

import (
	"math"
	"testing"

	"github.com/glipvk/glipvk/synthetic"
)

// half is one 16-bit type: infinity is the bit pattern of +Inf, and the patterns below it are the
// finite numbers in increasing order.
type half struct {
	name           string
	round          func([]float32)
	fraction, bias int
	infinity       uint16
}

func halves() []half {
	return []half{{"float16", synthetic.RoundFloat16, 10, 15, 0x7C00}, {"bfloat16", synthetic.RoundBFloat16, 7, 127, 0x7F80}}
}

// value is the number of a pattern; that of infinity is one step beyond the largest finite one.
func (h half) value(pattern uint16) float64 {
	exponent, f := int(pattern>>h.fraction), int(pattern)&(1<<h.fraction-1)
	if exponent == 0 {
		return math.Ldexp(float64(f), 1-h.bias-h.fraction)
	}
	return math.Ldexp(float64(f+1<<h.fraction), exponent-h.bias-h.fraction)
}

// rounded is that of one number.
func (h half) rounded(x float32) float64 {
	data := []float32{x}
	h.round(data)
	return float64(data[0])
}

// Every finite number stays; every midpoint between neighbours goes to the even one, and a hair
// to either side of it to the nearer one.
func TestHalfRounding(t *testing.T) {
	for _, c := range halves() {
		t.Run(c.name, func(t *testing.T) {
			for h := range c.infinity {
				low, high := c.value(h), c.value(h+1)
				mid := float32((low + high) / 2) // exact in float32
				if h+1 == c.infinity {
					high = math.Inf(1)
				}
				even := low
				if h&1 == 1 {
					even = high
				}
				up := math.Nextafter32(mid, float32(math.Inf(1)))
				for _, x := range []struct {
					in   float32
					want float64
				}{{float32(low), low}, {mid, even}, {math.Nextafter32(mid, 0), low}, {up, high}} {
					if got, minus := c.rounded(x.in), c.rounded(-x.in); got != x.want || minus != -x.want {
						t.Fatalf("%g gives %g and %g below 0, want %g", x.in, got, minus, x.want)
					}
				}
			}
		})
	}
}

func TestHalfSpecials(t *testing.T) {
	for _, c := range halves() {
		for _, x := range []float64{math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1)} {
			if got := c.rounded(float32(x)); got != x || math.Signbit(got) != math.Signbit(x) {
				t.Errorf("%s: %g gives %g", c.name, x, got)
			}
		}
		if got := c.rounded(float32(math.NaN())); got == got {
			t.Errorf("%s: NaN becomes %g", c.name, got)
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
