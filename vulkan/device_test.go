package vulkan_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/compare"
	"github.com/glipvk/glipvk/vulkan"
)

// shared is the one device of the tests, opened at its first use: software drivers
// compile each pipeline for long, and pipelines belong to a device.
var shared = sync.OnceValues(func() (*engine.Device, error) { return engine.Open(options()) })

func options() engine.Options {
	return engine.Options{Device: os.Getenv("GLIPVK_DEVICE"), Validation: os.Getenv("GLIPVK_VALIDATION") != "0", NoCache: true}
}

// TestMain closes the shared device and requires that nothing is left of it and that
// validation had nothing to say.
func TestMain(m *testing.M) {
	code := m.Run()
	if d, err := shared(); err == nil {
		if err := d.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "closing the shared device:", err)
			code = 1
		}
		if n := d.Live(); n != 0 {
			fmt.Fprintln(os.Stderr, n, "objects are left:", d.LiveByKind())
			code = 1
		}
	}
	os.Exit(code)
}

// device returns the shared device. Without one the test is skipped, unless
// REQUIRE_VULKAN is 1.
func device(t testing.TB) *engine.Device {
	t.Helper()
	d, err := shared()
	need(t, err)
	return d
}

// openWith opens a device of the test's own.
func openWith(t testing.TB, change func(o *engine.Options)) *engine.Device {
	t.Helper()
	o := options()
	change(&o)
	d, err := engine.Open(o)
	need(t, err)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if n := d.Live(); n != 0 {
			t.Errorf("%d objects are left: %v", n, d.LiveByKind())
		}
	})
	return d
}

func need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("REQUIRE_VULKAN") != "1" && (errors.Is(err, engine.ErrNoDevice) || errors.Is(err, engine.ErrUnsupported)):
		t.Skipf("needs a Vulkan device and the validation layer: %v", err)
	default:
		t.Fatal(err)
	}
}

// closing closes c at the end of the test and requires that there is no error.
func closing(t testing.TB, c interface{ Close() error }) {
	t.Helper()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// build records a graph.
func build(t testing.TB, record func(b *graph.Builder)) *graph.Graph {
	t.Helper()
	b := graph.NewBuilder()
	record(b)
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// seed of weights and inputs; a failure prints it.
const seed = 1

// tensors are the inputs and weights of a graph for a test, from -1 to 1, the same for the same seed.
type tensors struct{ seed uint64 }

// Tensor implements [vulkan.Source] and the oracle's interface.
func (s tensors) Tensor(name string, shape []int) ([]float32, error) {
	h := fnv.New64a()
	h.Write([]byte(name))
	rng := rand.New(rand.NewPCG(s.seed, h.Sum64()))
	data := make([]float32, graph.Shape(shape).Elements())
	for i := range data {
		data[i] = 2*rng.Float32() - 1
	}
	return data, nil
}

// inputs are those of a graph.
func (s tensors) inputs(g *graph.Graph) [][]float32 {
	var list [][]float32
	for _, id := range g.Inputs() {
		data, _ := s.Tensor(g.Nodes[id].Path, g.Nodes[id].Shape)
		list = append(list, data)
	}
	return list
}

// oracle computes the outputs on package cpuref.
func oracle(t testing.TB, g *graph.Graph, s tensors) [][]float32 {
	t.Helper()
	want, err := cpuref.Run(context.Background(), g, s, cpuref.Options{}, s.inputs(g)...)
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// compile uploads the weights and compiles; both are closed at the end of the test.
// Nothing is tuned: the tiles are the same in every run.
func compile(t testing.TB, d *engine.Device, g *graph.Graph, s vulkan.Source, o vulkan.Options) *vulkan.Program {
	t.Helper()
	return program(t, d, g, upload(t, d, g, s, vulkan.UploadOptions{}), o)
}

// upload brings weights to the device until the end of the test.
func upload(t testing.TB, d *engine.Device, g *graph.Graph, s vulkan.Source, o vulkan.UploadOptions) *vulkan.Weights {
	t.Helper()
	w, err := vulkan.Upload(t.Context(), d, g, s, o)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, w)
	return w
}

// program compiles for weights, without tuning.
func program(t testing.TB, d *engine.Device, g *graph.Graph, w *vulkan.Weights, o vulkan.Options) *vulkan.Program {
	t.Helper()
	o.Tuning.Off = true
	p, err := vulkan.Compile(t.Context(), d, g, w, o)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, p)
	return p
}

// run computes once.
func run(t testing.TB, p *vulkan.Program, inputs ...[]float32) [][]float32 {
	t.Helper()
	got := room(p)
	if err := p.RunInto(t.Context(), got, given(inputs)...); err != nil {
		t.Fatal(err)
	}
	return got
}

// room is memory for the results of a program, full of NaN.
func room(p *vulkan.Program) [][]float32 {
	var list [][]float32
	for _, r := range p.Plan().Results {
		list = append(list, slices.Repeat([]float32{float32(math.NaN())}, int(r.Bytes/4)))
	}
	return list
}

// given are inputs of the host.
func given(data [][]float32) []vulkan.Input {
	list := make([]vulkan.Input, len(data))
	for i, x := range data {
		list[i].Host = x
	}
	return list
}

// near requires results within float32 roundings of a few products of others.
func near(t testing.TB, what string, got, want [][]float32) {
	t.Helper()
	for i := range want {
		if r := compare.Values(what, got[i], want[i]).Within(compare.Bounds{RelativeL2: 1e-5, Absolute: 1e-2}); !r.OK() {
			t.Errorf("%s: value %d: %v", what, i, r)
		}
	}
}

// same requires equality bit by bit, NaN being equal to NaN.
func same(t testing.TB, what string, got, want [][]float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		equal := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
		if !slices.EqualFunc(got[i], want[i], equal) {
			t.Errorf("%s: value %d differs", what, i)
		}
	}
}
