//go:build race

package main

// raceDetector says that the race detector is on, under which a sync.Pool forgets at random.
const raceDetector = true
