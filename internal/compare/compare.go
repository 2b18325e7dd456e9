// Package compare says how far a computed value is from the one that is wanted. The front door's Verify, the golden
// tests and the tests of the kernels judge by it, so that a distance means the same everywhere:
//
//	d := compare.Values("stage1", got, want).Within(compare.Bounds{RelativeL2: 3e-5, RelativeAbsolute: 6e-5})
//	if !d.OK() {
//		t.Error(d) // how far, where, both values there
//	}
package compare

import (
	"encoding/json"
	"fmt"
	"math"
)

// Bounds say how far a value may lie from the wanted one. Zero bounds demand equality, and a bound that is NaN allows nothing.
type Bounds struct {
	RelativeL2       float64 `json:"relative_l2"`        // of the difference's L2 norm to that of the wanted value
	RelativeAbsolute float64 `json:"relative_absolute"`  // of the largest difference to the wanted value's largest absolute element
	Absolute         float64 `json:"absolute,omitempty"` // what the largest difference may be beyond that
}

// Difference compares a value with the wanted one.
type Difference struct {
	Name       string  `json:"map"`
	Elements   int     `json:"elements"` // of the wanted value
	MaxAbs     float64 `json:"max_abs"`  // largest difference of two elements
	RelativeL2 float64 `json:"relative_l2"`
	AbsMax     float64 `json:"abs_max"` // largest absolute element of the wanted value
	Worst      int     `json:"worst"`   // index of the element that is furthest off, or the first of NonFinite; -1 if there is none
	Got        float64 `json:"got"`     // there; null in JSON where it is no number
	Want       float64 `json:"want"`
	NonFinite  int     `json:"non_finite"`        // elements that are NaN or infinite in one value and not the same in the other
	Missing    int     `json:"missing,omitempty"` // elements that only one of the two has; lengths that differ are compared no further
	Allowed    Bounds  `json:"allowed"`
}

// Values measures got against want. Elements that are the same NaN or infinity in both agree and are left out of the
// figures; one of them beside anything else is counted, and the two then never agree.
func Values(name string, got, want []float32) Difference {
	d := Difference{Name: name, Elements: len(want), Worst: -1}
	if len(got) != len(want) {
		d.Missing = max(len(got)-len(want), len(want)-len(got))
		return d
	}
	var squares, norm float64
	for i := range want {
		g, w := float64(got[i]), float64(want[i])
		if !finite(g) || !finite(w) {
			if same := g == w || math.IsNaN(g) && math.IsNaN(w); !same {
				if d.NonFinite == 0 {
					d.Worst = i
				}
				d.NonFinite++
			}
			continue
		}
		delta := math.Abs(g - w)
		if d.NonFinite == 0 && (d.Worst < 0 || delta > d.MaxAbs) {
			d.Worst = i
		}
		d.MaxAbs, d.AbsMax = max(d.MaxAbs, delta), max(d.AbsMax, math.Abs(w))
		squares += delta * delta
		norm += w * w
	}
	if squares > 0 { // where zeros are wanted the largest number stands for infinity, for which JSON has no word
		d.RelativeL2 = min(math.Sqrt(squares)/max(math.Sqrt(norm), math.SmallestNonzeroFloat64), math.MaxFloat64)
	}
	if d.Worst >= 0 {
		d.Got, d.Want = float64(got[d.Worst]), float64(want[d.Worst])
	}
	return d
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// Within is d, to be held to these bounds.
func (d Difference) Within(allowed Bounds) Difference {
	d.Allowed = allowed
	return d
}

// OK reports whether the value is as close as it has to be.
func (d Difference) OK() bool {
	return d.Missing == 0 && d.NonFinite == 0 && d.RelativeL2 <= d.Allowed.RelativeL2 && d.MaxAbs <= d.most()
}

// most is what the largest difference may be.
func (d Difference) most() float64 {
	return d.Allowed.RelativeAbsolute*d.AbsMax + d.Allowed.Absolute
}

// String says how far off the value is, and where; not its name.
func (d Difference) String() string {
	s := fmt.Sprintf("relative L2 %.3g (bound %.3g), largest difference %.3g (bound %.3g)", d.RelativeL2, d.Allowed.RelativeL2, d.MaxAbs, d.most())
	if d.Worst >= 0 {
		s += fmt.Sprintf(", worst at element %d: got %v, want %v", d.Worst, float32(d.Got), float32(d.Want))
	}
	if d.NonFinite > 0 {
		s = fmt.Sprintf("%d elements differ in being NaN or infinite; ", d.NonFinite) + s
	}
	if d.Missing > 0 {
		s = fmt.Sprintf("%d elements are in one of the two alone, %d are wanted; ", d.Missing, d.Elements) + s
	}
	return s
}

// MarshalJSON writes null for elements that are no numbers.
func (d Difference) MarshalJSON() ([]byte, error) {
	type plain Difference
	out := struct {
		plain
		Got  *float64 `json:"got"`
		Want *float64 `json:"want"`
	}{plain: plain(d)}
	if finite(d.Got) {
		out.Got = &d.Got
	}
	if finite(d.Want) {
		out.Want = &d.Want
	}
	return json.Marshal(out)
}
