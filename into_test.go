package glipvk_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
)

// TestExtractInto requires the values of ExtractInput, whatever the memory held, and
// a refusal of memory made for another size.
func TestExtractInto(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		m := open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: device}})
		x := tensor(2, 128, 160, 9)
		want := extract(t, m, x)
		room, err := m.Room(t.Context(), size(2, 128, 160))
		if err != nil {
			t.Fatal(err)
		}
		for i := range room {
			for k := range room[i].Data {
				room[i].Data[k] = float32(math.NaN())
			}
		}
		if err := m.ExtractInto(t.Context(), room, x); err != nil {
			t.Fatal(err)
		}
		if !equal(room, want) {
			t.Error("ExtractInto and ExtractInput differ")
		}
		for _, wrong := range []glipvk.Features{nil, room[:2], {room[0], room[1], {Name: "stage3", Data: make([]float32, 5)}}} {
			if err := m.ExtractInto(t.Context(), wrong, x); !errors.Is(err, glipvk.ErrInput) {
				t.Errorf("memory of %d maps: got %v", len(wrong), err)
			}
		}
		if err := m.ExtractInto(t.Context(), room, tensor(1, 128, 160, 9)); !errors.Is(err, glipvk.ErrInput) {
			t.Errorf("memory of another batch: got %v", err)
		}
	})
}

// TestExtractIntoAllocatesNothing holds the steady state of a Vulkan device to its promise. Under the
// race detector, whose pools forget, it only runs; make test also runs it without.
func TestExtractIntoAllocatesNothing(t *testing.T) {
	m, err := glipvk.OpenBackbone(t.Context(), "", glipvk.BackboneOptions{Arch: nano(), Options: glipvk.Options{Device: vulkanDevice(t), Tuning: glipvk.Tuning{Off: true}}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	x := tensor(1, 128, 128, 1)
	room, err := m.Room(t.Context(), size(1, 128, 128))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	n := testing.AllocsPerRun(50, func() {
		if err := m.ExtractInto(ctx, room, x); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 && !raceDetector {
		t.Errorf("a run allocates %v times, want 0", n)
	}
}

func TestOpenDevice(t *testing.T) {
	onEach(t, func(t *testing.T, device string) {
		d, err := glipvk.OpenDevice(t.Context(), glipvk.Options{Device: device, Tuning: glipvk.Tuning{Off: true}})
		if err != nil {
			t.Fatal(err)
		}
		if i := d.Device(); i.Name == "" || i.Precision != glipvk.F32 || (i.Vulkan == nil) != (device == "cpu" || device == "reference") {
			t.Errorf("device %+v", i)
		}
		if v, err := d.Product(t.Context(), [3]int{17, 33, 65}, time.Millisecond); err != nil || !(v > 0) {
			t.Errorf("product: %v GFLOP/s, %v", v, err)
		}
		if v, err := d.Bandwidth(t.Context(), time.Millisecond); err != nil || !(v > 0) {
			t.Errorf("bandwidth: %v GB/s, %v", v, err)
		}
		if _, err := d.Product(t.Context(), [3]int{1, 0, 1}, time.Millisecond); !errors.Is(err, glipvk.ErrInput) {
			t.Errorf("an empty product: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.Product(ctx, [3]int{8, 8, 8}, time.Hour); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if _, err := d.Product(t.Context(), [3]int{1, 1, 1}, time.Millisecond); !errors.Is(err, glipvk.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
	if _, err := glipvk.OpenDevice(t.Context(), glipvk.Options{Device: "no such device"}); !errors.Is(err, glipvk.ErrInput) {
		t.Errorf("an unknown device: %v", err)
	}
}

func TestPrecision(t *testing.T) {
	for text, want := range map[string]glipvk.Precision{"": glipvk.F32, "F16": glipvk.F16, " auto ": glipvk.AutoPrecision} {
		if p, err := glipvk.ParsePrecision(text); err != nil || p != want {
			t.Errorf("%q is %v, %v, want %v", text, p, err, want)
		}
	}
	if _, err := glipvk.OpenBackbone(t.Context(), "GLIP-T", glipvk.BackboneOptions{Options: glipvk.Options{Device: "cpu", Precision: "f64"}}); !errors.Is(err, glipvk.ErrInput) {
		t.Errorf("f64: %v", err)
	}
	m := open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: "cpu", Precision: glipvk.F16}})
	if d := m.Device(); d.Precision != glipvk.F32 || d.PrecisionReason == "" {
		t.Errorf("f16 on the CPU: %+v, want f32 and the reason", d)
	}
	x := tensor(1, 128, 128, 1)
	list, err := m.Verify(t.Context(), x, extract(t, m, x))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list { // the bounds are those of what is in use, not of what was asked for
		if d.Allowed != glipvk.F32.Bounds() || !d.OK() {
			t.Errorf("%s: %+v", d.Name, d)
		}
	}
}

// TestPrecisionOnDevice asks the device for 16 bits: either it does that, within its
// bounds, or it says why not. The model is GLIP-T: in the small ones rounding the
// weights alone moves maps by more than f16 is allowed, see [glipvk.Precision.Bounds].
func TestPrecisionOnDevice(t *testing.T) {
	asksReference(t)
	m, err := glipvk.OpenBackbone(t.Context(), "GLIP-T", glipvk.BackboneOptions{Options: glipvk.Options{Device: vulkanDevice(t), Precision: glipvk.F16, Tuning: glipvk.Tuning{Off: true}}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	d := m.Device()
	if (d.Precision == glipvk.F16) == (d.PrecisionReason != "") {
		t.Errorf("precision %q because %q", d.Precision, d.PrecisionReason)
	}
	x := tensor(1, 224, 224, 21)
	list, err := m.Verify(t.Context(), x, extract(t, m, x))
	if err != nil {
		t.Fatal(err)
	}
	for _, diff := range list {
		if !diff.OK() || diff.Allowed != d.Precision.Bounds() {
			t.Errorf("%s in %s: %+v", diff.Name, d.Precision, diff)
		}
		t.Logf("%s in %s: relative L2 %.3g, largest difference %.3g of %.3g", diff.Name, d.Precision, diff.RelativeL2, diff.MaxAbs, diff.AbsMax)
	}
}

func TestBoundsSeparatePrecisions(t *testing.T) {
	d := glipvk.Difference{AbsMax: 1, MaxAbs: 3e-3, RelativeL2: 1e-3}
	if d.OK() {
		t.Error("an f16 difference passes without bounds of f16")
	}
	if d.Allowed = glipvk.F16.Bounds(); !d.OK() {
		t.Error("an f16 difference fails the bounds of f16")
	}
	if d.RelativeL2 = math.NaN(); d.OK() {
		t.Error("NaN passes")
	}
}

// TestTuning requires that candidates are measured once and kept, that one of each
// product wins, and that the maps do not care.
func TestTuning(t *testing.T) {
	device, dir := vulkanDevice(t), t.TempDir()
	x := tensor(1, 128, 128, 21)
	want := extract(t, open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: device}}), x)
	for round := range 2 {
		won, tried := map[string]int{}, 0
		m := open(t, glipvk.BackboneOptions{Options: glipvk.Options{Device: device, Tuning: glipvk.Tuning{Dir: dir, Budget: time.Hour, Observe: func(x glipvk.Trial) {
			tried++
			if won[x.Shape] += 0; x.Won {
				won[x.Shape]++
			}
			if x.Candidate == "" || x.Duration <= 0 || !(x.GFLOPS > 0) {
				t.Errorf("trial %+v", x)
			}
		}}}})
		if !near(extract(t, m, x), want) {
			t.Error("tuned kernels give other maps")
		}
		for shape, n := range won {
			if n != 1 {
				t.Errorf("%d candidates won for %s", n, shape)
			}
		}
		if (tried > 0) != (round == 0) {
			t.Errorf("round %d: %d candidates were measured", round, tried)
		}
	}
}
