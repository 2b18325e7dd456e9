package kernels_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// opCase is one operation with its operands. The files named like the operations hold them.
type opCase struct {
	op     string // kind, as the graph calls it
	name   string
	record func(b *graph.Builder)
	fill   fill // uniform if nil
	bound  bound
	card   bool // also in the style of graphics cards, whose pipelines a software driver compiles for long
}

func (c opCase) String() string { return c.op + "/" + c.name }

func (c opCase) tensors() tensors {
	if c.fill == nil {
		return tensors{uniform, seed}
	}
	return tensors{c.fill, seed}
}

// seed of all operands; a failure prints it.
const seed = 1

func opCases() []opCase {
	return slices.Concat(linearCases(), scoresCases(), contextCases(), softmaxCases(), biasCases(), layerNormCases(),
		geluCases(), addCases(), moveCases(), gatherCases(), positionCases(),
		detectorCases(), convCases(), deformCases(), crossCases(), gradCases(), productCases(), valueCases())
}

// TestOps compares every case with the oracle, in the device's own style and in those
// of graphics cards.
func TestOps(t *testing.T) {
	d := device(t)
	for _, c := range opCases() {
		t.Run(c.String(), func(t *testing.T) {
			g := build(t, c.record)
			s := c.tensors()
			want := oracle(t, g, s)
			ways := map[string]vulkan.UploadOptions{"default": {}}
			if c.card {
				ways["tiled"] = vulkan.UploadOptions{Variant: "tiled"}
			}
			if c.card && c.bound.rms > 0 && strings.Contains(c.name, "49") {
				ways["direct"] = styled(vulkan.UploadOptions{}, kernels.Styles()["direct"]) // on a graphics card
			}
			for way, u := range ways {
				in := s.inputs(g)
				p := compileAs(t, d, g, s, u, vulkan.Options{NoFusion: true})
				got := run(t, p, in...)
				for i := range want {
					if err := c.bound.check(got[i], want[i]); err != nil {
						t.Errorf("seed %d, %s, %v: %v", s.seed, way, p.Plan().Dispatches[0].Groups, err)
					}
				}
				same(t, "inputs afterwards", in, s.inputs(g))
			}
		})
	}
}

// TestOpsSplit runs every case on a device that binds so little that operands must be
// split: the results stay within the same bounds, and those of copies equal.
func TestOpsSplit(t *testing.T) {
	d := device(t)
	split := map[string]bool{}
	for _, c := range opCases() {
		t.Run(c.String(), func(t *testing.T) {
			g := build(t, c.record)
			s := c.tensors()
			var want [][]float32
			w, err := vulkan.Upload(t.Context(), d, g, s, vulkan.UploadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			closing(t, w)
			for _, caps := range [][2]int64{{16 << 10, 16}, {16 << 10, 256}, {4 << 10, 64}, {1 << 10, 16}} {
				limit, align := caps[0], caps[1]
				if most := largest(g); most <= limit || most > 64*limit {
					continue // nothing to split, or far too many dispatches
				}
				p, err := vulkan.Compile(t.Context(), d, g, w, limited(vulkan.Options{NoFusion: true}, func(c *engine.Caps) {
					c.MaxStorageBufferRange, c.StorageAlignment = limit, max(align, c.StorageAlignment)
				}, d))
				if errors.Is(err, engine.ErrUnsupported) { // says what does not fit, see TestSplitRefusals
					if !strings.Contains(err.Error(), "binding of") {
						t.Errorf("the error does not name the limit: %v", err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				closing(t, p)
				if want == nil {
					want = oracle(t, g, s)
				}
				if len(p.Plan().Dispatches) > 1 {
					split[c.op] = true
				}
				withinLimit(t, p, limit)
				aligned(t, p, align)
				got := run(t, p, s.inputs(g)...)
				for i := range want {
					if err := c.bound.check(got[i], want[i]); err != nil {
						t.Errorf("seed %d, limit %d, alignment %d, %d dispatches: %v", s.seed, limit, align, len(p.Plan().Dispatches), err)
					}
				}
			}
		})
	}
	for _, op := range graph.Kinds() {
		if !split[graph.Kind(op)] && !slices.Contains(neverSplit, graph.Kind(op)) {
			t.Errorf("no case of %s was split", graph.Kind(op))
		}
	}
}

// withinLimit requires that no operand exceeds a binding.
func withinLimit(t *testing.T, p *vulkan.Program, limit int64) {
	t.Helper()
	for _, x := range p.Plan().Dispatches {
		if x.Pipeline.Addressed {
			continue // found by address, bound nowhere
		}
		for i, o := range x.Operands {
			if bytes := o.Bytes; bytes > limit {
				t.Errorf("%s: operand %d of %s is bound with %d bytes, at most %d fit", x.Path, i, x.Pipeline.Label, bytes, limit)
			}
		}
	}
}

// aligned requires every operand to begin at a multiple of align.
func aligned(t *testing.T, p *vulkan.Program, align int64) {
	t.Helper()
	for _, x := range p.Plan().Dispatches {
		align := align
		if x.Pipeline.Addressed { // a vec4
			align = 16
		}
		for i, o := range x.Operands {
			if at := o.Offset; at%align != 0 {
				t.Errorf("%s: operand %d of %s begins at %d, no multiple of %d", x.Path, i, x.Pipeline.Label, at, align)
			}
		}
	}
}

// largest is the size in bytes of the largest value of a graph.
func largest(g *graph.Graph) int64 {
	most := 0
	for _, n := range g.Nodes {
		most = max(most, 4*n.Shape.Elements())
	}
	return int64(most)
}

// TestGroupLimits runs cases on a device that takes few workgroups along each axis.
func TestGroupLimits(t *testing.T) {
	d := device(t)
	folded := 0
	for _, c := range opCases() {
		t.Run(c.String(), func(t *testing.T) {
			g := build(t, c.record)
			s := c.tensors()
			w, err := vulkan.Upload(t.Context(), d, g, s, vulkan.UploadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			closing(t, w)
			most := [3]int{64, 64, 16}
			p, err := vulkan.Compile(t.Context(), d, g, w, limited(vulkan.Options{NoFusion: true}, func(c *engine.Caps) { c.MaxWorkgroups = most }, d))
			if errors.Is(err, engine.ErrUnsupported) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			closing(t, p)
			for _, x := range p.Plan().Dispatches {
				for axis, n := range x.Groups {
					if n < 1 || n > most[axis] {
						t.Errorf("%s: %v workgroups, at most %v are allowed", x.Pipeline.Label, x.Groups, most)
					}
				}
				if x.Groups[1] > 1 || len(p.Plan().Dispatches) > 1 {
					folded++
				}
			}
			want := oracle(t, g, s)
			for i, got := range run(t, p, s.inputs(g)...) {
				if err := c.bound.check(got, want[i]); err != nil {
					t.Errorf("seed %d: %v", s.seed, err)
				}
			}
		})
	}
	if folded < 10 {
		t.Errorf("only %d dispatches met the limits", folded)
	}
}

// TestRegistry requires a lowering and a test for every operation of a graph, and a
// test for every lowering.
func TestRegistry(t *testing.T) {
	tested, lowered := map[string]bool{}, map[string]bool{}
	for _, c := range opCases() {
		tested[c.op] = true
		g := build(t, c.record)
		if last := graph.Kind(g.Nodes[len(g.Nodes)-1].Op); last != c.op {
			t.Errorf("%v: the last node is %s", c, last)
		}
		lowered[kernels.StepKind(g)] = true
	}
	for _, c := range joinedCases() {
		for _, kind := range kernels.JoinedKinds(build(t, c.record)) {
			lowered[kind] = true
		}
	}
	for _, op := range graph.Kinds() {
		if !tested[graph.Kind(op)] {
			t.Errorf("operation %s has no case", graph.Kind(op))
		}
	}
	for _, kind := range kernels.Kinds() {
		if !lowered[kind] {
			t.Errorf("lowering %s has no case", kind)
		}
		delete(lowered, kind)
	}
	for kind := range lowered {
		t.Errorf("steps of kind %s have no lowering", kind)
	}
}
