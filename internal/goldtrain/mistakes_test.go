package goldtrain

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/difftest"
)

// mistake is a variant that is really made: what it does to values of the backward part as they are computed.
type mistake struct {
	variant string
	// spoil changes data, the value of a node whose operands are in(0), in(1) and so on.
	spoil func(n graph.Node, in func(i int) []float32, data []float32)
}

func mistakes() []mistake {
	offsets := func(part string, spoil func(pixel []float32)) func(graph.Node, func(int) []float32, []float32) {
		return func(n graph.Node, _ func(int) []float32, data []float32) {
			if of[graph.DeformConvGradOffset](n, part) {
				for i := 0; i < len(data); i += 27 {
					spoil(data[i:][:27])
				}
			}
		}
	}
	return []mistake{
		{"vlfuse: clamps pass their gradient", passing[graph.ClampGradX]},
		{"head: clamp passes its gradient", passing[graph.ClampGradX]},
		{"fpn: relu before p7 passes everything", passing[graph.ReLUGradX]},
		{"text layer: gradient of tanh GELU", tanhGELU},
		{"dcn: no gradient to the offsets", offsets("", func(pixel []float32) { clear(pixel[:18]) })},
		{"dcn: no gradient to the masks", offsets("", func(pixel []float32) { clear(pixel[18:]) })},
		{"dcn: offset gradient with x and y exchanged", offsets("", func(pixel []float32) {
			for i := 0; i < 18; i += 2 {
				pixel[i], pixel[i+1] = pixel[i+1], pixel[i]
			}
		})},
		{"dcn: coarse branch sends no gradient to offsets and masks", offsets(".DyConv.0.", func(pixel []float32) { clear(pixel) })},
		{"dyconv: gate taken as constant", zero[graph.HardSigmoidGradX]("h_sigmoid")},
		{"dyconv: gradient only through the branch of the level itself", func(n graph.Node, in func(int) []float32, data []float32) {
			zero[graph.DeformConvGradX](".DyConv.0.")(n, in, data)
			zero[graph.DeformConvGradX](".DyConv.2.")(n, in, data)
		}},
		{"dyrelu: coefficients taken as constant", zero[graph.DynamicReLUGradT]("")},
		{"head: length of the text vector taken as constant", constantLength},
		{"norms: mean and deviation taken as constant (layer norm)", constantLayerNorm},
		{"norms: mean and deviation taken as constant (group norm)", constantGroupNorm},
		{"embeddings: the row of [PAD] gets its gradient", paddingLearns},
	}
}

// of says whether a node is of a kind and its path has a part.
func of[O graph.Op](n graph.Node, part string) bool {
	_, ok := n.Op.(O)
	return ok && strings.Contains(n.Path, part)
}

// passing hands the gradient on as it came.
func passing[O graph.Op](n graph.Node, in func(int) []float32, data []float32) {
	if of[O](n, "") {
		copy(data, in(0))
	}
}

// zero hands nothing on.
func zero[O graph.Op](part string) func(graph.Node, func(int) []float32, []float32) {
	return func(n graph.Node, _ func(int) []float32, data []float32) {
		if of[O](n, part) {
			clear(data)
		}
	}
}

func tanhGELU(n graph.Node, in func(int) []float32, data []float32) {
	if !of[graph.GELUGradX](n, "") {
		return
	}
	for i, x := range in(1) {
		x := float64(x)
		u, du := math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x), math.Sqrt(2/math.Pi)*(1+3*0.044715*x*x)
		th := math.Tanh(u)
		data[i] = float32(float64(in(0)[i]) * (0.5*(1+th) + 0.5*x*(1-th*th)*du))
	}
}

func constantLength(n graph.Node, in func(int) []float32, data []float32) {
	if !of[graph.NormalizeGradX](n, "") {
		return
	}
	each(n.Shape.Last(), data, func(row []float32, begin int) {
		var squares float64
		for i := range row {
			squares += float64(in(1)[begin+i]) * float64(in(1)[begin+i])
		}
		for i := range row {
			row[i] = float32(float64(in(0)[begin+i]) / math.Sqrt(squares))
		}
	})
}

// each hands on the rows of data.
func each(size int, data []float32, f func(row []float32, begin int)) {
	for begin := 0; begin < len(data); begin += size {
		f(data[begin:][:size], begin)
	}
}

func constantLayerNorm(n graph.Node, in func(int) []float32, data []float32) {
	o, ok := n.Op.(graph.LayerNormGradX)
	if !ok {
		return
	}
	each(n.Shape.Last(), data, func(row []float32, begin int) {
		_, scale := moments(in(1)[begin:][:len(row)], o.Eps)
		for i := range row {
			row[i] = float32(float64(in(0)[begin+i]) * float64(in(2)[i]) * scale)
		}
	})
}

func constantGroupNorm(n graph.Node, in func(int) []float32, data []float32) {
	o, ok := n.Op.(graph.GroupNormGradX)
	if !ok {
		return
	}
	channels, positions := n.Shape[3], n.Shape[1]*n.Shape[2]
	size := channels / o.Groups
	for first := range n.Shape[0] * o.Groups {
		item, begin := first/o.Groups, first%o.Groups*size
		var values []float32
		for p := range positions {
			values = append(values, in(1)[(item*positions+p)*channels+begin:][:size]...)
		}
		_, scale := moments(values, o.Eps)
		for p := range positions {
			for c := begin; c < begin+size; c++ {
				i := (item*positions+p)*channels + c
				data[i] = float32(float64(in(0)[i]) * float64(in(2)[c]) * scale)
			}
		}
	}
}

// moments are the mean and 1/sqrt(variance + eps).
func moments(x []float32, eps float64) (mean, scale float64) {
	var squares float64
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	for _, v := range x {
		squares += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
	}
	return mean, 1 / math.Sqrt(squares+eps)
}

func paddingLearns(n graph.Node, in func(int) []float32, data []float32) {
	if !of[graph.EmbedGradWord](n, "") {
		return
	}
	channels := n.Shape.Last()
	for i, id := range in(1) {
		if id == 0 {
			for c := range channels {
				data[c] += in(0)[i*channels+c]
			}
		}
	}
}

// spoiled is the oracle with a mistake.
type spoiled struct{ mistake }

// Name implements [difftest.Executor].
func (s spoiled) Name() string { return s.variant }

// Run implements [difftest.Executor].
func (s spoiled) Run(ctx context.Context, g *graph.Graph, w difftest.Weights, inputs [][]float32, taps []graph.ID) ([][]float32, error) {
	values := make([][]float32, len(g.Nodes))
	observe := func(id graph.ID, n graph.Node, data []float32) {
		s.spoil(n, func(i int) []float32 {
			operand := n.Inputs[i]
			if values[operand] == nil { // a weight
				values[operand], _ = w.Tensor(g.Nodes[operand].Path, g.Nodes[operand].Shape)
			}
			return values[operand]
		}, data)
		values[id] = data
	}
	return difftest.CPU{Options: cpuref.Options{Observe: observe}}.Run(ctx, g, w, inputs, taps)
}

// TestMistakesGolden makes mistakes of the original's variants in our backward part and wants the comparison to fail, by as much as
// the manifest says: else it would be another mistake.
func TestMistakesGolden(t *testing.T) {
	variants, modules := Variants(t, "gradients"), Modules(t, "modules")
	for _, x := range mistakes() {
		t.Run(x.variant, func(t *testing.T) {
			v := slices.IndexFunc(variants, func(v Variant) bool { return v.Name == x.variant })
			if v < 0 {
				t.Skip("the folder has no such variant")
			}
			m := slices.IndexFunc(modules, func(m *Module) bool { return m.ID == variants[v].Case })
			if m < 0 {
				t.Skipf("the folder has no case %s", variants[v].Case)
			}
			if difftest.Race && large(modules[m]) {
				t.Skip("the race detector makes the oracle take a minute: go test without -race, as make golden does, runs it")
			}
			modules[m].Runs = nil
			modules[m].Record(t)
			modules[m].rejects(t, variants[v], modules[m].Compute(t, spoiled{x}))
		})
	}
}

// rejects wants values beyond the limit, and moved as far as a variant moves them.
func (m *Module) rejects(t *testing.T, v Variant, values map[string][]float32) {
	t.Helper()
	beyond, compared := 0, 0
	for _, x := range m.Tensors {
		got, ok := values[x.Name]
		if !ok || x.Vanishing || x.Role != "gradient" && x.Role != "output" {
			continue
		}
		stored, sampled := m.Stored(t, x), x.sampled(t, got)
		if x.apart(sampled, stored) > 2*x.Limit() {
			beyond++
		}
		for name, want := range v.Module.Moved {
			if !strings.HasSuffix(x.Name, strings.TrimPrefix(name, "grad")) {
				continue
			}
			compared++
			// What moves by billions is 0 but for the original's rounding.
			if d := distance(sampled, stored); want < 1e6 && !(math.Abs(d/want-1) < 0.25) {
				t.Errorf("%s moves by %.3g, in the original by %.3g", x.Name, d, want)
			}
		}
	}
	if beyond == 0 || compared == 0 {
		t.Errorf("%d tensors are beyond the limit, %d were moved in the original; want some of both", beyond, compared)
	}
}

// distance is the rms of a difference over that of what is right.
func distance(got, want []float32) float64 {
	var difference, norm float64
	for i, w := range want {
		d := float64(got[i]) - float64(w)
		difference, norm = difference+d*d, norm+float64(w)*float64(w)
	}
	return math.Sqrt(difference / norm)
}
