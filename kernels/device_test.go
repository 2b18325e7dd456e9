package kernels_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/compare"
	"github.com/glipvk/glipvk/kernels"
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

// fill gives a value its elements; path is that of the input or weight.
type fill func(rng *rand.Rand, path string, data []float32)

// uniform fills with numbers from -1 to 1.
func uniform(rng *rand.Rand, _ string, data []float32) {
	for i := range data {
		data[i] = 2*rng.Float32() - 1
	}
}

// ramp fills with 0, 1, 2, ..., which shows where an element came from.
func ramp(_ *rand.Rand, _ string, data []float32) {
	for i := range data {
		data[i] = float32(i)
	}
}

// normal fills with the given mean and standard deviation.
func normal(mean, std float64) fill {
	return func(rng *rand.Rand, _ string, data []float32) {
		for i := range data {
			data[i] = float32(mean + std*rng.NormFloat64())
		}
	}
}

// tensors are the inputs and weights of a graph for a test, the same for the same seed.
type tensors struct {
	fill fill
	seed uint64
}

// Tensor implements [vulkan.Source] and the oracle's interface.
func (s tensors) Tensor(name string, shape []int) ([]float32, error) {
	h := fnv.New64a()
	h.Write([]byte(name))
	data := make([]float32, graph.Shape(shape).Elements())
	s.fill(rand.New(rand.NewPCG(s.seed, h.Sum64())), name, data)
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

// oracle computes the outputs and the kept values on package cpuref.
func oracle(t testing.TB, g *graph.Graph, s tensors, keep ...graph.ID) [][]float32 {
	t.Helper()
	values := map[graph.ID][]float32{}
	o := cpuref.Options{Observe: func(id graph.ID, _ graph.Node, data []float32) { values[id] = data }}
	want, err := cpuref.Run(context.Background(), g, s, o, s.inputs(g)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range keep {
		want = append(want, values[id])
	}
	return want
}

// compile uploads the weights and compiles; both are closed at the end of the test.
// Nothing is tuned: the tiles are the same in every run.
func compile(t testing.TB, d *engine.Device, g *graph.Graph, s vulkan.Source, o vulkan.Options) *vulkan.Program {
	t.Helper()
	return compileAs(t, d, g, s, vulkan.UploadOptions{}, o)
}

// compileAs is compile with weights stored in a way of the caller's.
func compileAs(t testing.TB, d *engine.Device, g *graph.Graph, s vulkan.Source, u vulkan.UploadOptions, o vulkan.Options) *vulkan.Program {
	t.Helper()
	ctx := context.Background()
	w, err := vulkan.Upload(ctx, d, g, s, u)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, w)
	o.Tuning.Off, o.Poison = true, true
	p, err := vulkan.Compile(ctx, d, g, w, o)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, p)
	return p
}

// run computes once; an arena begins full of NaN.
func run(t testing.TB, p *vulkan.Program, inputs ...[]float32) [][]float32 {
	t.Helper()
	got := room(p)
	if err := p.RunInto(t.Context(), got, given(inputs)...); err != nil {
		t.Fatal(err)
	}
	return got
}

// room is memory for the results of a program.
func room(p *vulkan.Program) [][]float32 {
	var list [][]float32
	for _, r := range p.Plan().Results {
		list = append(list, make([]float32, r.Bytes/4))
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

// limited are options that pretend to limits below the device's.
func limited(o vulkan.Options, change func(*engine.Caps), d *engine.Device) vulkan.Options {
	caps := d.Info().Caps
	change(&caps)
	o.Caps, o.Poison = &caps, true
	return o
}

// styled are options that take one style whatever the device.
func styled(u vulkan.UploadOptions, s kernels.Style) vulkan.UploadOptions {
	u.Layout = &kernels.Layout{Style: s, Precision: cmp.Or(u.Precision, kernels.F32)}
	return u
}

// refuses is why a device cannot be given a variant, nil if it can.
func refuses(info engine.Info, variant string) error {
	_, err := kernels.StyleOf(info, variant)
	return err
}

// bound is what an operation may be off by: each element by each times its own
// magnitude plus rms times the root mean square of the value, and the whole by l2 in
// relative L2 norm. The zero bound demands equality.
type bound struct{ each, rms, l2 float64 }

// ulp is the distance of 1 to the next float32.
const ulp = 1.0 / (1 << 23)

// check compares: length, NaN and infinities, relative L2, then element by element.
func (b bound) check(got, want []float32) error {
	report := compare.Values("value", got, want).Within(compare.Bounds{RelativeL2: b.l2, Absolute: math.Inf(1)})
	if !report.OK() {
		return errors.New(report.String())
	}
	rms := rootMeanSquare(want)
	for i, w := range want {
		if g := float64(got[i]); finite(float64(w)) && !(math.Abs(g-float64(w)) <= b.each*math.Abs(float64(w))+b.rms*rms) {
			return fmt.Errorf("element %d of %d: got %v, want %v, off by %.3g (bound %.3g of itself, %.3g of the root mean square %.3g); relative L2 is %.3g",
				i, len(want), got[i], w, math.Abs(g-float64(w)), b.each, b.rms, rms, report.RelativeL2)
		}
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// rootMeanSquare of the finite elements.
func rootMeanSquare(x []float32) float64 {
	sum, n := 0.0, 0
	for _, v := range x {
		if f := float64(v); finite(f) {
			sum, n = sum+f*f, n+1
		}
	}
	return math.Sqrt(sum / max(float64(n), 1))
}

// same requires equality bit by bit, NaN being equal to NaN.
func same(t testing.TB, what string, got, want [][]float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		if err := (bound{}).check(got[i], want[i]); err != nil {
			t.Errorf("%s: value %d: %v", what, i, err)
		}
	}
}
