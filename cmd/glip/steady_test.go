package main

import (
	"maps"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/internal/soak"
)

// took is how long a picture took, which is no result.
var took = regexp.MustCompile(`,"seconds":[^,}]*`)

// The files that label and detect write have the same bytes, in the same order, on any number of threads and beside others that keep the
// machine busy, by picture or in batches.
func TestSteadyFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("the same pictures four times")
	}
	var pictures []string
	for _, name := range []string{"scene1", "novel2", "scene3", "pair4", "unseen5", "scene6", "novel7"} {
		pictures = append(pictures, filepath.Join("..", "..", "testdata", "world", name+".png"))
	}
	var labels, found map[string]string
	for i, threads := range []int{2, 1, 3, 8} {
		old, rest := runtime.GOMAXPROCS(threads), func() {}
		if i > 0 {
			rest = soak.Stress(3)
		}
		out := filepath.Join(t.TempDir(), "labels")
		common := []string{"--model", "glip-world", "--device", "cpu", "--class", "dog", "--class", "cat = cat, kitten", "--threshold", "0.1", "--batch", []string{"1", "3"}[i%2]}
		l := glip(t, slices.Concat([]string{"label"}, common, []string{"--format", "coco,yolo,voc", "--review", "0", "--out", out}, pictures)...)
		d := glip(t, slices.Concat([]string{"detect"}, common[:len(common)-2], []string{"--format", "jsonl"}, pictures)...)
		rest()
		runtime.GOMAXPROCS(old)
		if l.code != 0 || d.code != 0 {
			t.Fatalf("label: %+v\ndetect: %+v", l, d)
		}
		lines := map[string]string{"lines": took.ReplaceAllString(d.stdout, "")}
		if labels == nil {
			labels, found = remains(t, out), lines
			if n := strings.Count(d.stdout, "\n"); n != len(pictures) {
				t.Errorf("%d lines for %d pictures:\n%s", n, len(pictures), d.stdout)
			}
		}
		for of, pair := range map[string][2]map[string]string{"label": {remains(t, out), labels}, "detect": {lines, found}} {
			for name := range maps.Keys(pair[1]) {
				if pair[0][name] != pair[1][name] {
					at := 0
					for at < min(len(pair[0][name]), len(pair[1][name])) && pair[0][name][at] == pair[1][name][at] {
						at++
					}
					t.Errorf("%s, %d threads: %s is, from byte %d,\n%.300q\nwas\n%.300q", of, threads, name, at, pair[0][name][max(at-80, 0):], pair[1][name][max(at-80, 0):])
				}
			}
			if len(pair[0]) != len(pair[1]) {
				t.Errorf("%s, %d threads: %d files, %d before", of, threads, len(pair[0]), len(pair[1]))
			}
		}
	}
}
