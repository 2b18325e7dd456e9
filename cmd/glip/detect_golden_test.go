package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/glipvk/glipvk/synthetic"
)

// goldenBoxes reads rows of x1, y1, x2, y2, score, label.
func goldenBoxes(t *testing.T, name string) [][6]float64 {
	t.Helper()
	raw := read(t, "testdata", name)
	raw = raw[10+int(binary.LittleEndian.Uint16(raw[8:])):]
	rows := make([][6]float64, len(raw)/24)
	for i := range rows {
		for k := range 6 {
			rows[i][k] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[24*i+4*k:])))
		}
	}
	return rows
}

// The whole command, on the oracle, finds what the original's demo finds: pictures,
// captions, seeds and the override are those of the manifest's cases.
func TestDetectGolden(t *testing.T) {
	for _, tc := range []struct {
		name          string
		height, width int
		resized       [2]int // height, width
		seed          uint64
		query         []string
	}{
		{"tiny.caption", 64, 96, [2]int{64, 96}, 1, []string{"--text", "person. bicycle. traffic light. small dog.", "--size", "original",
			"--span", "0:6", "--span", "8:15", "--span", "17:30", "--span", "32:41"}},
		{"tiny.resize", 50, 61, [2]int{72, 87}, 2, []string{"--class", "cat", "--class", "red umbrella", "--prompt-form", "demo", "--size", "72"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := desk{dir: t.TempDir()}
			d.write(t, "input.npy", npyFile("|u1", fmt.Sprintf("(%d, %d, 3)", tc.height, tc.width), synthetic.Picture(tc.height, tc.width, tc.seed)))
			args := []string{"detect", "--device", "reference", "--arch", filepath.Join("..", "..", "testdata", "glip", "tiny", "arch.json"), "--weights", "synthetic:1",
				"--vocab", filepath.Join("..", "..", "text", "testdata", "tiny-vocab.txt"), "--override", "rpn.head.bias0=-3.8125",
				"--threshold", "0", "--format", "json"}
			o := glip(t, append(append(args, tc.query...), d.path("input.npy"))...)
			var list []sightingDocument
			if err := json.Unmarshal([]byte(o.stdout), &list); o.code != 0 || err != nil {
				t.Fatalf("exit status %d, %v, %s", o.code, err, o.stderr)
			}
			if list[0].Width != tc.width || list[0].Height != tc.height {
				t.Errorf("the picture is said to be %d x %d", list[0].Width, list[0].Height)
			}
			want := goldenBoxes(t, tc.name+".detections.npy") // in the resized picture
			for i := range want {
				for k := range 4 {
					side, resized := tc.width, tc.resized[1]
					if k%2 == 1 {
						side, resized = tc.height, tc.resized[0]
					}
					want[i][k] *= float64(side) / float64(resized)
				}
			}
			compareBoxes(t, list[0].Detections, want)
		})
	}
}

// compareBoxes compares boxes as sets: of each wanted one there is one of its label
// within 1e-4 of the score and 0.05 pixels of every corner, and no other is there.
func compareBoxes(t *testing.T, got []detectionDocument, want [][6]float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d boxes, want %d", len(got), len(want))
	}
	taken := make([]bool, len(got))
	for _, w := range want {
		found := false
		for i, g := range got {
			same := !taken[i] && float64(g.Label) == w[5] && math.Abs(g.Score-w[4]) <= 1e-4
			for k := range 4 {
				same = same && math.Abs(g.Box[k]-w[k]) <= 0.05
			}
			if same {
				taken[i], found = true, true
				break
			}
		}
		if !found {
			t.Errorf("no box at %v", w)
		}
	}
	for i := 1; i < len(got); i++ {
		if got[i].Score > got[i-1].Score {
			t.Errorf("box %d has a higher score than the one before", i)
		}
	}
}
