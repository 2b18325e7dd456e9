package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/memory"
)

// newGroup is a cgroup of its own for processes of the test, with the file that bounds its memory.
func newGroup(t *testing.T) (folder, limit string) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skipf("there are no cgroups: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		root, file := "/sys/fs/cgroup", "memory.max"
		if parts[1] == "memory" {
			root, file = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if parts[1] != "" {
			continue
		}
		for _, parent := range []string{filepath.Join(root, parts[2]), root} { // in a container the path is that of the host
			folder := filepath.Join(parent, fmt.Sprintf("glipvk-test-%d", os.Getpid()))
			if failed := os.Mkdir(folder, 0o755); failed != nil {
				err = errors.Join(err, failed)
				continue
			}
			t.Cleanup(func() { _ = os.Remove(folder) }) // empty then
			limit := filepath.Join(folder, file)
			_, failed := os.Stat(limit)
			if failed == nil {
				return folder, limit
			}
			err = errors.Join(err, failed)
		}
	}
	t.Skipf("no cgroup that bounds memory can be made: %v", err)
	return "", ""
}

// In a cgroup with too little memory for what a command wants, as in a container, it ends with a sentence that says so, before the system kills it.
func TestMemoryOfCgroup(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector takes several times the memory: make test-nocgo and make test-writes run this without it")
	}
	folder, limit := newGroup(t)
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	c := chore{args: []string{"features", "--model", "GLIP-T", "--weights", "synthetic:1", "--device", "cpu", "--size", "224x224", "--out", "out", filepath.Join(root, "testdata", "world", "scene1.png")}}
	short, done := 0, 0
	for _, mib := range []int{60, 120, 180, 400} {
		if err := os.WriteFile(limit, fmt.Append(nil, mib<<20), 0o644); err != nil {
			t.Skipf("the memory of a cgroup cannot be bounded: %v", err)
		}
		here := filepath.Join(t.TempDir(), "here")
		if err := os.Mkdir(here, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := c.child(t.Context(), t, here, "GOMAXPROCS=2", "MALLOC_ARENA_MAX=1")
		var stderr bytes.Buffer
		in := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(folder, "cgroup.procs"), cmd.Path}, cmd.Args[1:]...)...)
		in.Env, in.Dir, in.Stderr = cmd.Env, cmd.Dir, &stderr
		err := in.Run()
		code, said := in.ProcessState.ExitCode(), stderr.String()
		switch {
		case strings.Contains(said, "cgroup.procs"):
			t.Skipf("no process can be put into a cgroup: %s", said) // a container may allow the folder and refuse this, before the program begins
		case code == cli.Done:
			done++
		case code == cli.Failure && strings.Contains(said, memory.ErrShort.Error()) && strings.Contains(said, "the cgroup's memory"):
			short++
		default:
			t.Errorf("%d MiB: %v: %.1000s", mib, err, said)
		}
		t.Logf("%d MiB: exit status %d: %.300s", mib, code, said)
	}
	if short == 0 || done == 0 {
		t.Errorf("%d ended with a sentence, %d did their work: want some of each", short, done)
	}
}
