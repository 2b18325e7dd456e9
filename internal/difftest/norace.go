//go:build !race

package difftest

// Race says that the race detector is on, under which the oracle takes ten times as long.
const Race = false
