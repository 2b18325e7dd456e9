package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/float16"
)

// halfValue is the number that 16 bits stand for, by the definition of IEEE 754 binary16:
// a sign, 5 bits of exponent with a bias of 15, 10 of fraction.
func halfValue(h uint16) float64 {
	exponent, fraction := int(h>>10&31), float64(h&1023)
	value := math.Ldexp(1+fraction/1024, exponent-15)
	switch {
	case exponent == 0:
		value = math.Ldexp(fraction/1024, -14)
	case exponent == 31 && fraction != 0:
		return math.NaN()
	case exponent == 31:
		value = math.Inf(1)
	}
	return math.Copysign(value, 1-2*float64(h>>15))
}

// positives are the values of the finite positive halves, in order.
func positives() []float64 {
	list := make([]float64, 0x7c00)
	for h := range list {
		list[h] = halfValue(uint16(h))
	}
	return list
}

// nearestHalf rounds by looking for the nearest of all halves. Of two that are as near, the
// even one; beyond the largest, 2^16 counts as the next.
func nearestHalf(list []float64, x float32) uint16 {
	sign := uint16(0)
	if math.Signbit(float64(x)) {
		sign = 0x8000
	}
	v := math.Abs(float64(x))
	if math.IsNaN(v) {
		return sign | 0x7e00
	}
	above, exact := slices.BinarySearch(list, v)
	if exact {
		return sign | uint16(above)
	}
	next := 0x1p16
	if above < len(list) {
		next = list[above]
	}
	low, high := v-list[above-1], next-v // exact: float32 and half in float64
	if low < high || low == high && above%2 == 1 {
		return sign | uint16(above-1)
	}
	return sign | uint16(above) // 0x7c00, infinity, is the bit pattern after the largest
}

// TestHalfRoundTrip: every half is what half makes of its value.
func TestHalfRoundTrip(t *testing.T) {
	for h := range 1 << 16 {
		x := float32(halfValue(uint16(h)))
		got := float16.Round(x)
		if x != x {
			if v := halfValue(got); v == v {
				t.Errorf("NaN %#04x becomes %v", h, v)
			}
			continue
		}
		if got != uint16(h) {
			t.Errorf("%v, half %#04x, becomes %#04x", x, h, got)
		}
	}
}

// TestHalfRounds compares with the search for the nearest: halfway between all neighbours, a
// float32 to either side, and random bits.
func TestHalfRounds(t *testing.T) {
	list := positives()
	check := func(x float32) {
		t.Helper()
		for _, x := range []float32{x, -x} {
			if got, want := float16.Round(x), nearestHalf(list, x); got != want && !(x != x && halfValue(got) != halfValue(got)) {
				t.Fatalf("half(%v) (bits %#08x) is %#04x, want %#04x", x, math.Float32bits(x), got, want)
			}
		}
	}
	for i, v := range list {
		next := 0x1p16
		if i+1 < len(list) {
			next = list[i+1]
		}
		tie := float32((v + next) / 2) // exact
		check(tie)
		check(math.Nextafter32(tie, 0))
		check(math.Nextafter32(tie, math.MaxFloat32))
		check(math.Nextafter32(float32(v), 0))
		check(math.Nextafter32(float32(v), math.MaxFloat32))
	}
	for _, x := range []float32{0, float32(math.Inf(1)), float32(math.NaN()), math.MaxFloat32, math.SmallestNonzeroFloat32, 65504, 65519, 65520, 65536, 0x1p-24, 0x1p-25, 0x1.000002p-25, 0x1p-26} {
		check(x)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1 << 18 {
		check(math.Float32frombits(rng.Uint32()))
		check(math.Float32frombits(rng.Uint32()%(32<<23) + (127-26)<<23)) // where halves are
	}
}

// TestHalfByHand are the known values.
func TestHalfByHand(t *testing.T) {
	for _, c := range []struct {
		x    float32
		want uint16
	}{
		{0, 0}, {float32(math.Copysign(0, -1)), 0x8000}, {1, 0x3c00}, {-2, 0xc000}, {65504, 0x7bff}, {65519.996, 0x7bff}, {65520, 0x7c00},
		{-1e30, 0xfc00}, {float32(math.Inf(-1)), 0xfc00}, {0x1p-14, 0x0400}, {0x1p-24, 1}, {0x1p-25, 0}, {0x1.8p-25, 1}, {0x1.8p-24, 2},
		{1 + 0x1p-11, 0x3c00}, {1 + 0x1.8p-10, 0x3c02}, {1.0 / 3, 0x3555}, {0x1.ffep-15, 0x0400},
	} {
		if got := float16.Round(c.x); got != c.want {
			t.Errorf("half(%v) is %#04x, want %#04x", c.x, got, c.want)
		}
	}
	data := halfBytes([]float32{1, -2})
	if want := []byte{0x00, 0x3c, 0x00, 0xc0}; !slices.Equal(data, want) {
		t.Errorf("bytes %x, want %x", data, want)
	}
	if data := halfBytes(nil); len(data) != 0 {
		t.Errorf("bytes of nothing: %x", data)
	}
}

// TestSettle is the table of what devices get.
func TestSettle(t *testing.T) {
	texels := engine.Caps{MaxTexels: 1 << 27, MaxStorageBufferRange: 1 << 27, SubgroupSize: 8}
	plain := engine.Caps{MaxTexels: 1 << 16, MaxStorageBufferRange: 1 << 30, SubgroupSize: 32}
	storage := plain
	storage.Storage16 = true
	for _, c := range []struct {
		name string
		kind string
		caps engine.Caps
		want Precision
		got  Precision
		why  string // a part of it, "" for none
	}{
		{"card", "discrete", storage, "", F32, ""},
		{"card", "discrete", storage, F32, F32, ""},
		{"card", "discrete", storage, F16, F16, ""},
		{"card", "discrete", storage, Auto, F16, "has 16-bit storage"},
		{"card without", "discrete", plain, Auto, F32, "no 16-bit storage"},
		{"card without", "integrated", plain, F16, F16, ""}, // unpacked from words
		{"texels", "cpu", texels, F16, F16, ""},
		{"texels", "cpu", texels, Auto, F32, "software"},
		{"texels", "cpu", texels, F32, F32, ""},
		{"no texels", "cpu", plain, F16, F16, ""},
		{"no texels", "cpu", plain, Auto, F32, "software"},
	} {
		info := engine.Info{Name: "the " + c.name, Kind: c.kind, Caps: c.caps}
		got, why, err := Settle(info, c.want)
		if err != nil || got != c.got || (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%s (%s) wants %q: %q because %q, %v; want %q because of %q", c.name, c.kind, c.want, got, why, err, c.got, c.why)
		}
	}
	for _, bad := range []Precision{"F16", "fp16", "bf16", " "} {
		if got, _, err := Settle(engine.Info{Kind: "discrete", Caps: storage}, bad); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", bad)) {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}

// TestPanels places every element of small matrices by the formula of gemm_uniform.comp:
// element k of row n lies in panel n/32, row k of it, at a column that is n%32 for 16-bit
// floats; of 32-bit ones, of each sixteen first the even, then the odd. Elsewhere are zeros.
func TestPanels(t *testing.T) {
	if uniformPanel != 32 {
		t.Fatalf("panels of %d", uniformPanel)
	}
	evenFirst := []int{0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15}
	for _, size := range [][2]int{{1, 1}, {4, 8}, {32, 3}, {36, 8}, {100, 16}} {
		n, k := size[0], size[1]
		x := make([]float32, n*k)
		for i := range x {
			x[i] = float32(i + 1)
		}
		for _, half := range []bool{false, true} {
			want := make([]float32, (n+31)/32*32*k)
			for row := range n {
				column := row % 32
				if !half {
					column = column/16*16 + evenFirst[column%16]
				}
				for i := range k {
					want[row/32*32*k+i*32+column] = x[row*k+i]
				}
			}
			if got := panels(x, n, half); !slices.Equal(got, want) {
				t.Errorf("%d x %d, half %v: %v, want %v", n, k, half, got, want)
			}
		}
	}
}

// TestPacking compares layouts and sizes of the matrix of a linear, and transposes one by hand.
func TestPacking(t *testing.T) {
	for _, c := range []struct {
		gemm      Gemm
		n, k      int
		precision Precision
		want      packing
		bytes     int64
	}{
		{tiled, 96, 48, F32, packing{}, 4 * 96 * 48},
		{tiled, 96, 48, F16, packing{half: true}, 2 * 96 * 48},
		{direct, 98, 48, F16, packing{}, 4 * 98 * 48}, // no whole vec4s
		{direct, 96, 50, F16, packing{}, 4 * 96 * 50},
		{uniform, 96, 48, F32, packing{panels: true}, 4 * 96 * 48},
		{uniform, 100, 48, F16, packing{panels: true, half: true}, 2 * 128 * 48},
		{uniform, 100, 44, F16, packing{half: true}, 2 * 100 * 44},
		{uniform, 98, 48, F32, packing{}, 4 * 98 * 48},
	} {
		shape := graph.Shape{c.n, c.k}
		got := Style{Gemm: c.gemm}.packing(shape, c.precision)
		if got != c.want || got.bytes(shape) != c.bytes {
			t.Errorf("%s %v %s: %+v of %d bytes, want %+v of %d", c.gemm, shape, c.precision, got, got.bytes(shape), c.want, c.bytes)
		}
		if data := got.pack(make([]float32, c.n*c.k), c.n); int64(len(data)) != c.bytes {
			t.Errorf("%s %v %s: packed in %d bytes, want %d", c.gemm, shape, c.precision, len(data), c.bytes)
		}
	}
	if got := transpose([]float32{1, 2, 3, 4, 5, 6}, 2); !slices.Equal(got, []float32{1, 4, 2, 5, 3, 6}) {
		t.Errorf("transposed: %v", got)
	}
	data := packing{half: true}.pack([]float32{1, 2, 3, 4}, 2)
	words := unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/2)
	if want := []uint16{float16.Round(1), float16.Round(3), float16.Round(2), float16.Round(4)}; !slices.Equal(words, want) {
		t.Errorf("packed as halves: %x, want %x", words, want)
	}
}
