package glip_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/grad"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/glipvk/glipvk/text"
)

// wholeCase is one step of a whole detector.
type wholeCase struct {
	goldenCase
	Seed      uint64
	Overrides map[string]float32
	Arch      json.RawMessage
	Padded    [2]int
	Pictures  []struct {
		Height, Width int
		Seed          uint64
		Caption       string
		Boxes         []glip.Box
		Labels        []int
	}
	Tokens [][][]int
	Losses map[string]float64
	Single map[string]float64 `json:"losses_float32"`
	Total  float64

	cfg glip.Config
}

func wholeCases(t *testing.T) (list []wholeCase) {
	for _, c := range cases(t, "tiny") {
		w := wholeCase{goldenCase: c}
		c.into(t, &w)
		var err error
		if w.cfg, err = glip.ParseConfig(w.Arch); err != nil {
			t.Fatal(err)
		}
		list = append(list, w)
	}
	return list
}

// weights are those by formula, bound like an official checkpoint.
func (c wholeCase) weights(t *testing.T) *bind.Weights {
	t.Helper()
	return c.bound(t, synthetic.Detector{Seed: c.Seed, Overrides: c.Overrides})
}

func (c wholeCase) bound(t *testing.T, formula synthetic.Detector) *bind.Weights {
	t.Helper()
	var tensors []synthetic.Declared
	for _, p := range glip.OfficialParams(c.cfg) {
		tensors = append(tensors, synthetic.Declared(p))
	}
	file, err := synthetic.NewCheckpoint(tensors, formula)
	if err != nil {
		t.Fatal(err)
	}
	bound, err := glip.Bind(file, c.cfg, bind.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return bound
}

// inputs are the pictures, the captions and the targets of a case.
func (c wholeCase) inputs(t *testing.T) (glip.Training, [][]float32) {
	t.Helper()
	tok, err := text.Open("../testdata/glip/tiny/vocab.txt")
	if err != nil {
		t.Fatal(err)
	}
	s := glip.Training{Batch: len(c.Pictures), Height: c.Padded[0], Width: c.Padded[1]}
	var captions [][]int32
	var lengths []int
	var objects [][]glip.Object
	image := make([]float32, s.Batch*3*s.Height*s.Width)
	for i, p := range c.Pictures {
		e, err := tok.Encode(p.Caption)
		if err != nil {
			t.Fatal(err)
		}
		captions, lengths = append(captions, e.IDs()), append(lengths, len(e.IDs()))
		s.Tokens, s.Objects = max(s.Tokens, len(e.IDs())), max(s.Objects, len(p.Boxes))
		var list []glip.Object
		for k, b := range p.Boxes {
			list = append(list, glip.Object{Box: b, Label: p.Labels[k], Tokens: c.Tokens[i][k]})
		}
		objects = append(objects, list)
		drawn := picture.Picture{Height: p.Height, Width: p.Width, Pixels: synthetic.Picture(p.Height, p.Width, p.Seed)}
		in, err := picture.Detector{Size: picture.DetectorSize{Original: true}}.Apply(t.Context(), drawn)
		if err != nil {
			t.Fatal(err)
		}
		for row := range 3 * in.Height {
			channel, y := row/in.Height, row%in.Height
			copy(image[((i*3+channel)*s.Height+y)*s.Width:], in.Data[row*in.Width:][:in.Width])
		}
	}
	ids, mask := make([]float32, s.Batch*s.Tokens), make([]float32, s.Batch*s.Tokens)
	for i, caption := range captions {
		for k := range s.Tokens {
			if mask[i*s.Tokens+k] = glip.Masked; k < len(caption) {
				ids[i*s.Tokens+k], mask[i*s.Tokens+k] = float32(caption[k]), 0
			}
		}
	}
	targets, err := glip.NewTargets(c.cfg, s, lengths, objects)
	if err != nil {
		t.Fatal(err)
	}
	return s, append([][]float32{image, ids, mask}, targets.Inputs()...)
}

// record is the step's forward part, its losses as outputs.
func (c wholeCase) record(t *testing.T, s glip.Training) *graph.Graph {
	t.Helper()
	g, err := glip.RecordTraining(c.cfg, s)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestTinyGolden compares losses and the gradients of all weights of a small detector.
func TestTinyGolden(t *testing.T) {
	for _, c := range wholeCases(t) {
		t.Run(c.ID, func(t *testing.T) {
			s, inputs := c.inputs(t)
			g := c.record(t, s)
			weights := c.weights(t)
			var paths []string
			for _, id := range g.Params() {
				paths = append(paths, g.Nodes[id].Path)
			}
			r, err := grad.Reverse(g, glip.LossPath, paths...)
			if err != nil {
				t.Fatal(err)
			}
			out, err := cpuref.Run(t.Context(), r, weights, cpuref.Options{}, inputs...)
			if err != nil {
				t.Fatal(err)
			}
			if d := math.Abs(float64(out[0][0]) - c.Total); !(d <= 1e-5*c.Total) {
				t.Errorf("loss %g, want %g", out[0][0], c.Total)
			}
			official := c.official(t, paths, out[1:])
			for _, x := range c.Tensors {
				name, ok := strings.CutPrefix(x.Name, "grad.")
				if !ok {
					continue
				}
				got, ok := official[name]
				if !ok {
					if x.AbsMax != 0 {
						t.Errorf("no gradient of %s", name)
					}
					continue
				}
				c.near(t, x, got)
			}
		})
	}
}

// official gives gradients of the graph's weights the names and the order of elements of an
// official checkpoint: reading a checkpoint whose elements are numbers shows where each comes from.
func (c wholeCase) official(t *testing.T, paths []string, gradients [][]float32) map[string][]float32 {
	t.Helper()
	count := numbered{shapes: map[string][]int{}, first: map[string]int{}}
	total := 0
	for _, p := range glip.OfficialParams(c.cfg) {
		count.names = append(count.names, p.Name)
		count.shapes[p.Name], count.first[p.Name] = p.Shape, total
		total += graph.Shape(p.Shape).Elements()
	}
	if total >= 1<<24 {
		t.Fatal("too many weights to number them")
	}
	bound, err := glip.Bind(count, c.cfg, bind.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := make([]float32, total)
	for i, path := range paths {
		shape, _ := bound.Shape(path)
		numbers, err := bound.Tensor(path, shape)
		if err != nil {
			t.Fatal(err)
		}
		for k, n := range numbers {
			all[int(n)] = gradients[i][k]
		}
	}
	named := map[string][]float32{}
	for name, first := range count.first {
		named[name] = all[first:][:graph.Shape(count.shapes[name]).Elements()]
	}
	return named
}

// numbered is a checkpoint whose elements are numbered.
type numbered struct {
	names  []string
	shapes map[string][]int
	first  map[string]int
}

func (n numbered) Names() []string                 { return n.names }
func (n numbered) Shape(name string) ([]int, bool) { s, ok := n.shapes[name]; return s, ok }
func (n numbered) DType(string) string             { return "float32" }
func (n numbered) Path() string                    { return "numbers" }
func (n numbered) Read(name string, into []float32) error {
	if want := graph.Shape(n.shapes[name]).Elements(); len(into) != want {
		return fmt.Errorf("%s has %d elements", name, want)
	}
	for i := range into {
		into[i] = float32(n.first[name] + i)
	}
	return nil
}
