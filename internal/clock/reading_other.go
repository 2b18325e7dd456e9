//go:build !windows

package clock

import "time"

var base = time.Now()

// reading is in nanoseconds.
func reading() int64 { return int64(time.Since(base)) }
