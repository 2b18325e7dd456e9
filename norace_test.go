//go:build !race

package glipvk_test

// raceDetector says that the race detector is on, under which a sync.Pool forgets at random.
const raceDetector = false
