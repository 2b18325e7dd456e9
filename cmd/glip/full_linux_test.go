package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/glipvk/glipvk/cmd/internal/cli"
)

// memoryLimit, in the environment of the program that the test binary is, bounds its address space, in bytes.
const memoryLimit = "GLIP_TEST_MEMORY_LIMIT"

// fileLimit, in the environment of the program that the test binary is, bounds the files that it writes, in bytes.
const fileLimit = "GLIP_TEST_FILE_LIMIT"

func limitFiles() {
	if n, err := strconv.ParseUint(os.Getenv(memoryLimit), 10, 63); err == nil {
		if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			panic(err) // of a test
		}
	}
	if n, err := strconv.ParseUint(os.Getenv(fileLimit), 10, 63); err == nil {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			panic(err) // of a test
		}
	}
}

// Where there is no more room a command says which file it was writing and what to do, ends with status 1, and leaves what has a name whole; with room, the same command goes on.
func TestNoRoom(t *testing.T) {
	withoutRaceDetector(t)
	for _, c := range chores(t) {
		t.Run(c.name, func(t *testing.T) {
			if c.long && os.Getenv(writesEnv) != "all" {
				t.Skip("make test-writes has it")
			}
			root := t.TempDir()
			undisturbed := filepath.Join(root, "undisturbed")
			if err := os.Mkdir(undisturbed, 0o755); err != nil {
				t.Fatal(err)
			}
			c.completes(t, undisturbed)
			want := remains(t, undisturbed)
			sizes := []int{0, 100}
			total := 0
			for _, path := range allBelow(t, undisturbed) {
				if info, err := os.Lstat(path); err != nil {
					t.Fatal(err)
				} else if n := int(info.Size()); info.Mode().IsRegular() {
					sizes = append(sizes, n/2, max(n-1, 0))
					total += (n + 4095) / 4096 * 4096
				}
			}
			slices.Sort(sizes)
			sizes = slices.Compact(sizes)
			for _, limit := range []int{0, sizes[len(sizes)/2], sizes[len(sizes)-1]} { // to all but the last byte of the largest file
				for _, old := range c.replaces(limit > 0 && limit < sizes[len(sizes)-1]) {
					t.Run(fmt.Sprintf("files of %d bytes, others there before: %v", limit, old), func(t *testing.T) {
						here := filepath.Join(t.TempDir(), "here")
						before := map[string]string{}
						if old {
							before = makeEarlier(t, here, want)
						}
						if err := os.MkdirAll(here, 0o755); err != nil {
							t.Fatal(err)
						}
						c.fails(t, here, fileLimit+"="+strconv.Itoa(limit))
						c.whole(t, here, want, before, map[string]int{})
						if c.name != "eval" && c.name != "man" && c.name != "detect" { // which write several sets, one after the other
							unreplaced(t, here, before)
						}
						c.completes(t, here)
						equals(t, here, want)
					})
				}
			}
			most := 0.96
			if total < 16<<20 { // the system counts what is taken in portions
				most = 0.5
			}
			for _, share := range []float64{0.1, most} {
				t.Run(fmt.Sprintf("a disk of %g of what is needed", share), func(t *testing.T) {
					here := filepath.Join(t.TempDir(), "disk")
					grow := disk(t, here, int(share*float64(total)))
					before := map[string]string{}
					if c.name == "export" { // whose files belong together, and most of them fit
						before = makeEarlier(t, here, want)
					}
					c.fails(t, here)
					c.whole(t, here, want, before, map[string]int{})
					unreplaced(t, here, before)
					grow()
					c.completes(t, here)
					equals(t, here, want)
				})
			}
		})
	}
}

// unreplaced wants the files that were there before.
func unreplaced(t *testing.T, folder string, before map[string]string) {
	t.Helper()
	now := remains(t, folder)
	for name, content := range before {
		if now[name] != content {
			t.Errorf("%s was replaced", name)
		}
	}
}

// replaces says whether files are to be there before: labels and downloads replace nothing that they have not written themselves.
func (c chore) replaces(some bool) []bool {
	if c.name == "label" || c.name == "fetch" || c.train || !some {
		return []bool{false}
	}
	return []bool{false, true}
}

// makeEarlier makes files that a command is to replace.
func makeEarlier(t *testing.T, folder string, want map[string]string) map[string]string {
	t.Helper()
	before := map[string]string{}
	for name := range want {
		if grows, _, _ := underway(name); grows {
			continue
		}
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("earlier"), 0o600); err != nil {
			t.Fatal(err)
		}
		before[name] = "earlier"
	}
	return before
}

// fails runs a command for which there is not enough room.
func (c chore) fails(t *testing.T, folder string, env ...string) {
	t.Helper()
	var said bytes.Buffer
	cmd := c.child(t.Context(), t, folder, env...)
	cmd.Stderr = &said
	_ = cmd.Run() // of which the status tells
	text := said.String()
	if cmd.ProcessState.ExitCode() != cli.Failure || !strings.Contains(text, "make room") || !strings.Contains(text, "out") {
		t.Errorf("exit status %d, %s", cmd.ProcessState.ExitCode(), text)
	}
	t.Log(text)
}

// disk mounts one of so many bytes, in memory; grow makes it large.
func disk(t *testing.T, at string, size int) (grow func()) {
	t.Helper()
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	mount := func(flags uintptr, size int) error {
		return syscall.Mount("tmpfs", at, "tmpfs", flags, fmt.Sprintf("size=%d", max(size, 4096)))
	}
	if err := mount(0, size); err != nil {
		t.Skipf("no disk of its own can be mounted here, which needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return func() {
		if err := mount(syscall.MS_REMOUNT, 1<<30); err != nil {
			t.Fatal(err)
		}
	}
}
