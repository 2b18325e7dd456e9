package glip_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
	"github.com/glipvk/glipvk/swin"
)

// The alignment takes what the grounding takes but for the labels, gives logits and vouches for what they are made of, with no work
// that only boxes need, directly and absorbed.
func TestRecordAlignment(t *testing.T) {
	for _, id := range []string{"tiny.caption", "tiny_a.caption"} {
		cfg := tinyCase(t, id).config(t)
		g, err := glip.RecordAlignment(cfg, glip.Alignment{Batch: 2, Height: 64, Width: 96, Tokens: 7})
		if err != nil {
			t.Fatal(err)
		}
		find, err := glip.RecordGrounding(cfg, glip.Grounding{Batch: 2, Height: 64, Width: 96, Tokens: 7, Labels: 3})
		if err != nil {
			t.Fatal(err)
		}
		inputs, wanted := g.Inputs(), find.Inputs()
		for i, id := range inputs {
			if n, want := g.Nodes[id], find.Nodes[wanted[i]]; n.Path != want.Path || !n.Shape.Equal(want.Shape) {
				t.Errorf("input %d is %s %v, the grounding's %s %v", i, n.Path, n.Shape, want.Path, want.Shape)
			}
		}
		if len(inputs) != len(wanted)-1 {
			t.Errorf("%d inputs, the grounding has %d", len(inputs), len(wanted))
		}
		for l, positions := range []int{96, 24, 6, 2, 1} {
			n := g.Nodes[g.Outputs[l]]
			if n.Path != fmt.Sprint("rpn.head.dot.p", l+3) || !n.Shape.Equal(graph.Shape{2, positions, 7}) {
				t.Errorf("output %d is %s %v", l, n.Path, n.Shape)
			}
		}
		if health := healthOf(g); len(health) != 2*glip.Levels+1 || slices.Contains(health[glip.Levels:], "") {
			t.Errorf("it vouches for %q", health)
		}
		for _, n := range g.Nodes {
			switch n.Op.(type) {
			case graph.Candidates, graph.PhraseScores:
				t.Errorf("%s is of no use", n.Path)
			}
		}
		if a, b := g.Count(), find.Count(); a.MultiplyAdds >= b.MultiplyAdds || a.Parameters >= b.Parameters {
			t.Errorf("counts %+v, of the grounding %+v", a, b)
		}
		if _, _, err := rewrite.Absorb(g, nil); err != nil {
			t.Error(err)
		}
	}
	cfg := tinyCase(t, "tiny.caption").config(t)
	for _, in := range []glip.Alignment{{}, {Height: 33, Width: 32, Tokens: 4}, {Height: 32, Width: 32}, {Height: 32, Width: 32, Tokens: 257}, {Batch: -1, Height: 32, Width: 32, Tokens: 4}} {
		if _, err := glip.RecordAlignment(cfg, in); !errors.Is(err, graph.ErrShape) {
			t.Errorf("%+v: %v", in, err)
		}
	}
}

// Maps that are apart are the same values as those of a batch, cut out of them; the grounding takes them as it gets them.
func TestApart(t *testing.T) {
	cfg := tinyCase(t, "tiny.caption").config(t)
	see, err := glip.RecordVision(cfg, glip.Vision{Batch: 3, Height: 64, Width: 96, Apart: true})
	if err != nil {
		t.Fatal(err)
	}
	find, err := glip.RecordGrounding(cfg, glip.Grounding{Batch: 3, Height: 64, Width: 96, Tokens: 4, Labels: 1, Apart: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, size := range slices.Repeat([]swin.Grid{{Height: 8, Width: 12}, {Height: 4, Width: 6}, {Height: 2, Width: 3}, {Height: 1, Width: 2}, {Height: 1, Width: 1}}, 3) {
		want := graph.Shape{1, size.Height, size.Width, cfg.Channels}
		if given, taken := see.Nodes[see.Outputs[i]].Shape, find.Nodes[find.Inputs()[i]].Shape; !given.Equal(want) || !taken.Equal(want) {
			t.Errorf("map %d is given as %v and taken as %v, want %v", i, given, taken, want)
		}
	}
	if n := len(see.Outputs); n != 3*glip.Levels+glip.Levels {
		t.Errorf("%d outputs", n)
	}
	if _, err := glip.RecordGrounding(cfg, glip.Grounding{Batch: 2, Height: 64, Width: 96, Tokens: 4, Labels: 1, Apart: true, Shared: true}); !errors.Is(err, graph.ErrShape) {
		t.Errorf("apart and shared: %v", err)
	}
}

// TestResponses: by hand, of a picture of 20 x 41 pixels in 32 x 64, whose grids are 4x8, 2x4, 1x2, 1x1 and 1x1, with two tokens of which
// the second is asked for.
func TestResponses(t *testing.T) {
	frame := glip.Frame{PaddedHeight: 32, PaddedWidth: 64, Height: 20, Width: 41}
	var levels [][]float32
	for _, positions := range []int{32, 8, 2, 1, 1} {
		rows := make([]float32, 2*positions)
		for i := range rows {
			rows[i] = -4
			if i%2 == 0 {
				rows[i] = 9 // of the first token, which is not asked for
			}
		}
		levels = append(levels, rows)
	}
	set := func(level, position int, v float32) { levels[level][2*position+1] = v }
	set(0, 1*8+2, 3)  // P3: place (1, 2)
	set(0, 1*8+7, 30) // beyond the picture
	set(1, 1*4+1, 1)  // P4: places (2, 2) and (2, 3), and two below the picture
	set(2, 1, 0)      // P5: places (0..2, 4..5)
	set(3, 0, -1)     // P6: everywhere
	set(4, 0, -2)
	maps, size, err := glip.Responses(levels, frame, 1, 1)
	if err != nil || size != (swin.Grid{Height: 3, Width: 6}) || len(maps) != 18 {
		t.Fatalf("%d values, %v, %v", len(maps), size, err)
	}
	want := []float64{
		-1, -1, -1, -1, 0, 0,
		-1, -1, 3, -1, 0, 0,
		-1, -1, 1, 1, 0, 0,
	}
	for i, v := range want {
		if p := 1 / (1 + math.Exp(-v)); !(math.Abs(float64(maps[i])-p) < 1e-6) {
			t.Errorf("place %d, %d: %g, want %g", i/6, i%6, maps[i], p)
		}
	}
	if both, _, err := glip.Responses(levels, frame, 0, 2); err != nil || len(both) != 36 || !slices.Equal(both[18:], maps) || both[0] != float32(1/(1+math.Exp(-9))) {
		t.Errorf("two tokens: %v, %v", both, err)
	}
	set(4, 0, float32(math.NaN()))
	if _, _, err := glip.Responses(levels, frame, 1, 1); !errors.Is(err, glip.ErrNotFinite) {
		t.Errorf("NaN: %v", err)
	}
	for _, tc := range []struct {
		levels [][]float32
		frame  glip.Frame
		from   int
		n      int
	}{
		{levels[:4], frame, 0, 1}, {levels, frame, 1, 2}, {levels, frame, -1, 1}, {levels, glip.Frame{PaddedHeight: 32, PaddedWidth: 32, Height: 20, Width: 41}, 0, 1},
		{levels, glip.Frame{PaddedHeight: 32, PaddedWidth: 64}, 0, 1}, {append([][]float32{levels[0][1:]}, levels[1:]...), frame, 0, 1},
	} {
		if _, _, err := glip.Responses(tc.levels, tc.frame, tc.from, tc.n); !errors.Is(err, graph.ErrShape) {
			t.Errorf("%d levels, %+v, tokens %d to %d: %v", len(tc.levels), tc.frame, tc.from, tc.from+tc.n, err)
		}
	}
}
