package picture

import "testing"

// The rules worked by hand from the original code.
func TestTarget(t *testing.T) {
	for _, row := range []struct {
		name          string
		resize        Resize
		height, width int // of the picture
		wantH, wantW  int
	}{
		{"short edge, landscape", ShortEdge(256), 375, 500, 256, 341},
		{"short edge, portrait", ShortEdge(256), 333, 201, 424, 256},
		{"short edge, square", ShortEdge(256), 31, 31, 256, 256},
		{"keep ratio", KeepRatio(800, 1333), 375, 500, 800, 1067},
		{"keep ratio, capped", KeepRatio(800, 1333), 100, 400, 333, 1333},
		{"detector", ShortEdgeCapped(800, 1333), 375, 500, 800, 1066},
		{"detector, portrait", ShortEdgeCapped(800, 1333), 500, 375, 1066, 800},
		{"detector, capped", ShortEdgeCapped(800, 1333), 100, 400, 333, 1332},
		{"detector, capped to its own size", ShortEdgeCapped(800, 1333), 500, 1333, 500, 1333},
		{"detector, short edge right already", ShortEdgeCapped(800, 1333), 800, 900, 800, 900},
		{"detector, nothing left", ShortEdgeCapped(800, 1333), 1, 5000, 0, 0},
	} {
		if h, w := row.resize.target(row.height, row.width); h != row.wantH || w != row.wantW {
			t.Errorf("%s: %d x %d becomes %d x %d, want %d x %d", row.name, row.height, row.width, h, w, row.wantH, row.wantW)
		}
	}
}

// A crop begins at half the rest, halves rounded to even.
func TestCropStart(t *testing.T) {
	for _, row := range [][3]int{{341, 224, 58}, {256, 224, 16}, {343, 224, 60}, {225, 224, 0}, {227, 224, 2}, {100, 224, 0}} {
		if got := cropStart(row[0], row[1]); got != row[2] {
			t.Errorf("%d to %d begins at %d, want %d", row[0], row[1], got, row[2])
		}
	}
}
