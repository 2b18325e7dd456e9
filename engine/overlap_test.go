//go:build cgo

package engine

import (
	"errors"
	"slices"
	"testing"
	"time"
	"unsafe"
)

// TestStart keeps two commands in flight that use the same buffers: the second reads what the
// first wrote and writes what it read, and only the barriers at their ends order them.
func TestStart(t *testing.T) {
	d := openTest(t, nil)
	const n = 1 << 16
	x := newBuffer(t, d, 4*n, DeviceMemory, "x")
	y := newBuffer(t, d, 4*n, DeviceMemory, "y")
	p := must[*Pipeline](t)(d.Pipeline(t.Context(), affineSpec(0)))
	busy, work := longSpin(t, d)
	closing(t, busy)
	slow := record(t, d, RecorderOptions{}, func(r *Recorder) { r.Dispatch(work) })
	there := record(t, d, RecorderOptions{}, func(r *Recorder) { r.Dispatch(affine(p, y, x, 2, 1, n)) })
	back := record(t, d, RecorderOptions{}, func(r *Recorder) {
		r.Dispatch(affine(p, x, y, 1, 0, n))
		r.Copy(y, 0, x, 0, 4*n)
	})
	if err := d.Upload(t.Context(), x, 0, ramp(0, n)); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := slow.Start(t.Context()); err != nil { // so that nothing below is over before the next begins
		t.Fatal(err)
	}
	for _, c := range []*Commands{there, back} {
		if err := c.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	started := time.Since(start)
	if !slow.inFlight || !there.inFlight || !back.inFlight {
		t.Errorf("in flight: %t, %t, %t", slow.inFlight, there.inFlight, back.inFlight)
	}
	if err := there.Start(t.Context()); err != nil { // waits for the first, then 2(2x+1)+1
		t.Fatal(err)
	}
	waited := time.Since(start)
	if started > waited/2 {
		t.Errorf("three calls of Start took %v of the %v that the work took", started, waited)
	}
	for range 2 { // the second time there is nothing to wait for
		if err := errors.Join(there.Wait(t.Context()), back.Wait(t.Context()), slow.Wait(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]byte, 4*n)
	for b, want := range map[*Buffer]func(v float32) float32{
		x: func(v float32) float32 { return 2*v + 1 },
		y: func(v float32) float32 { return 4*v + 3 },
	} {
		if err := d.Download(t.Context(), got, b, 0); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if w := want(float32(i)); floatAt(got, i) != w {
				t.Fatalf("%s[%d] is %v, want %v", b.label, i, floatAt(got, i), w)
			}
		}
	}
}

// TestHazardAcrossSubmissions leaves out the barriers at the ends, which validation must see:
// else its silence in TestStart would mean nothing.
func TestHazardAcrossSubmissions(t *testing.T) {
	if !validated() {
		t.Skip("GLIPVK_VALIDATION=0: nobody looks")
	}
	d := openTest(t, nil)
	if resolver := must[unsafe.Pointer](t)(openLoader()); !hasInstanceExtension(resolver, validationLayer, "VK_EXT_layer_settings") {
		t.Skip("this validation layer does not look across submissions")
	}
	x := newBuffer(t, d, 256, DeviceMemory, "x")
	y := newBuffer(t, d, 256, DeviceMemory, "y")
	p := must[*Pipeline](t)(d.Pipeline(t.Context(), affineSpec(0)))
	for _, unordered := range []bool{false, true} {
		o := RecorderOptions{unordered: unordered}
		there := record(t, d, o, func(r *Recorder) { r.Dispatch(affine(p, y, x, 2, 1, 64)) })
		back := record(t, d, o, func(r *Recorder) { r.Dispatch(affine(p, x, y, 2, 1, 64)) })
		err := errors.Join(there.Start(t.Context()), back.Start(t.Context()), there.Wait(t.Context()), back.Wait(t.Context()))
		if errors.Is(err, ErrValidation) != unordered {
			t.Errorf("unordered %t: %v", unordered, err)
		}
	}
}

// TestStartFails leaves the commands usable when a submission fails, and waits for work that
// was started when they are closed.
func TestStartFails(t *testing.T) {
	broken := true
	d := openTest(t, func(o *Options) {
		o.fail = func(call string) int32 {
			if broken && call == "vkQueueSubmit" {
				return resultOutOfHostMemory
			}
			return resultSuccess
		}
	})
	x, work := longSpin(t, d)
	closing(t, x)
	c := record(t, d, RecorderOptions{}, func(r *Recorder) { r.Dispatch(work) })
	if err := c.Start(t.Context()); !errors.Is(err, ErrOutOfMemory) || c.inFlight {
		t.Errorf("%v, in flight is %t; want ErrOutOfMemory", err, c.inFlight)
	}
	if err := c.Wait(t.Context()); err != nil {
		t.Errorf("nothing to wait for: %v", err)
	}
	broken = false
	if err := c.Start(t.Context()); err != nil || !c.inFlight {
		t.Errorf("%v, in flight is %t", err, c.inFlight)
	}
	if err := c.Close(); err != nil || c.inFlight {
		t.Errorf("close during the work: %v", err)
	}
	if err := c.Start(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("start after close: %v", err)
	}
}

// light is a device without validation with commands of one dispatch that does nearly nothing.
func light(t testing.TB) *Commands {
	d := openTest(t, func(o *Options) { o.Validation = false })
	x := newBuffer(t, d, 256, DeviceMemory, "x")
	y := newBuffer(t, d, 256, DeviceMemory, "y")
	p := must[*Pipeline](t)(d.Pipeline(t.Context(), affineSpec(0)))
	c := record(t, d, RecorderOptions{}, func(r *Recorder) { r.Dispatch(affine(p, y, x, 2, 1, 64)) })
	if err := c.Run(t.Context()); err != nil { // some drivers compile in the first run
		t.Fatal(err)
	}
	return c
}

func TestRunAllocates(t *testing.T) {
	c := light(t)
	ctx := t.Context()
	var err error
	run := func() { err = errors.Join(err, c.Run(ctx)) }
	if n := testing.AllocsPerRun(100, run); n != 0 || err != nil {
		t.Errorf("Run makes %v allocations (%v), want none", n, err)
	}
	split := func() { err = errors.Join(err, c.Start(ctx), c.Wait(ctx)) }
	if n := testing.AllocsPerRun(100, split); n != 0 || err != nil {
		t.Errorf("Start and Wait make %v allocations (%v), want none", n, err)
	}
}

// BenchmarkRun runs a dispatch that does nearly nothing. own-ns/op is how much longer Run takes
// than the three calls of the driver alone, the medians of runs that alternate.
func BenchmarkRun(b *testing.B) {
	c := light(b)
	d, ctx := c.d, b.Context()
	var run, driver []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if err := c.Run(ctx); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		r := d.in.resetFence(d.vk, c.fence)
		if r == resultSuccess {
			r = d.in.submit(d.queue, c.buffer, c.fence)
		}
		if r == resultSuccess {
			r = d.in.waitFence(d.vk, c.fence, time.Second)
		}
		if r != resultSuccess {
			b.Fatal(resultName(r))
		}
		run, driver = append(run, middle.Sub(start)), append(driver, time.Since(middle))
	}
	slices.Sort(run)
	slices.Sort(driver)
	own := run[len(run)/2] - driver[len(driver)/2]
	b.ReportMetric(float64(own.Nanoseconds()), "own-ns/op")
	b.ReportMetric(float64(driver[len(driver)/2].Nanoseconds()), "driver-ns/op")
}
