package engine

import "time"

// ticksToDuration converts the difference of two timestamps, of which bits are valid,
// at period nanoseconds a tick. The counter may have wrapped once between them.
func ticksToDuration(from, to uint64, bits int, period float64) time.Duration {
	ticks := to - from
	if bits < 64 {
		ticks &= 1<<bits - 1
	}
	return time.Duration(float64(ticks) * period)
}
