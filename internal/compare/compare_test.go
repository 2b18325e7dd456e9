package compare_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/internal/compare"
)

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

func TestValues(t *testing.T) {
	loose := compare.Bounds{RelativeL2: 0.1, Absolute: 1}
	for _, c := range []struct {
		name      string
		got, want []float32
		bounds    compare.Bounds
		ok        bool
		worst     int
	}{
		{"equal", []float32{1, 2}, []float32{1, 2}, compare.Bounds{}, true, 0},
		{"nothing", nil, nil, compare.Bounds{}, true, -1},
		{"zero bounds demand equality", []float32{1, 2.0000002}, []float32{1, 2}, compare.Bounds{}, false, 1},
		{"both zeros are one", []float32{float32(math.Copysign(0, -1))}, []float32{0}, compare.Bounds{}, true, 0},
		{"within", []float32{3, 4.25}, []float32{3, 4}, loose, true, 1},
		{"norm too far, each element near", []float32{3.25, 4.5}, []float32{3, 4}, loose, false, 1},
		{"one corner too far, norm small", []float32{100, 102}, []float32{100, 100}, loose, false, 1},
		{"within a share of the largest", []float32{100, 102}, []float32{100, 100}, compare.Bounds{RelativeL2: 0.1, RelativeAbsolute: 0.02}, true, 1},
		{"beyond a share of the largest", []float32{100, 102}, []float32{100, 100}, compare.Bounds{RelativeL2: 0.1, RelativeAbsolute: 0.019}, false, 1},
		{"short", []float32{1}, []float32{1, 2}, loose, false, -1},
		{"long", []float32{1, 2}, []float32{1}, loose, false, -1},
		{"NaN where a number is wanted", []float32{1, nan}, []float32{1, 2}, loose, false, 1},
		{"number where NaN is wanted", []float32{1, 2}, []float32{nan, 2}, loose, false, 0},
		{"infinity where a number is wanted", []float32{inf, 2}, []float32{1, 2}, loose, false, 0},
		{"infinity where NaN is wanted", []float32{inf, 2}, []float32{nan, 2}, loose, false, 0},
		{"infinity of the other sign", []float32{-inf, 2}, []float32{inf, 2}, loose, false, 0},
		{"the same NaN and infinity", []float32{nan, inf, 2}, []float32{nan, inf, 2}, compare.Bounds{}, true, 2},
		{"something where zeros are wanted", []float32{1e-30}, []float32{0}, loose, false, 0},
		{"nothing but NaN", []float32{nan, nan}, []float32{1, 2}, compare.Bounds{RelativeL2: math.Inf(1), Absolute: math.Inf(1)}, false, 0},
		{"L2 bound that is NaN", []float32{1}, []float32{1}, compare.Bounds{RelativeL2: math.NaN()}, false, 0},
		{"absolute bound that is NaN", []float32{1}, []float32{1}, compare.Bounds{Absolute: math.NaN()}, false, 0},
	} {
		d := compare.Values(c.name, c.got, c.want).Within(c.bounds)
		if d.OK() != c.ok || d.Worst != c.worst || d.Name != c.name || d.Elements != len(c.want) {
			t.Errorf("%s: OK %v, worst %d; want %v, %d (%s)", c.name, d.OK(), d.Worst, c.ok, c.worst, d)
		}
	}
}

// TestFigures wants the figures of a difference to be what they are by hand.
func TestFigures(t *testing.T) {
	d := compare.Values("x", []float32{3, -4.5, 12}, []float32{3, -4, 12})
	if d.MaxAbs != 0.5 || d.AbsMax != 12 || d.RelativeL2 != 0.5/13 || d.Worst != 1 || d.Got != -4.5 || d.Want != -4 {
		t.Errorf("%+v", d)
	}
	for _, measured := range []compare.Difference{{MaxAbs: math.NaN()}, {RelativeL2: math.NaN()}} {
		if measured.Within(compare.Bounds{RelativeL2: 1, Absolute: 1}).OK() {
			t.Errorf("a distance that is NaN passes: %+v", measured)
		}
	}
}

func TestStringSaysWhere(t *testing.T) {
	d := compare.Values("x", []float32{1, 7.5}, []float32{1, 2.25}).Within(compare.Bounds{RelativeL2: 1e-6, Absolute: 1e-5})
	d.Missing, d.NonFinite = 3, 4
	for _, part := range []string{"element 1", "7.5", "2.25", "1e-06", "1e-05", "3 elements", "4 elements"} {
		if !strings.Contains(d.String(), part) {
			t.Errorf("%q does not say %q", d, part)
		}
	}
}

// TestJSON wants every difference to be written, those without a number too.
func TestJSON(t *testing.T) {
	for _, c := range []struct {
		got, want []float32
		text      string
	}{
		{[]float32{1.5}, []float32{1}, `"got":1.5,"want":1`},
		{[]float32{nan}, []float32{1}, `"got":null,"want":1`},
		{[]float32{1}, []float32{-inf}, `"got":1,"want":null`},
		{[]float32{1}, []float32{0}, `"map":"x"`}, // infinitely far
	} {
		data, err := json.Marshal(compare.Values("x", c.got, c.want))
		if err != nil || !strings.Contains(string(data), c.text) {
			t.Errorf("%v beside %v: %s, %v; want %s", c.got, c.want, data, err, c.text)
		}
	}
}
