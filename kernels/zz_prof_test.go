package kernels_test

import (
	"fmt"
	"os"
	"sort"
	"syscall"
	"testing"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
)

func cpu() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func prof(t *testing.T, name string, s tensors, record func(b *graph.Builder)) {
	if f := os.Getenv("GLIPVK_ONLY"); f != "" && f != name {
		return
	}
	o := options()
	o.Validation = false
	d, err := engine.Open(o)
	need(t, err)
	defer d.Close()
	g := build(t, record)
	p := compile(t, d, g, s, kernels.Options{})
	in := s.inputs(g)
	out, err := p.Run(t.Context(), in...)
	if err != nil {
		t.Fatal(err)
	}
	best := time.Duration(1 << 62)
	wall := best
	for range 4 {
		c, w := cpu(), time.Now()
		if err := p.RunInto(t.Context(), out, in...); err != nil {
			t.Fatal(err)
		}
		best = min(best, cpu()-c)
		wall = min(wall, time.Since(w))
	}
	f := float64(p.Stats().FLOPs)
	fmt.Printf("%-28s cpu %8.1f ms %6.2f GFLOP/cpu-s   wall %8.1f ms %6.1f GFLOP/s\n", name, best.Seconds()*1e3, f/best.Seconds()/1e9, wall.Seconds()*1e3, f/wall.Seconds()/1e9)
	if os.Getenv("GLIPVK_PROFILE") != "" {
		list, err := p.Profile(t.Context(), in...)
		if err != nil {
			t.Fatal(err)
		}
		sum := map[string]time.Duration{}
		for _, x := range list {
			sum[x.Kernel] += x.Duration
		}
		var keys []string
		for k := range sum {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			fmt.Printf("    %-30s %8.1f ms\n", k, sum[k].Seconds()*1e3)
		}
	}
	p.Close()
}

func TestProf(t *testing.T) {
	if os.Getenv("GLIPVK_PROF") == "" {
		t.Skip()
	}
	u := tensors{uniform, seed}
	o := tensors{offsets, seed}
	set := os.Getenv("GLIPVK_PROF")
	if set == "conv" || set == "all" {
		prof(t, "linear", u, func(b *graph.Builder) {
			b.Output(b.In("y").Linear(b.In("x").Input(16800, 2304), 256, graph.WithBias))
		})
		prof(t, "conv", u, convCase{1, 100, 168, 256, 256, 3, 1, 1, 0, 0, false}.record)
		prof(t, "offset", u, convCase{1, 100, 168, 256, 27, 3, 1, 1, 0, 0, false}.record)
		prof(t, "deform", o, convCase{1, 100, 168, 256, 256, 3, 1, 1, 100, 168, false}.record)
		prof(t, "conv2", u, convCase{1, 100, 168, 256, 256, 3, 2, 1, 0, 0, false}.record)
		prof(t, "deform.up", o, convCase{1, 50, 84, 256, 256, 3, 1, 1, 100, 168, false}.record)
		prof(t, "fpn", u, convCase{1, 100, 168, 192, 256, 1, 1, 0, 0, 0, false}.record)
	}
	if set == "cross" || set == "all" {
		const s, c = 22400, 256
		for _, tokens := range []int{20, 256} {
			n := 8 * tokens
			prof(t, fmt.Sprint("linear", n), u, func(b *graph.Builder) {
				b.Output(b.In("y").Linear(b.In("x").Input(s, c), n, graph.WithBias))
			})
			prof(t, fmt.Sprint("scores", n), u, func(b *graph.Builder) {
				b.Output(b.In("y").CrossScores(b.In("v").Input(1, s, c), b.In("k").Input(1, n, c), graph.CrossScores{Heads: 1, Scale: 1}, b.In("bias").Input(n)))
			})
			prof(t, fmt.Sprint("positions", n), u, func(b *graph.Builder) {
				b.Output(b.In("y").CrossContext(b.In("p").Input(1, 1, s, n), b.In("u").Input(1, n, c), 1, b.In("bias").Input(c)))
			})
			prof(t, fmt.Sprint("tokens", n), u, func(b *graph.Builder) {
				b.Output(b.In("y").CrossContext(b.In("q").Input(1, 1, n, s), b.In("v").Input(1, s, c), 1))
			})
			prof(t, fmt.Sprint("logits", tokens), u, func(b *graph.Builder) {
				w := graph.TokenWeights{BiasLang: b.Param("bias_lang", 768), Bias0: b.Param("bias0", 1), LogScale: b.Param("log_scale", 1)}
				b.Output(b.In("y").TokenLogits(b.In("x").Input(1, s, c), b.In("p").Input(1, tokens, c), b.In("e").Input(1, tokens, 768), w, graph.TokenLogits{Limit: 50000}))
			})
		}
	}
}
