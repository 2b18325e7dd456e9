//go:build unix && !linux

package main

// limitFiles is for tests that Linux alone has.
func limitFiles() {}
