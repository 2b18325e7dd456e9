package picture_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/picture"
)

// Every file of testdata/formats has the pixels that OpenCV, or where it does not read it
// Pillow, finds in it: testdata/references.py made both.
func TestFormats(t *testing.T) {
	sums, err := os.ReadFile(filepath.Join("testdata", "formats", "sums.txt"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(sums)), "\n")
	if len(lines) < 40 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		var want, name, who string
		var height, width int
		if _, err := fmt.Sscan(line, &want, &height, &width, &name, &who); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		t.Run(name, func(t *testing.T) {
			p, err := picture.Open(t.Context(), filepath.Join("testdata", "formats", name), picture.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(p.Pixels)
			if p.Height != height || p.Width != width || hex.EncodeToString(sum[:]) != want {
				t.Errorf("%d x %d pixels, want %d x %d, or others than in %s", p.Height, p.Width, height, width, who)
			}
		})
	}
}
