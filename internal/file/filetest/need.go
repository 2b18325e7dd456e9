package filetest

import "testing"

// Need ends a test for want of what err says there is none of, such as links: with a failure on a Unix, which has them all, so that
// nothing passes unseen there; elsewhere, where it may be so, with a skip.
func Need(t testing.TB, what string, err error) {
	t.Helper()
	switch {
	case err == nil:
	case unix:
		t.Fatalf("no %s: %v", what, err)
	default:
		t.Skipf("no %s here: %v", what, err)
	}
}

// Pipe makes a FIFO, or ends the test as [Need] does.
func Pipe(t testing.TB, path string) {
	t.Helper()
	Need(t, "FIFO", makePipe(path))
}
