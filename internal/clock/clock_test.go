package clock_test

import (
	"testing"
	"time"

	"github.com/glipvk/glipvk/internal/clock"
	"github.com/glipvk/glipvk/internal/soak"
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
	soak.InTime(t, 40*time.Millisecond, func() time.Duration { // two steps of time.Now on Windows
		began, wall := clock.Now(), time.Now()
		time.Sleep(100 * time.Millisecond)
		took, want := clock.Since(began), time.Since(wall)
		return (took - want).Abs()
	})
}
