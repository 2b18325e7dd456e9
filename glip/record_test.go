package glip_test

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
	"github.com/glipvk/glipvk/swin"
)

var update = flag.Bool("update", false, "write the printed graph of the DyConv anew")

// TestMultiplyAdds pins the table of the specification (glip.md, section 10), in GMAC: by
// module, directly, and with the cross attention absorbed.
func TestMultiplyAdds(t *testing.T) {
	for _, tc := range []struct {
		name            string
		tokens          int
		total, absorbed float64
		parts           map[string]float64 // by beginning of the path
	}{
		{"glip-t", 20, 472, 261, map[string]float64{
			"backbone.body.": 99.1, "backbone.fpn.": 1.45 + 13.01 + 0.21, "language_backbone.": 1.71,
			"rpn.head.dyhead_tower.0.": 38.08, "rpn.head.dyhead_tower.1.": 0.14, "rpn.head.dyhead_tower.2.": 21.21, "rpn.head.dyhead_tower.": 356.6,
		}},
		{"glip-t", 256, 707, 498, map[string]float64{
			"language_backbone.": 22.95, "rpn.head.dyhead_tower.15.": 71.67, "rpn.head.dyhead_tower.16.": 1.91, "rpn.head.dyhead_tower.": 568.8,
		}},
		{"glip-l", 256, 1612, 1333, map[string]float64{
			"backbone.body.": 812.6, "backbone.fpn.": 2.89 + 13.01 + 0.21, "rpn.head.dyhead_tower.": 758.4,
		}},
		{"glip-t-a", 20, 243, 243, map[string]float64{"rpn.head.dyhead_tower.": 6 * 21.21}},
	} {
		t.Run(fmt.Sprint(tc.name, " ", tc.tokens), func(t *testing.T) {
			g, err := glip.Record(preset(t, tc.name), glip.Grounding{Height: 800, Width: 1344, Tokens: tc.tokens, Labels: 4})
			if err != nil {
				t.Fatal(err)
			}
			if got := giga(g.Count().MultiplyAdds); !(math.Abs(got-tc.total) <= 0.6) {
				t.Errorf("%.2f in all, want %g", got, tc.total)
			}
			absorbed, _, err := rewrite.Absorb(g, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := giga(absorbed.Count().MultiplyAdds); !(math.Abs(got-tc.absorbed) <= 0.6) {
				t.Errorf("%.2f absorbed, want %g", got, tc.absorbed)
			}
			for begin, want := range tc.parts {
				var n int64
				for id, node := range g.Nodes {
					if strings.HasPrefix(node.Path, begin) {
						n += g.MultiplyAdds(graph.ID(id))
					}
				}
				if got := giga(n); !(math.Abs(got-want) <= 0.05+want*2e-4) {
					t.Errorf("%s has %.3f, want %g", begin, got, want)
				}
			}
		})
	}
}

func giga(n int64) float64 { return float64(n) / 1e9 }

// TestPartsMakeTheWhole: the three graphs hand on what Record has in one.
func TestPartsMakeTheWhole(t *testing.T) {
	cfg := tinyCase(t, "tiny.caption").config(t)
	in := glip.Grounding{Batch: 2, Height: 64, Width: 96, Tokens: 7, Labels: 3, PerLevel: 11}
	whole, err := glip.Record(cfg, in)
	if err != nil {
		t.Fatal(err)
	}
	see, err := glip.RecordVision(cfg, glip.Vision{Batch: in.Batch, Height: in.Height, Width: in.Width})
	if err != nil {
		t.Fatal(err)
	}
	read, err := glip.RecordLanguage(cfg, glip.Language{Batch: in.Batch, Tokens: in.Tokens})
	if err != nil {
		t.Fatal(err)
	}
	find, err := glip.RecordGrounding(cfg, in)
	if err != nil {
		t.Fatal(err)
	}
	var sum graph.Counts
	for _, g := range []*graph.Graph{see, read, find} {
		c := g.Count()
		sum.Parameters += c.Parameters
		sum.MultiplyAdds += c.MultiplyAdds
		sum.LayerNormElements += c.LayerNormElements
	}
	if got := whole.Count(); got != sum {
		t.Errorf("the whole counts %+v, its parts %+v", got, sum)
	}
	shapes := func(g *graph.Graph, ids []graph.ID) (list []string) {
		for _, id := range ids {
			list = append(list, fmt.Sprint([]int(g.Nodes[id].Shape)))
		}
		return list
	}
	handed := append(shapes(see, see.Outputs[:glip.Levels]), shapes(read, read.Outputs)...)
	if got := shapes(find, find.Inputs()); fmt.Sprint(got) != fmt.Sprint(append(handed, "[2 7]", "[2 3 7]")) {
		t.Errorf("grounding takes %v, the others give %v", got, handed)
	}
	if got := fmt.Sprint(shapes(whole, whole.Inputs())); got != "[[2 3 64 96] [2 7] [2 7] [2 3 7]]" {
		t.Errorf("the whole takes %s", got)
	}
	for _, shape := range shapes(whole, whole.Outputs[:glip.Levels]) {
		if shape != "[2 11 8]" {
			t.Errorf("candidates of %s, want [2 11 8]", shape)
		}
	}
	health := append(healthOf(find)[glip.Levels:], healthOf(see)[glip.Levels:]...)
	if got := healthOf(whole); !slices.Equal(got[:glip.Levels], make([]string, glip.Levels)) || !slices.Equal(got[glip.Levels:], health) {
		t.Errorf("the whole vouches for %q, its parts for %q", got, health)
	}
}

// healthOf tells of each output which value it vouches for, "" for a result.
func healthOf(g *graph.Graph) []string {
	of := make([]string, len(g.Outputs))
	for i, id := range g.Outputs {
		if value, ok := glip.Health(g.Nodes[id].Path); ok {
			of[i] = value
		}
	}
	return of
}

// TestHealth: what is looked after is there, once, and has as many channels as its output.
func TestHealth(t *testing.T) {
	cfg := tinyCase(t, "tiny.caption").config(t)
	g, err := glip.Record(cfg, glip.Grounding{Batch: 2, Height: 64, Width: 96, Tokens: 4, Labels: 1})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i, path := range healthOf(g)[glip.Levels:] {
		id, ok := g.Find(path)
		if !ok || seen[path] {
			t.Errorf("output %d vouches for %q", i, path)
			continue
		}
		seen[path] = true
		if got, want := g.Nodes[g.Outputs[glip.Levels+i]].Shape, (graph.Shape{2, g.Nodes[id].Shape.Last()}); !got.Equal(want) {
			t.Errorf("that of %s is %v, want %v", path, got, want)
		}
	}
	for _, path := range []string{"backbone.fpn.fpn_layer2", "backbone.fpn.top_blocks.p7", "rpn.head.bbox.p5", "rpn.head.centerness#3", "rpn.head.dot_product_projection_text"} {
		if !seen[path] {
			t.Errorf("nothing vouches for %s but for %v", path, seen)
		}
	}
}

// TestRounding lists some sizes, and wants few of them.
func TestRounding(t *testing.T) {
	for _, c := range []struct{ n, tokens, caption int }{
		{0, 16, 32}, {1, 16, 32}, {16, 16, 32}, {17, 24, 32}, {33, 48, 64}, {65, 96, 128}, {129, 160, 256}, {255, 256, 256}, {256, 256, 256},
	} {
		if tokens, caption := glip.RoundTokens(c.n, 256), glip.RoundCaption(c.n, 256); tokens != c.tokens || caption != c.caption {
			t.Errorf("%d tokens become %d, and %d for the text encoder, want %d and %d", c.n, tokens, caption, c.tokens, c.caption)
		}
	}
	for _, c := range []struct{ n, tokens, labels int }{{1, 2, 1}, {1, 16, 8}, {8, 16, 8}, {9, 16, 16}, {1, 24, 16}, {40, 160, 80}, {81, 96, 160}} {
		if labels := glip.RoundLabels(c.n, c.tokens); labels != c.labels {
			t.Errorf("%d labels of %d tokens become %d, want %d", c.n, c.tokens, labels, c.labels)
		}
	}
	if got := glip.RoundTokens(18, 20); got != 20 {
		t.Errorf("18 of at most 20 tokens become %d", got)
	}
}

// TestGrids halves and rounds up, as convolutions of stride 2 do.
func TestGrids(t *testing.T) {
	for _, tc := range []struct {
		height, width int
		want          string
	}{
		{800, 1344, "[{100 168} {50 84} {25 42} {13 21} {7 11}]"},
		{32, 32, "[{4 4} {2 2} {1 1} {1 1} {1 1}]"},
		{64, 96, "[{8 12} {4 6} {2 3} {1 2} {1 1}]"},
	} {
		if got := fmt.Sprint(glip.Grids(tc.height, tc.width)); got != tc.want {
			t.Errorf("%d x %d: %s, want %s", tc.height, tc.width, got, tc.want)
		}
	}
}

// TestDefaults: what a Grounding leaves out is the original's, as the graph records it.
func TestDefaults(t *testing.T) {
	cfg := tinyCase(t, "tiny.caption").config(t)
	for _, tc := range []struct {
		in     glip.Grounding
		want   graph.Candidates
		scores graph.Aggregate
	}{
		{glip.Grounding{}, graph.Candidates{Threshold: 0.05, Limit: 1000}, graph.Mean},
		{glip.Grounding{Threshold: -1, PerLevel: 7, Aggregate: graph.Max}, graph.Candidates{Threshold: 0, Limit: 7}, graph.Max},
		{glip.Grounding{Threshold: 0.25}, graph.Candidates{Threshold: 0.25, Limit: 1000}, graph.Mean},
	} {
		tc.in.Height, tc.in.Width, tc.in.Tokens, tc.in.Labels = 32, 32, 5, 2
		g, err := glip.RecordGrounding(cfg, tc.in)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, n := range g.Nodes {
			switch op := n.Op.(type) {
			case graph.Candidates:
				if seen++; op != tc.want {
					t.Errorf("%+v records %+v, want %+v", tc.in, op, tc.want)
				}
			case graph.PhraseScores:
				if op.Aggregate != tc.scores {
					t.Errorf("%+v records %+v", tc.in, op)
				}
			}
		}
		if seen != glip.Levels {
			t.Errorf("%d selections", seen)
		}
	}
}

func TestRecordRefusals(t *testing.T) {
	cfg := tinyCase(t, "tiny.caption").config(t)
	flat := tinyCase(t, "tiny_a.caption").config(t)
	broken := cfg
	broken.Layers = 0
	grids := []swin.Grid{{Height: 4, Width: 4}, {Height: 2, Width: 2}}
	good := glip.Grounding{Height: 32, Width: 64, Tokens: 5, Labels: 2}
	with := func(f func(*glip.Grounding)) glip.Grounding {
		in := good
		f(&in)
		return in
	}
	errOf := func(_ *graph.Graph, err error) error { return err }
	for _, tc := range []struct {
		name string
		err  error
		kind error
		word string
	}{
		{"height", errOf(glip.RecordVision(cfg, glip.Vision{Height: 33, Width: 32})), graph.ErrShape, "33 x 32"},
		{"width", errOf(glip.RecordVision(cfg, glip.Vision{Height: 32, Width: 48})), graph.ErrShape, "32 x 48"},
		{"nothing", errOf(glip.RecordVision(cfg, glip.Vision{})), graph.ErrShape, "0 x 0"},
		{"negative", errOf(glip.RecordVision(cfg, glip.Vision{Height: -32, Width: 32})), graph.ErrShape, "-32 x 32"},
		{"no token", errOf(glip.RecordLanguage(cfg, glip.Language{})), graph.ErrShape, "0 tokens"},
		{"many tokens", errOf(glip.RecordLanguage(cfg, glip.Language{Tokens: 257})), graph.ErrShape, "257 tokens"},
		{"batch of pictures", errOf(glip.RecordVision(cfg, glip.Vision{Batch: -1, Height: 32, Width: 32})), graph.ErrShape, "a batch of -1"},
		{"batch of captions", errOf(glip.RecordLanguage(cfg, glip.Language{Batch: -2, Tokens: 3})), graph.ErrShape, "a batch of -2"},
		{"batch beyond memory", errOf(glip.RecordVision(cfg, glip.Vision{Batch: math.MaxInt, Height: 32, Width: 32})), graph.ErrShape, "want 1 to 4096"},
		{"batch in grounding", errOf(glip.RecordGrounding(cfg, with(func(in *glip.Grounding) { in.Batch = -1 }))), graph.ErrShape, "a batch of -1"},
		{"batch that is shared", errOf(glip.Record(cfg, with(func(in *glip.Grounding) { in.Batch, in.Shared = math.MaxInt, true }))), graph.ErrShape, "want 1 to 4096"},
		{"no label", errOf(glip.RecordGrounding(cfg, with(func(in *glip.Grounding) { in.Labels = 0 }))), graph.ErrShape, "0 labels"},
		{"grounding of a size", errOf(glip.RecordGrounding(cfg, with(func(in *glip.Grounding) { in.Height = 31 }))), graph.ErrShape, "31 x 64"},
		{"grounding of no tokens", errOf(glip.RecordGrounding(cfg, with(func(in *glip.Grounding) { in.Tokens = -1 }))), graph.ErrShape, "-1 tokens"},
		{"negative limit", errOf(glip.RecordGrounding(cfg, with(func(in *glip.Grounding) { in.PerLevel = -1 }))), graph.ErrShape, "candidates"},
		{"whole", errOf(glip.Record(cfg, with(func(in *glip.Grounding) { in.Labels, in.Tokens = -1, 256 }))), graph.ErrShape, "-1 labels"},
		{"whole of a size", errOf(glip.Record(cfg, with(func(in *glip.Grounding) { in.Width = 65 }))), graph.ErrShape, "32 x 65"},
		{"configuration", errOf(glip.Record(broken, good)), glip.ErrConfig, "layers is 0"},
		{"fusion without it", errOf(glip.RecordFusion(flat, 0, glip.Module{Grids: grids, Tokens: 5})), glip.ErrConfig, "fusion is false"},
		{"text layer without it", errOf(glip.RecordTextLayer(flat, 0, glip.Module{Tokens: 5})), glip.ErrConfig, "fusion is false"},
		{"empty grid", errOf(glip.RecordDyConv(cfg, 2, glip.Module{Grids: []swin.Grid{{}}})), graph.ErrShape, ""},
		{"no grid", errOf(glip.RecordFusion(cfg, 0, glip.Module{Tokens: 5})), graph.ErrShape, ""},
		{"no tokens in fusion", errOf(glip.RecordFusion(cfg, 0, glip.Module{Grids: grids})), graph.ErrShape, ""},
		{"pyramid of odd sizes", errOf(glip.RecordPyramid(cfg, glip.Module{Grids: make([]swin.Grid, 3)})), graph.ErrShape, ""},
		{"pyramid of two maps", errOf(glip.RecordPyramid(cfg, glip.Module{Grids: grids})), graph.ErrShape, "2 grids"},
		{"batch of texts", errOf(glip.RecordTextLayer(cfg, 1, glip.Module{Batch: -2, Tokens: 3})), graph.ErrShape, "a batch of -2"},
		{"head without labels", errOf(glip.RecordHead(cfg, grids, glip.Grounding{Tokens: 5})), graph.ErrShape, "0 labels"},
		{"selection without labels", errOf(glip.RecordSelection(cfg, grids, glip.Grounding{Tokens: 5})), graph.ErrShape, "0 labels"},
	} {
		if !errors.Is(tc.err, tc.kind) || !strings.HasPrefix(fmt.Sprint(tc.err), "glip: ") || !strings.Contains(tc.err.Error(), tc.word) {
			t.Errorf("%s: got %v, want %v and %q", tc.name, tc.err, tc.kind, tc.word)
		}
	}
}

// TestModules records each module alone, with the parameters that it has in the whole.
func TestModules(t *testing.T) {
	cfg := tinyCase(t, "tiny.caption").config(t)
	grids := []swin.Grid{{Height: 4, Width: 6}, {Height: 2, Width: 3}}
	in := glip.Grounding{Tokens: 5, Labels: 2}
	whole, err := glip.Record(cfg, glip.Grounding{Height: 64, Width: 96, Tokens: 5, Labels: 2})
	if err != nil {
		t.Fatal(err)
	}
	for name, record := range map[string]func() (*graph.Graph, error){
		"pyramid": func() (*graph.Graph, error) {
			return glip.RecordPyramid(cfg, glip.Module{Grids: []swin.Grid{{Height: 8, Width: 12}, grids[0], grids[1]}})
		},
		"fusion":       func() (*graph.Graph, error) { return glip.RecordFusion(cfg, 3, glip.Module{Grids: grids, Tokens: 5}) },
		"text layer":   func() (*graph.Graph, error) { return glip.RecordTextLayer(cfg, 4, glip.Module{Tokens: 5}) },
		"DyConv":       func() (*graph.Graph, error) { return glip.RecordDyConv(cfg, 5, glip.Module{Grids: grids}) },
		"dynamic ReLU": func() (*graph.Graph, error) { return glip.RecordDynamicReLU(cfg, 2, glip.Module{Grids: grids[:1]}) },
		"head":         func() (*graph.Graph, error) { return glip.RecordHead(cfg, grids, in) },
	} {
		g, err := record()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(g.Params()) == 0 {
			t.Errorf("%s has no parameters", name)
		}
		for _, id := range g.Params() {
			n := g.Nodes[id]
			if at, ok := whole.Find(n.Path); !ok || fmt.Sprint(whole.Nodes[at].Shape) != fmt.Sprint(n.Shape) {
				t.Errorf("%s: %s %v is not in the whole", name, n.Path, n.Shape)
			}
		}
	}
	selection, err := glip.RecordSelection(cfg, grids, in)
	if err != nil || len(selection.Outputs) != len(grids) || len(selection.Params()) != 0 {
		t.Errorf("selection: %v", err)
	}
}

// TestPrintedDyConv shows a change of the module as a diff of testdata/dyconv.graph.txt: two
// levels, so that all three branches are there.
func TestPrintedDyConv(t *testing.T) {
	cfg := tinyCase(t, "tiny.caption").config(t)
	g, err := glip.RecordDyConv(cfg, 2, glip.Module{Grids: []swin.Grid{{Height: 4, Width: 6}, {Height: 2, Width: 3}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "dyconv.graph.txt")
	if *update {
		if err := os.WriteFile(file, []byte(g.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if g.String() != string(want) {
		t.Errorf("the graph of a DyConv is not %s; -update writes it anew. It is now\n%s", file, g)
	}
}
