package soak

import (
	"testing"
	"time"
)

// InTime calls f until what it returns, how long it took or was late, is at most most, five times at most: now and then the machine is
// somebody else's.
func InTime(t testing.TB, most time.Duration, f func() time.Duration) {
	t.Helper()
	for try := 1; ; try++ {
		took := f()
		if took <= most || t.Failed() {
			return
		}
		if try == 5 {
			t.Fatalf("%v, five times in a row too long: at most %v are allowed", took, most)
		}
	}
}
