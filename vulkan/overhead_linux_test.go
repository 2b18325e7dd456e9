package vulkan_test

import (
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/vulkan"
)

// BenchmarkOverhead measures what a run costs the thread that calls it, on a graph so small that
// the device has next to nothing to do: our own work, and as much of the driver's as it does
// on the caller's thread. To reach: less than 100 microseconds.
func BenchmarkOverhead(b *testing.B) {
	const thread = 1 // RUSAGE_THREAD of getrusage(2), which package syscall lacks
	spent := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(thread, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	d := openWith(b, func(o *engine.Options) { o.Validation = false })
	g := build(b, func(b *graph.Builder) { b.Output(b.In("y").GELU(b.In("x").Input(64))) })
	s := tensors{seed}
	p := compile(b, d, g, s, vulkan.Options{})
	in, out := given(s.inputs(g)), room(p)
	if err := p.RunInto(b.Context(), out, in...); err != nil {
		b.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ReportAllocs()
	start := spent()
	for b.Loop() {
		if err := p.RunInto(b.Context(), out, in...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((spent()-start).Nanoseconds())/float64(b.N)/1e3, "cpu-µs/op")
}
