//go:build unix

package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/file"
)

// In the environment of the program that the test binary is: a file to which every call that changes what is on a disk is written, a line each, and
// which of them fails, as in "rename 2 ENOSPC", the second one, or is the last thing that happens, as in "rename 2 KILL".
const (
	callsEnv = "GLIP_TEST_CALLS"
	faultEnv = "GLIP_TEST_FAULT"
)

// faults are the ways in which a call fails, with what the program then says.
var faults = map[string]struct {
	err  error
	says string
}{
	"ENOSPC": {syscall.ENOSPC, "make room"},
	"EACCES": {syscall.EACCES, "allow writing"},
	"EROFS":  {syscall.EROFS, "allow writing"},
	"EIO":    {syscall.EIO, "the disk failed"},
	"KILL":   {},
}

// failCalls lets calls fail as the environment says.
func failCalls() {
	list := os.Getenv(callsEnv)
	if list == "" {
		return
	}
	log, err := os.OpenFile(list, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err) // of a test
	}
	var op, kind string
	n := 0
	if text := os.Getenv(faultEnv); text != "" {
		if _, err := fmt.Sscan(text, &op, &n, &kind); err != nil {
			panic(err)
		}
	}
	var mu sync.Mutex
	file.Intercept(func(now, path string) error {
		mu.Lock()
		defer mu.Unlock()
		if now == op {
			n--
		}
		hit := now == op && n == 0
		fmt.Fprintf(log, "%s %v %s\n", now, hit, path)
		switch {
		case !hit:
			return nil
		case kind == "KILL":
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		return faults[kind].err
	})
}

// Of the environment: "all" for every case of TestWritesFail.
const writesEnv = "GLIPVK_WRITES"

// writesFor is how long the cases of a command may take, unless all are asked for.
const writesFor = 2500 * time.Millisecond

// fault is a call that fails: the number of its kind, from 1 on.
type fault struct {
	op   string
	n    int
	kind string
}

// faultsOf are the first, a middle and the last of the calls of each kind that a command makes, each failing in each way.
func faultsOf(calls []byte) (list []fault) {
	counts := map[string]int{}
	for line := range strings.Lines(string(calls)) {
		op, _, _ := strings.Cut(line, " ")
		counts[op]++
	}
	for op, n := range counts {
		at := []int{1, (n + 1) / 2, n}
		slices.Sort(at)
		for _, n := range slices.Compact(at) {
			for _, kind := range slices.Sorted(maps.Keys(faults)) {
				list = append(list, fault{op, n, kind})
			}
		}
	}
	slices.SortFunc(list, func(a, b fault) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return list
}

// When any call that changes the disk fails, at its first, a middle or its last time, and whatever the error, a command says which file it was about and what to
// do, ends with status 1, leaves what has a name whole and nothing beside it, and the same command again ends with the files of one that nothing disturbed. A
// command that ends well all the same has these at once. So it is when the program is killed right then. A sample runs; all: make test-writes.
func TestWritesFail(t *testing.T) {
	withoutRaceDetector(t)
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv(seedEnv), 10, 64); err == nil {
		seed = n
	}
	for _, c := range chores(t) {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			undisturbed := filepath.Join(root, "undisturbed")
			if err := os.Mkdir(undisturbed, 0o755); err != nil {
				t.Fatal(err)
			}
			calls := filepath.Join(root, "calls")
			t.Setenv(callsEnv, calls)
			c.completes(t, undisturbed)
			want := remains(t, undisturbed)
			list := faultsOf(read(t, calls))
			if len(list) == 0 {
				t.Fatal("it writes nothing through internal/file")
			}
			all := os.Getenv(writesEnv) == "all"
			if !all {
				rand.New(rand.NewPCG(seed, 0)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			}
			began, done, met := time.Now(), 0, 0
			for _, f := range list {
				if !all && done > 0 && time.Since(began) > writesFor {
					break
				}
				done++
				t.Run(fmt.Sprintf("%s %d %s", f.op, f.n, f.kind), func(t *testing.T) {
					if c.suffers(t, f, want) {
						met++
					}
				})
			}
			t.Logf("%s=%d: %d of %d calls failed, %d of which ended the command", seedEnv, seed, done, len(list), met)
		})
	}
}

// suffers runs a command in which a call fails, over the files of another run where it replaces these, and says whether that ended it.
func (c chore) suffers(t *testing.T, f fault, want map[string]string) (ended bool) {
	t.Helper()
	root := t.TempDir()
	here, calls := filepath.Join(root, "here"), filepath.Join(root, "calls")
	before := map[string]string{}
	if !c.train && c.replaces(f.n%2 == 0)[len(c.replaces(f.n%2 == 0))-1] {
		before = makeEarlier(t, here, want)
	}
	if err := os.MkdirAll(here, 0o755); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := c.child(t.Context(), t, here, callsEnv+"="+calls, fmt.Sprintf("%s=%s %d %s", faultEnv, f.op, f.n, f.kind))
	cmd.Stderr = &said
	_ = cmd.Run() // of which the status tells
	_, path, hit := strings.Cut(string(read(t, calls)), f.op+" true ")
	path, _, _ = strings.Cut(path, "\n")
	switch code := cmd.ProcessState.ExitCode(); {
	case f.kind == "KILL" && hit:
		c.whole(t, here, want, before, map[string]int{})
	case code == cli.Done:
		if c.train && strings.Contains(said.String(), "a drawing was not written") {
			for name := range maps.Clone(want) {
				if filepath.Ext(name) == ".png" && !exists(filepath.Join(here, name)) {
					want = maps.Clone(want)
					delete(want, name)
				}
			}
		}
		c.equals(t, here, want, f)
		return false
	case !hit || code != cli.Failure || !strings.Contains(said.String(), path) || !strings.Contains(said.String(), faults[f.kind].says):
		t.Errorf("%s: exit status %d, want 1 and %q of %s: %s", f.op, code, faults[f.kind].says, path, said.String())
	default:
		c.whole(t, here, want, before, map[string]int{})
		nothingBeside(t, here, f)
	}
	c.completes(t, here)
	equals(t, here, want)
	return true
}

// equals is the function of that name for a command that went on where a call failed: what could not be removed stays.
func (c chore) equals(t *testing.T, folder string, want map[string]string, f fault) {
	t.Helper()
	if f.op != "remove" {
		equals(t, folder, want)
		return
	}
	got := remains(t, folder)
	for name, content := range want {
		if got[name] != content {
			t.Errorf("%s is another file, of %d bytes and not %d", name, len(got[name]), len(content))
		}
	}
}

// nothingBeside wants no file that is on its way to its place, but what could not be removed.
func nothingBeside(t *testing.T, folder string, f fault) {
	t.Helper()
	for _, path := range allBelow(t, folder) {
		if file.Unfinished(filepath.Base(path)) && f.op != "remove" {
			t.Errorf("%s is left", path)
		}
	}
}
