package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"golang.org/x/image/font/gofont/goregular"
)

// A phrase that no font can write stands as a number in drawings, and that is said once;
// what is no font is refused before anything is computed.
func TestLetters(t *testing.T) {
	d := newDesk(t)
	const nowhere = "\U0010fffd" // of private use, in the last plane
	detect := func(more ...string) ending {
		return glip(t, append(tinyDetect("--class", "cat", d.path("cat.png")), more...)...)
	}
	font := filepath.Join(d.dir, "letters.ttf")
	if err := os.WriteFile(font, goregular.TTF, 0o600); err != nil {
		t.Fatal(err)
	}
	o := detect("--class", nowhere, "--draw", "--out", d.out, "--font", font)
	if said := strings.Count(o.stderr, "stands for it in drawings"); o.code != 0 || said > 1 || said == 0 && strings.Contains(o.stdout, nowhere) {
		t.Errorf("exit status %d, said %d times: %s", o.code, said, o.stderr)
	}
	if _, err := os.Stat(filepath.Join(d.out, "cat.boxes.png")); err != nil {
		t.Error(err)
	}
	for _, tc := range []struct{ file, says string }{
		{d.path("cat.png"), "not a TrueType or OpenType font"}, {d.path("none.ttf"), "no such file"}, {d.dir, "not a regular file"},
	} {
		if o := detect("--draw", "--out", d.out, "--font", tc.file); o.code != cli.Input || !strings.Contains(o.stderr, tc.says) || !strings.Contains(o.stderr, "--font") {
			t.Errorf("--font %s: exit status %d, %s", tc.file, o.code, o.stderr)
		}
	}
}
