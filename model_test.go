package glipvk_test

import (
	"context"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/internal/compare"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/synthetic"
)

// nano is the architecture of the small checkpoints in testdata.
func nano() *swin.Config {
	return &swin.Config{
		EmbedDims: 8, Depths: []int{2, 2, 2, 2}, NumHeads: []int{1, 2, 4, 8}, WindowSize: 4, OutIndices: []int{1, 2, 3},
		ImageSize: 128, PatchSize: 4, MLPRatio: 4, Eps: 1e-5, QKVBias: true,
	}
}

// open opens a small model and closes it at the test's end, when nothing of it
// may be left on the device.
func open(t *testing.T, o glipvk.BackboneOptions) *glipvk.Backbone {
	t.Helper()
	if o.Arch == nil {
		o.Arch = nano()
	}
	if o.Weights == "" {
		o.Weights = "synthetic:77"
	}
	o.Validation = o.Device != "cpu" && o.Device != "reference"
	o.Tuning.Off = o.Tuning.Dir == "" // TestTuning tunes
	m, err := glipvk.OpenBackbone(t.Context(), "", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if m.Executor().Live() != 0 {
			t.Errorf("%d Vulkan objects are left after Close", m.Executor().Live())
		}
	})
	return m
}

// onEach runs a test on the CPU reference, on the CPU and on a Vulkan device. With the race detector the reference, which takes it minutes, is left
// to the run of make test without it.
func onEach(t *testing.T, f func(t *testing.T, device string)) {
	if !raceDetector {
		t.Run("reference", func(t *testing.T) { f(t, "reference") })
	}
	t.Run("cpu", func(t *testing.T) { f(t, "cpu") })
	t.Run("vulkan", func(t *testing.T) {
		f(t, vulkanDevice(t))
	})
}

// asksReference skips a test that has the reference compute what takes it minutes with the race detector; make test runs it without too.
func asksReference(t *testing.T) {
	t.Helper()
	if raceDetector {
		t.Skip("the reference is slow with the race detector: make test runs this without it too")
	}
}

// vulkanDevice skips the test where there is no device with validation layers; with
// REQUIRE_VULKAN=1 it fails there.
func vulkanDevice(t *testing.T) string {
	t.Helper()
	d, err := engine.Open(engine.Options{Validation: true, NoCache: true})
	if err == nil {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		return "vulkan"
	}
	if os.Getenv("REQUIRE_VULKAN") == "1" || !errors.Is(err, engine.ErrNoDevice) && !errors.Is(err, engine.ErrUnsupported) {
		t.Fatal(err)
	}
	t.Skip(err)
	return ""
}

// tensor is a synthetic input.
func tensor(batch, height, width int, seed uint64) picture.Input {
	return picture.Input{Batch: batch, Height: height, Width: width, Data: synthetic.Input(batch, height, width, seed)}
}

// size is that of a batch of pictures.
func size(batch, height, width int) glipvk.InputSize {
	return glipvk.InputSize{Batch: batch, Height: height, Width: width}
}

// extract requires success.
func extract(t *testing.T, m *glipvk.Backbone, x picture.Input) glipvk.Features {
	t.Helper()
	f, err := m.ExtractInput(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// equal compares bit for bit.
func equal(a, b glipvk.Features) bool {
	return slices.EqualFunc(a, b, func(x, y glipvk.Map) bool {
		return x.Name == y.Name && slices.Equal(x.Shape, y.Shape) && slices.EqualFunc(x.Data, y.Data, func(u, v float32) bool {
			return math.Float32bits(u) == math.Float32bits(v)
		})
	})
}

// TestGolden requires PyTorch's features from the front door.
func TestGolden(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		c := difftest.Committed(t).Case(t, "nano-128")
		m := open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: device}})
		f := extract(t, m, tensor(1, 128, 128, 21))
		for i, name := range []string{"out.1", "out.2", "out.3"} {
			tap, _ := c.Tap(name)
			want, err := c.Stored(tap)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(f[i].Shape, tap.Shape) || f[i].Name != "stage"+name[4:] {
				t.Errorf("map %d is %s %v, want %s of %v", i, f[i].Name, f[i].Shape, name, tap.Shape)
			}
			if r := compare.Values(tap.Name, f[i].Data, want).Within(tap.Tolerance()); !r.OK() {
				t.Errorf("%s: %v", name, r)
			}
		}
	})
}

// TestGoroutines requires that eight callers with several sizes, more than the
// cache holds, get what one caller gets, bit for bit.
func TestGoroutines(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		m := open(t, glipvk.BackboneOptions{PadSmallMap: true, Options: glipvk.Options{Device: device, Programs: 2}})
		inputs := []picture.Input{tensor(1, 64, 64, 1), tensor(2, 48, 33, 2), tensor(1, 60, 72, 3)}
		var want []glipvk.Features
		for _, x := range inputs {
			want = append(want, extract(t, m, x))
		}
		var group sync.WaitGroup
		for worker := range 8 {
			group.Go(func() {
				for round := range 2 {
					i := (worker + round) % len(inputs)
					got, err := m.ExtractInput(t.Context(), inputs[i])
					if err != nil {
						t.Errorf("worker %d: %v", worker, err)
					} else if !equal(got, want[i]) {
						t.Errorf("worker %d: size %d gives another result than alone", worker, i)
					}
				}
			})
		}
		group.Wait()
	})
}

// TestBatch requires that a picture's features do not depend on its neighbours.
func TestBatch(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		m := open(t, glipvk.BackboneOptions{PadSmallMap: true, Options: glipvk.Options{Device: device}})
		pair := extract(t, m, tensor(2, 61, 70, 5))
		for b := range 2 {
			alone := extract(t, m, tensor(1, 61, 70, 5+uint64(b)))
			for i := range alone {
				n := len(alone[i].Data)
				r := compare.Values(pair[i].Name, pair[i].Data[b*n:][:n], alone[i].Data).Within(compare.Bounds{RelativeL2: 1e-6, Absolute: 1e-5})
				if !r.OK() {
					t.Errorf("picture %d, %s: %v", b, alone[i].Name, r)
				}
			}
		}
	})
}

func TestCancel(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		m := open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: device}})
		x := tensor(1, 160, 128, 1)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := m.ExtractInput(ctx, x); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before: got %v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		begin := time.Now()
		if _, err := m.ExtractInput(ctx, tensor(1, 320, 320, 1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cancelled during the run: got %v", err)
		}
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("a cancelled call took %v", d)
		}
		extract(t, m, x)
		if _, err := glipvk.OpenBackbone(ctx, "GLIP-T", glipvk.BackboneOptions{Options: glipvk.Options{Device: device}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Open with an ended context: got %v", err)
		}
	})
}

func TestClose(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		m, err := glipvk.OpenBackbone(t.Context(), "", glipvk.BackboneOptions{Arch: nano(), Options: glipvk.Options{Device: device}})
		if err != nil {
			t.Fatal(err)
		}
		x := tensor(1, 128, 128, 1)
		var group sync.WaitGroup
		for range 4 { // each either finishes or is told that the model is closed
			group.Go(func() {
				if _, err := m.ExtractInput(t.Context(), x); err != nil && !errors.Is(err, glipvk.ErrClosed) {
					t.Errorf("during Close: %v", err)
				}
			})
		}
		for range 2 {
			if err := m.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		group.Wait()
		if m.Executor().Live() != 0 {
			t.Errorf("%d Vulkan objects are left", m.Executor().Live())
		}
		_, _, taps := m.Taps(t.Context(), x, "norm1")
		_, extracted := m.Extract(t.Context(), picture.Picture{Height: 1, Width: 1, Pixels: make([]byte, 3)})
		_, verified := m.Verify(t.Context(), x, make(glipvk.Features, 3))
		_, profiled := m.Profile(t.Context(), x)
		_, peak := m.Executor().Peak(t.Context(), time.Millisecond)
		for i, err := range []error{taps, extracted, verified, profiled, peak} {
			if !errors.Is(err, glipvk.ErrClosed) {
				t.Errorf("call %d after Close: got %v", i, err)
			}
		}
	})
}

// TestVerify requires that right features pass and that a small change does not.
func TestVerify(t *testing.T) {
	asksReference(t)
	onEach(t, func(t *testing.T, device string) {
		m := open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: device}})
		x := tensor(1, 128, 128, 21)
		f := extract(t, m, x)
		check := func(want ...bool) {
			t.Helper()
			list, err := m.Verify(t.Context(), x, f)
			if err != nil {
				t.Fatal(err)
			}
			for i, d := range list {
				if d.OK() != want[i] {
					t.Errorf("%s is OK: %v, want %v (%+v)", d.Name, d.OK(), want[i], d)
				}
			}
		}
		check(true, true, true)
		f[0].Data[17] += 0.01
		for i := range f[1].Data {
			f[1].Data[i] *= 1.0002
		}
		f[2].Data[3] = float32(math.NaN())
		check(false, false, false)
		if _, err := m.Verify(t.Context(), x, f[:2]); !errors.Is(err, glipvk.ErrInput) {
			t.Errorf("two of three maps: got %v", err)
		}
	})
}

// TestVerifyRejectsAnotherEps requires the bounds to see an eps ten times too large.
func TestVerifyRejectsAnotherEps(t *testing.T) {
	cfg, err := difftest.Committed(t).Case(t, "micro-w4-97x101").Config()
	if err != nil {
		t.Fatal(err)
	}
	x := tensor(1, 97, 101, 2)
	m := open(t, glipvk.BackboneOptions{Arch: &cfg, Options: glipvk.Options{Device: "cpu", Weights: "synthetic:12"}})
	wrong := cfg
	wrong.Eps = 1e-4
	f := extract(t, open(t, glipvk.BackboneOptions{Arch: &wrong, Options: glipvk.Options{Device: "cpu", Weights: "synthetic:12"}}), x)
	list, err := m.Verify(t.Context(), x, f)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		if d.OK() {
			t.Errorf("%s: eps 1e-4 passes with relative L2 %g", d.Name, d.RelativeL2)
		}
	}
}

func TestTaps(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		m := open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: device}})
		x := tensor(2, 128, 128, 21)
		f, taps, err := m.Taps(t.Context(), x, "stages.0.blocks.1.attn.mask", "stages.*.blocks.0", "stages.0.blocks.0")
		if err != nil {
			t.Fatal(err)
		}
		if !near(f, extract(t, m, x)) { // kept values are not joined away: sums come in another order
			t.Error("features with taps differ from those without")
		}
		var got []string
		for _, tap := range taps {
			got = append(got, tap.Name)
			if shared := strings.HasSuffix(tap.Name, "mask"); tap.Shared != shared {
				t.Errorf("%s is shared: %v, want %v", tap.Name, tap.Shared, shared)
			}
		}
		want := []string{"stages.0.blocks.0", "stages.0.blocks.1.attn.mask", "stages.1.blocks.0", "stages.2.blocks.0", "stages.3.blocks.0"}
		if !slices.Equal(got, want) {
			t.Errorf("taps %v, want %v", got, want)
		}
		for _, glob := range []string{"nothing.*", "[", ""} {
			if _, _, err := m.Taps(t.Context(), x, glob); !errors.Is(err, glipvk.ErrInput) {
				t.Errorf("glob %q: got %v", glob, err)
			}
		}
	})
}

func TestProfile(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		m := open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: device}})
		timings, err := m.Profile(t.Context(), tensor(1, 128, 128, 1))
		if err != nil {
			t.Fatal(err)
		}
		g, err := m.Graph(size(1, 128, 128))
		if err != nil {
			t.Fatal(err)
		}
		var flops int64
		for _, timing := range timings {
			flops += timing.FLOPs
			if timing.Duration < 0 || timing.Kernel == "" {
				t.Errorf("odd timing %+v", timing)
			}
		}
		if want := 2 * g.Count().MultiplyAdds; flops != want {
			t.Errorf("the profile counts %d operations, the graph %d", flops, want)
		}
		s, err := m.Stats(t.Context(), size(1, 128, 128))
		if err != nil || s.FLOPs != flops || s.Dispatches == 0 || s.BytesMoved == 0 {
			t.Errorf("stats %+v, error %v", s, err)
		}
		if peak, err := m.Executor().Peak(t.Context(), 10*time.Millisecond); err != nil || !(peak > 0) {
			t.Errorf("peak %v GFLOP/s, error %v", peak, err)
		}
	})
}
