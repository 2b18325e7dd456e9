// Package filetest makes what is no regular file, for the tests of everything that opens
// files.
package filetest

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Odd is something in the place of a file.
type Odd struct {
	Name string // of the test
	Path string
	Says string // what stands in the error
}

// Soon fails a test at its end that took longer than a second: for what reads nothing, and waits for nobody.
func Soon(t testing.TB) {
	began := time.Now()
	t.Cleanup(func() {
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// Odds makes one of each kind that the system has, all called name in folders of their own.
func Odds(t testing.TB, name string) []Odd {
	t.Helper()
	place := func() string { return filepath.Join(t.TempDir(), name) }
	list := []Odd{{"folder", place(), "a folder"}}
	if err := os.Mkdir(list[0].Path, 0o700); err != nil {
		t.Fatal(err)
	}
	if unix {
		pipe, link := place(), place()
		Pipe(t, pipe)
		Need(t, "symbolic links", os.Symlink(pipe, link))
		list = append(list, Odd{"pipe", pipe, "a pipe"}, Odd{"link to a pipe", link, "a pipe"})
	}
	if link := place(); os.Symlink("/dev/zero", link) == nil {
		if _, err := os.Stat(link); err == nil {
			list = append(list, Odd{"endless device", link, "a device"})
		}
	}
	socket := place()
	if l, err := net.Listen("unix", socket); err == nil { // the path may be too long for one
		t.Cleanup(func() { l.Close() })
		list = append(list, Odd{"socket", socket, "a socket"})
	}
	return list
}
