package clock_test

import (
	"testing"
	"time"

	"github.com/glipvk/glipvk/internal/clock"
)

// The steps are short, on every system; no time is 0; and a second is a second.
func TestClock(t *testing.T) {
	shortest := time.Hour
	for range 100 {
		began := clock.Now()
		for clock.Now() == began { // until it steps
		}
		if took := clock.Since(began); took <= 0 {
			t.Fatalf("%v passed", took)
		} else {
			shortest = min(shortest, took)
		}
	}
	if shortest > 100*time.Microsecond {
		t.Errorf("a step is %v long", shortest)
	}
	if m := clock.Now(); m.Sub(m) != 1 {
		t.Errorf("from a moment to itself: %v, want 1ns", m.Sub(m))
	}
	for try := 1; ; try++ { // others may have the processor between two looks
		began, wall := clock.Now(), time.Now()
		time.Sleep(100 * time.Millisecond)
		took, want := clock.Since(began), time.Since(wall)
		if d := took - want; max(d, -d) <= 40*time.Millisecond { // two steps of time.Now on Windows
			break
		}
		if try == 5 {
			t.Fatalf("%v, where time.Now saw %v", took, want)
		}
	}
}
