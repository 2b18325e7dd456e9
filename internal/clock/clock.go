// Package clock measures how long something takes, where the steps of [time.Now] are too long for that: on Windows
// they are up to 16 ms, in which a graphics card does a hundred products.
//
//	began := clock.Now()
//	took := clock.Since(began)
package clock

import "time"

// Moment is a reading of the clock; the difference of two means something, one alone does not.
type Moment int64

// Now reads the clock.
func Now() Moment { return Moment(reading()) }

// Since is how long ago a moment was, never 0: what is done in no time would be infinitely fast.
func Since(m Moment) time.Duration { return Now().Sub(m) }

// Sub is the time from one moment to a later one, at least a nanosecond.
func (m Moment) Sub(before Moment) time.Duration { return max(time.Duration(m-before), 1) }
