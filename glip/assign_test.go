package glip_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/goldtrain"
)

// TestMatcherGolden compares the assignment with the original's, anchor by anchor, and the targets.
func TestMatcherGolden(t *testing.T) {
	for _, c := range goldtrain.Cases(t, "matcher") {
		t.Run(c.ID, func(t *testing.T) {
			var of struct {
				Padded  [2]int
				Boxes   [][]glip.Box
				Labels  [][]int
				Matches [][][2]int
				Lowest  [][2]int `json:"lowest_index"`
				Levels  [][2]int
			}
			c.Into(t, &of)
			cfg, err := glip.Preset("glip-t")
			if err != nil {
				t.Fatal(err)
			}
			for i, boxes := range of.Boxes {
				var objects []glip.Object
				for k, b := range boxes {
					objects = append(objects, glip.Object{Box: b, Label: of.Labels[i][k]})
				}
				matched, err := glip.Assign(cfg, of.Padded[0], of.Padded[1], objects)
				if len(boxes) == 0 {
					if !errors.Is(err, glip.ErrNoObject) {
						t.Errorf("a picture without objects: %v", err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				var got [][2]int
				for anchor, m := range matched {
					if m >= 0 {
						got = append(got, [2]int{anchor, m})
					}
				}
				want := of.Matches[i]
				if of.Lowest != nil {
					want = of.Lowest
				}
				if !slices.Equal(got, want) {
					t.Fatalf("picture %d: matched %v, want %v", i, got, want)
				}
				if of.Lowest == nil {
					targets(t, c, cfg, of.Padded, i, got, objects)
				}
			}
		})
	}
}

// targets compares what the matched anchors are to say.
func targets(t *testing.T, c goldtrain.Case, cfg glip.Config, padded [2]int, picture int, matched [][2]int, objects []glip.Object) {
	var anchors []glip.Box
	for l, grid := range glip.Grids(padded[0], padded[1]) {
		for i := range grid.Height * grid.Width {
			anchors = append(anchors, cfg.Anchor(l, i/grid.Width, i%grid.Width))
		}
	}
	var deltas, centerness []float32
	for _, m := range matched {
		a, o := anchors[m[0]], objects[m[1]]
		dx, dy, dw, dh := glip.Encode(a, o.Box)
		deltas = append(deltas, float32(dx), float32(dy), float32(dw), float32(dh))
		centerness = append(centerness, float32(glip.Centerness(a, o.Box)))
	}
	if len(centerness) == 0 {
		return
	}
	for name, got := range map[string][]float32{"box_targets": deltas, "centerness_targets": centerness} {
		c.Near(t, c.Find(t, "output", fmt.Sprint(name, picture)), got)
	}
}
