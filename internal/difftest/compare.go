package difftest

import (
	"fmt"
	"math"
)

// Tolerance bounds the distance of two values. A zero field demands equality.
type Tolerance struct {
	RelL2  float64 // of the difference's L2 norm to the wanted value's
	MaxAbs float64 // of any element
}

// Report is the outcome of [Compare].
type Report struct {
	Tolerance Tolerance
	Length    int // of the wanted value
	GotLength int

	RelL2  float64 // over the elements that are finite in the wanted value
	MaxAbs float64

	Worst     int     // index of the element that is furthest off, -1 if there is none
	Got, Want float32 // there

	// Disagreements counts elements where one value is NaN or infinite and the other
	// is not the same; the first of them is then Worst.
	Disagreements int
}

// Compare measures got against want: length first, then NaN and infinities, which
// must be the same on both sides, then distances over the finite elements.
func Compare(got, want []float32, tol Tolerance) Report {
	r := Report{Tolerance: tol, Length: len(want), GotLength: len(got), Worst: -1}
	if len(got) != len(want) {
		return r
	}
	var difference, norm float64
	for i := range want {
		g, w := float64(got[i]), float64(want[i])
		if !finite(g) || !finite(w) {
			if same := g == w || math.IsNaN(g) && math.IsNaN(w); !same {
				if r.Disagreements == 0 {
					r.Worst = i
				}
				r.Disagreements++
			}
			continue
		}
		d := math.Abs(g - w)
		if r.Disagreements == 0 && (r.Worst < 0 || d > r.MaxAbs) {
			r.Worst = i
		}
		r.MaxAbs = max(r.MaxAbs, d)
		difference += d * d
		norm += w * w
	}
	if difference > 0 {
		r.RelL2 = math.Sqrt(difference / norm) // +Inf where zeros were wanted
	}
	if r.Worst >= 0 {
		r.Got, r.Want = got[r.Worst], want[r.Worst]
	}
	return r
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// OK reports whether the two values are within the tolerance.
func (r Report) OK() bool {
	return r.GotLength == r.Length && r.Disagreements == 0 &&
		r.RelL2 <= r.Tolerance.RelL2 && r.MaxAbs <= r.Tolerance.MaxAbs
}

// String says how far off the value is, and where.
func (r Report) String() string {
	if r.GotLength != r.Length {
		return fmt.Sprintf("%d elements, want %d", r.GotLength, r.Length)
	}
	s := fmt.Sprintf("relative L2 %.3g (bound %.3g), largest difference %.3g (bound %.3g)",
		r.RelL2, r.Tolerance.RelL2, r.MaxAbs, r.Tolerance.MaxAbs)
	if r.Worst >= 0 {
		s += fmt.Sprintf(", worst at element %d: got %v, want %v", r.Worst, r.Got, r.Want)
	}
	if r.Disagreements > 0 {
		s = fmt.Sprintf("%d elements differ in being NaN or infinite; ", r.Disagreements) + s
	}
	return s
}
