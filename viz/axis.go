package viz

import (
	"math"
	"strconv"
)

// span is a range of values.
type span struct{ low, high float64 }

func (s *span) take(v float64) { s.low, s.high = min(s.low, v), max(s.high, v) }

func finite(v float64) bool { return v-v == 0 }

// axis places values between two pixels.
type axis struct {
	span
	log      bool
	from, to float64 // pixels of low and high
	ticks    []float64
	digits   int // behind the point; -1 for as many as are needed
}

// newAxis makes one that ends at round numbers, with about so many of them.
func newAxis(s span, log bool, count, from, to int) axis {
	a := axis{span: s, log: log, from: float64(from), to: float64(to), digits: -1}
	if log {
		a.powers(max(count, 2))
		return a
	}
	if s.low == s.high {
		pad := max(math.Abs(s.low)/2, 0.5)
		a.low, a.high = s.low-pad, s.high+pad
	}
	step := roundStep((a.high - a.low) / float64(max(count, 2)))
	first, last := math.Floor(a.low/step+1e-9), math.Ceil(a.high/step-1e-9)
	if s.low >= 0 {
		first = max(first, 0)
	}
	for i := first; i <= last && len(a.ticks) < 100; i++ {
		a.ticks = append(a.ticks, i*step)
	}
	a.low, a.high = first*step, last*step
	a.digits = max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	return a
}

// powers makes ticks at 1, 2 and 5 times powers of ten, or at powers alone where these are many.
func (a *axis) powers(count int) {
	first, last := math.Floor(math.Log10(a.low)), math.Ceil(math.Log10(a.high))
	within := []float64{1, 2, 5}
	if 3*(last-first) > 1.5*float64(count) {
		within = within[:1]
	}
	every := max(1, math.Ceil((last-first)/float64(count)))
	var all []float64
	for e := first; e <= last; e += every {
		for _, m := range within {
			all = append(all, m*math.Pow(10, e))
		}
	}
	low, high := a.low, a.high
	for i, t := range all {
		if i+1 < len(all) && all[i+1] <= low || i > 0 && all[i-1] >= high {
			continue
		}
		a.ticks = append(a.ticks, t)
	}
	a.low, a.high = a.ticks[0], max(a.ticks[len(a.ticks)-1], high)
	if a.low == a.high {
		a.high = 10 * a.low
	}
}

// roundStep is the least of 1, 2 and 5 times powers of ten that is not below v.
func roundStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// at is the pixel of a value.
func (a axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		low, high, v = math.Log10(low), math.Log10(high), math.Log10(v)
	}
	return a.from + (v-low)/(high-low)*(a.to-a.from)
}

// text is how a tick is written.
func (a axis) text(v float64) string {
	if abs := math.Abs(v); abs != 0 && (abs >= 1e6 || abs < 1e-4) {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return strconv.FormatFloat(v, 'f', a.digits, 64)
}
