//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk/cmd/internal/cli"
)

// A program that is killed at any moment, and started again, ends with the labels of one that was not.
func TestLabelKilled(t *testing.T) {
	d := desk{dir: t.TempDir()}
	scenes, err := filepath.Glob(filepath.Join("..", "..", "testdata", "world", "scene*.png"))
	if err != nil || len(scenes) < 3 {
		t.Fatalf("%d scenes, %v", len(scenes), err)
	}
	args := func(out string) []string {
		return append([]string{"label", "--model", "glip-world", "--device", "cpu", "--class", "cat", "--class", "dog = dog, puppy", "--class", "apple", "--threshold", "0.2",
			"--format", "yolo,jsonl", "--split", "train=1,val=1", "--review", "2", "--out", out}, scenes...)
	}
	o := glip(t, args(d.path("whole"))...)
	if o.code != 0 || !strings.Contains(o.stdout, "0 skipped") || strings.Contains(o.stdout, "nothing is labelled") {
		t.Fatalf("exit status %d, %s%s", o.code, o.stdout, o.stderr)
	}
	for i := range 4 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(150+100*i)*time.Millisecond)
		cmd := exec.CommandContext(ctx, os.Args[0], args(d.path("killed"))...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		if err := cmd.Run(); err == nil {
			t.Logf("kill %d came too late", i)
		}
		cancel()
	}
	if o := glip(t, args(d.path("killed"))...); o.code != 0 {
		t.Fatalf("exit status %d, %s%s", o.code, o.stdout, o.stderr)
	}
	for _, path := range allBelow(t, d.path("whole")) {
		name, err := filepath.Rel(d.path("whole"), path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if !info.Mode().IsRegular() || strings.HasSuffix(name, "data.yaml") { // which says where it is
			continue
		}
		if !bytes.Equal(read(t, path), read(t, d.path("killed"), name)) {
			t.Errorf("%s is another one", name)
		}
	}
	if whole, killed := allBelow(t, d.path("whole")), allBelow(t, d.path("killed")); len(whole) != len(killed) {
		t.Errorf("%d files and folders, want %d: %v", len(killed), len(whole), killed)
	}
}

// One signal ends the command within a second, with what is done kept.
func TestLabelSignal(t *testing.T) {
	d := newDesk(t)
	d.write(t, "slow.png", slowPNG(t))
	data := filepath.Join("..", "..", "testdata", "glip", "tiny")
	took, code, stderr := signalled(t, 500*time.Millisecond, "label", "--device", "cpu", "--arch", filepath.Join(data, "arch.json"), "--vocab", filepath.Join(data, "vocab.txt"),
		"--weights", filepath.Join(data, "model.pth"), "--size", "64", "--class", "cat", "--format", "coco", "--out", d.out, "--max-pixels", "1000000000", "--max-memory", "10000000000", d.path("slow.png"))
	if took > time.Second || code != cli.Failure || !strings.Contains(stderr, "glip: interrupted") {
		t.Errorf("it took %v to end with status %d and %q", took, code, stderr)
	}
}
