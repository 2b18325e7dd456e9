package graph_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
)

var update = flag.Bool("update", false, "write the printed graph of the micro Swin anew")

// micro is the model and input of the golden case micro-w4-61x45.
func micro(t *testing.T) *graph.Graph {
	t.Helper()
	cfg := swin.Config{
		EmbedDims: 24, Depths: []int{2, 2, 2, 2}, NumHeads: []int{1, 2, 4, 8}, WindowSize: 4, PadSmallMap: true,
		OutIndices: []int{0, 1, 2, 3}, ImageSize: 64, PatchSize: 4, MLPRatio: 4, Eps: 1e-5, QKVBias: true,
	}
	g, err := swin.Record(cfg, swin.Input{Batch: 1, Height: 61, Width: 45})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestPrintedGraph makes every change of the model visible as changed lines of
// swin/testdata/micro.graph.txt.
func TestPrintedGraph(t *testing.T) {
	file := filepath.Join("..", "swin", "testdata", "micro.graph.txt")
	got := micro(t).String()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		line := func(lines []string) string {
			if i < len(lines) {
				return lines[i]
			}
			return "(end)"
		}
		if g, w := line(gotLines), line(wantLines); g != w {
			t.Fatalf("line %d is\n  %s\nwant\n  %s\nIf the model was meant to change: go test ./graph -update", i+1, g, w)
		}
	}
}

func TestPrintStopsAtAWriteError(t *testing.T) {
	if err := micro(t).Print(failingWriter{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }

// TestBuilder records scopes, repeats, a bias and none, and outputs.
func TestBuilder(t *testing.T) {
	b := graph.NewBuilder()
	x := b.In("input").Input(2, 3)
	s := b.In("stage", 0)
	y := s.In("fc").Linear(x, 4, graph.WithBias)
	z := s.In("fc2").Linear(y, 3, graph.NoBias)
	z = s.Add(z, x)
	z = s.Add(z, x) // the same scope again
	b.Output(z)
	b.Output(y)
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"input", "stage.0.fc.weight", "stage.0.fc.bias", "stage.0.fc", "stage.0.fc2.weight", "stage.0.fc2", "stage.0", "stage.0#2"}
	var paths []string
	for _, n := range g.Nodes {
		paths = append(paths, n.Path)
	}
	if !slices.Equal(paths, want) {
		t.Errorf("paths %q, want %q", paths, want)
	}
	if !slices.Equal(g.Outputs, []graph.ID{7, 3}) || !slices.Equal(g.Inputs(), []graph.ID{0}) || !slices.Equal(g.Params(), []graph.ID{1, 2, 4}) {
		t.Errorf("outputs %v, inputs %v, parameters %v", g.Outputs, g.Inputs(), g.Params())
	}
	if z.ID() != 7 || !z.Shape().Equal(graph.Shape{2, 3}) {
		t.Errorf("the last value is node %d, %v", z.ID(), z.Shape())
	}
	if id, ok := g.Find("stage.0.fc"); !ok || id != 3 {
		t.Errorf("Find gives %d, %v", id, ok)
	}
	if id, ok := g.Find("stage.0.f"); ok {
		t.Errorf("Find gives %d for half a name", id)
	}
	const text = `%0 input = input [2 3]
%1 stage.0.fc.weight = param [4 3]
%2 stage.0.fc.bias = param [4]
%3 stage.0.fc = linear %0 %1 %2 [2 4]
%4 stage.0.fc2.weight = param [3 4]
%5 stage.0.fc2 = linear %3 %4 [2 3]
%6 stage.0 = add %5 %0 [2 3]
%7 stage.0#2 = add %6 %0 [2 3]
outputs %7 %3
`
	if g.String() != text {
		t.Errorf("printed:\n%s", g)
	}
}

var errOwn = errors.New("the model's own")

// TestBuilderKeepsTheFirstError goes on recording after an error, with the values
// that the failed verb gave, and wants neither panic nor another error.
func TestBuilderKeepsTheFirstError(t *testing.T) {
	b := graph.NewBuilder()
	x := b.In("x").Input(2, 3)
	bad := b.In("stage", 1, "bad").Pad(x, 4, 4)
	if bad.Shape() != nil {
		t.Errorf("a failed verb gave shape %v", bad.Shape())
	}
	y := b.In("later").Linear(bad, 5, graph.WithBias)
	y = b.LayerNorm(y, 1e-5)
	y = b.Context(b.Softmax(b.Scores(y, graph.Scores{Heads: 2, Scale: 1})), y, 2)
	b.In("own").Fail(errOwn)
	b.Output(y)
	g, err := b.Build()
	if g != nil || !errors.Is(err, graph.ErrShape) || errors.Is(err, errOwn) {
		t.Fatalf("graph %v, error %v", g, err)
	}
	for _, part := range []string{"stage.1.bad", "pad", "[2 3]"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

// TestBuildCopies goes on recording after a graph was built, which must stay as it was.
func TestBuildCopies(t *testing.T) {
	b := graph.NewBuilder()
	x := b.In("x").Input(2)
	b.Output(x)
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	before := g.String()
	b.Output(b.In("y").Add(x, x))
	h, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	h.Nodes[0].Path, h.Outputs[0] = "another", 1
	if g.String() != before {
		t.Errorf("the graph became\n%s", g)
	}
}

func TestBuilderFail(t *testing.T) {
	b := graph.NewBuilder()
	b.In("stage", 2).Fail(errOwn)
	b.In("x").Input(0)
	if _, err := b.Build(); !errors.Is(err, errOwn) || !strings.Contains(err.Error(), "stage.2") {
		t.Errorf("error %v", err)
	}
	b = graph.NewBuilder()
	b.In("x").Input(3, 0)
	if _, err := b.Build(); !errors.Is(err, graph.ErrShape) {
		t.Errorf("an empty side gives %v", err)
	}
}

func TestMatch(t *testing.T) {
	g := micro(t)
	for _, c := range []struct {
		glob  string
		want  []string // all paths, or
		count int      // only how many
	}{
		{"input", []string{"input"}, 0},
		{"out.*", []string{"out.0", "out.1", "out.2", "out.3"}, 0},
		{"norm?", []string{"norm0", "norm1", "norm2", "norm3"}, 0},
		{"stages.[12].downsample.merged", []string{"stages.1.downsample.merged", "stages.2.downsample.merged"}, 0},
		{"stages.*.blocks.1", []string{"stages.0.blocks.1", "stages.1.blocks.1", "stages.2.blocks.1", "stages.3.blocks.1"}, 0},
		{"**.mask", []string{"stages.0.blocks.1.attn.mask", "stages.1.blocks.1.attn.mask", "stages.2.blocks.1.attn.mask", "stages.3.blocks.1.attn.mask"}, 0},
		{"stages.0.**.downsample.**.norm", []string{"stages.0.downsample.norm"}, 0}, // "**" may be nothing
		{"**.weight", nil, 0}, // parameters are not values
		{"stages.0", nil, 0},
		{"", nil, 0},
		{"**", nil, len(g.Nodes) - len(g.Params())},
	} {
		ids, err := g.Match(c.glob)
		if err != nil {
			t.Errorf("%q: %v", c.glob, err)
			continue
		}
		var paths []string
		for _, id := range ids {
			paths = append(paths, g.Nodes[id].Path)
		}
		if c.count > 0 && len(paths) == c.count {
			continue
		}
		if !slices.Equal(paths, c.want) {
			t.Errorf("%q matches %q, want %q", c.glob, paths, c.want)
		}
	}
	if _, err := g.Match("stages.[0"); err == nil || !strings.Contains(err.Error(), "stages.[0") {
		t.Errorf("a malformed glob gives %v", err)
	}
}

// TestCount adds up one node of each kind that counts, by hand.
func TestCount(t *testing.T) {
	b := graph.NewBuilder()
	x := b.In("x").Input(5, 4, 6)                         // groups, tokens, channels
	q := b.In("qkv").Linear(x, 18, graph.WithBias)        // 20 rows * 18 * 6 = 2160
	s := b.Scores(q, graph.Scores{Heads: 2, Scale: 1})    // 5 * 2 * 16 scores * 3 = 480
	c := b.Context(b.Softmax(s), q, 2)                    // 5 * 4 * 6 elements * 4 = 480
	n := b.In("norm").LayerNorm(b.Add(b.GELU(c), x), 0.1) // 120 elements
	b.Output(n)
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	want := graph.Counts{Parameters: 18*6 + 18 + 6 + 6, MultiplyAdds: 2160 + 480 + 480, LayerNormElements: 120}
	if got := g.Count(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestKinds wants every operation once, with a stem that can name files.
func TestKinds(t *testing.T) {
	seen := map[string]bool{}
	for _, op := range graph.Kinds() {
		kind := graph.Kind(op)
		if seen[kind] || kind == "" || strings.Trim(kind, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("kind %q is empty, repeated or no lower-case word", kind)
		}
		seen[kind] = true
	}
}
