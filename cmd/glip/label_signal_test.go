//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/soak"
)

// One signal ends the command within a second, with what is done kept.
func TestLabelSignal(t *testing.T) {
	d := newDesk(t)
	d.write(t, "slow.png", slowPNG(t))
	data := filepath.Join("..", "..", "testdata", "glip", "tiny")
	soak.InTime(t, time.Second, func() time.Duration {
		took, code, stderr := signalled(t, 500*time.Millisecond, "label", "--device", "cpu", "--arch", filepath.Join(data, "arch.json"), "--vocab", filepath.Join(data, "vocab.txt"),
			"--weights", filepath.Join(data, "model.pth"), "--size", "64", "--class", "cat", "--format", "coco", "--out", d.out, "--max-pixels", "1000000000", "--max-memory", "10000000000", d.path("slow.png"))
		if code != cli.Failure || !strings.Contains(stderr, "glip: interrupted") {
			t.Errorf("it ended with status %d and %q", code, stderr)
		}
		return took
	})
}
