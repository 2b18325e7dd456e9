//go:build !race

package goldtrain

// raceDetector says that the race detector is on, under which the oracle takes ten times as long.
const raceDetector = false
