package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/memory"
)

// takes runs a command within so many bytes of address space, 0 for no bound, and says how much of it was taken.
func (c chore) takes(t *testing.T, limit int64) (peak int64, code int, said string) {
	t.Helper()
	var stderr bytes.Buffer
	folder := filepath.Join(t.TempDir(), "here")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	// As on a machine of two cores: threads that wait, and the C library's memory of each, take address space too.
	env := []string{"GOMAXPROCS=2", "MALLOC_ARENA_MAX=1"}
	if limit > 0 {
		env = append(env, fmt.Sprintf("%s=%d", memoryLimit, limit))
	}
	cmd := c.child(t.Context(), t, folder, env...)
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case <-ended:
			return peak, cmd.ProcessState.ExitCode(), stderr.String()
		case <-time.After(2 * time.Millisecond):
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
			_, rest, found := strings.Cut(string(status), "VmPeak:")
			var kib int64
			if _, failed := fmt.Sscan(rest, &kib); err == nil && failed == nil && found {
				peak = max(peak, kib<<10)
			}
		}
	}
}

// With half, a quarter and a tenth of the memory that a command wants, besides what the program itself takes, it does the same or ends with a sentence that says
// how much is wanted and what helps, and with status 1; never with a crash of the runtime.
func TestMemory(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector reserves more address space than a limit allows: make test-nocgo and make test-writes run this without it")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	scene := filepath.Join(root, "testdata", "world", "scene1.png")
	d := toy(t)
	base, code, said := chore{args: []string{"version"}}.takes(t, 0)
	if code != cli.Done {
		t.Fatalf("%d: %s", code, said)
	}
	base += 2 * memory.Spare // its goroutines become threads
	for _, c := range []chore{
		{name: "detect", args: []string{"detect", "--model", "glip-world", "--device", "cpu", "--text", "a red apple", "--size", "2400,3200", scene}},
		{name: "reference", args: []string{"features", "--model", "swin-world", "--device", "reference", "--size", "512x512", "--out", "out", scene}},
		{name: "weights", args: []string{"detect", "--model", "glip-t", "--device", "cpu", "--weights", "synthetic:1", "--text", "a red apple", "--size", "64,64", scene}},
		{name: "features", args: []string{"features", "--model", "GLIP-T", "--weights", "synthetic:1", "--device", "cpu", "--size", "1600x1600", "--out", "out", scene}},
		{name: "train", args: []string{"train", "--device", "cpu", "--model", "glip-world", "--short", "640", "--long", "960", "--data", d.path("train.json"), "--batch", "2", "--steps", "1", "--out", "out"}},
		{name: "convert", args: []string{"convert", "--precision", "f32", filepath.Join(root, "world", "glip-world.safetensors"), filepath.Join("out", "world.pth")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			peak, code, said := c.takes(t, 0)
			if code != cli.Done {
				t.Fatalf("exit status %d: %s", code, said)
			}
			for _, part := range []int64{2, 4, 10} {
				limit := base + max(peak-base, 0)/part
				_, code, said := c.takes(t, limit)
				if code != cli.Done && (code != cli.Failure || !strings.Contains(said, memory.ErrShort.Error()) || !strings.Contains(said, " MB")) {
					t.Errorf("1/%d of %d MB: exit status %d: %.1500s", part, peak>>20, code, said)
				}
				t.Logf("1/%d of %d MB, a limit of %d MB: exit status %d: %.600s", part, peak>>20, limit>>20, code, said)
			}
		})
	}
}
