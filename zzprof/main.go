package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/glipvk/glipvk/text"
	"github.com/glipvk/glipvk/train"
	"github.com/glipvk/glipvk/vulkan"
)

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	ctx := context.Background()
	peak := 0.0
	d, err := engine.Open(engine.Options{})
	must(err)
	fmt.Println(d.Info().Name, d.Info().DriverVersion)
	peaks := func() {
		for _, s := range [][3]int{{768, 768, 768}, {1024, 1024, 1024}, {3136, 384, 96}, {784, 768, 192}, {784, 192, 768}} {
			v, err := vulkan.MatMulSpeed(ctx, d, s, vulkan.Measurement{Precision: "f32", Tuning: vulkan.Tuning{Off: true}, Budget: 150 * time.Millisecond})
			must(err)
			peak = max(peak, v)
		}
		fmt.Printf("peak %.0f GFLOP/s\n", peak)
	}
	peaks()
	t0 := time.Now()
	l, err := glipvk.LoadDetector("glip-t", glipvk.DetectorOptions{Options: glipvk.Options{Device: os.Getenv("ZZ_DEVICE"), Weights: "synthetic:8"}})
	must(err)
	mode, err := train.ParseMode(os.Getenv("ZZ_MODE"))
	must(err)
	cfg := l.Config()
	o := train.Options{Mode: mode, Frozen: -1, Clip: 1, Recipe: train.Recipe{Rate: 1e-4, LanguageRate: 1e-5, Decay: 1e-4}, Schedule: train.Schedule{Kind: train.Steps, Length: 100}}
	tr, err := train.New(ctx, l, o)
	must(err)
	p := picture.Picture{Height: 320, Width: 512, Pixels: synthetic.Picture(320, 512, 3)}
	in, err := picture.Detector{Size: picture.DetectorSize{Original: true}}.Apply(ctx, p)
	must(err)
	caption := "a cat with whiskers and two ears"
	s := dataset.Sample{Input: in, Caption: caption, Things: []dataset.Thing{
		{Box: glip.Box{X1: 30, Y1: 40, X2: 200, Y2: 300}, Label: 1, Spans: []text.Span{{Begin: 2, End: 5}}},
		{Box: glip.Box{X1: 230, Y1: 40, X2: 300, Y2: 100}, Label: 2, Spans: []text.Span{{Begin: 11, End: 19}}}}}
	for i := range 1 {
		t := time.Now()
		ls, err := tr.Step(ctx, s)
		must(err)
		fmt.Printf("step %d: %.2f s, loss %.6g, total %.1f s\n", i, time.Since(t).Seconds(), ls.Sum(), time.Since(t0).Seconds())
	}
	t := time.Now()
	list, err := tr.Profile(ctx, s)
	must(err)
	profiled := time.Since(t)
	var names []string
	for _, q := range cfg.Params() {
		if mode.Trains(q.Name, -1) {
			names = append(names, q.Name)
		}
	}
	g, err := train.RecordStep(cfg, glip.Training{Batch: 1, Height: 320, Width: 512, Tokens: glip.RoundTokens(9, 256), Objects: glip.RoundLabels(2, 0)}, names, 1, mode != "full")
	kinds := map[string]string{}
	shapes := map[string]string{}
	if err == nil {
		for _, n := range g.Nodes {
			kinds[n.Path] = graph.Kind(n.Op)
			for _, k := range n.Inputs {
				shapes[n.Path] += fmt.Sprint(g.Nodes[k].Shape, " ")
			}
			shapes[n.Path] += "-> " + fmt.Sprint(n.Shape)
		}
	}
	type row struct {
		d     time.Duration
		flops int64
		bytes int64
		n     int
	}
	table := func(title string, key func(q graph.Timing) string) {
		m := map[string]*row{}
		all := row{}
		for _, q := range list {
			k := key(q)
			if m[k] == nil {
				m[k] = &row{}
			}
			for _, r := range []*row{m[k], &all} {
				r.d += q.Duration
				r.flops += q.FLOPs
				r.bytes += q.Bytes
				r.n++
			}
		}
		var ks []string
		for k := range m {
			ks = append(ks, k)
		}
		sort.Slice(ks, func(i, j int) bool { return m[ks[i]].d > m[ks[j]].d })
		fmt.Printf("== %s: all %.1f ms, %.1f GFLOP, %.0f GFLOP/s = %.0f %% of peak, %d dispatches\n", title, float64(all.d)/1e6, float64(all.flops)/1e9, float64(all.flops)/float64(all.d), 100*float64(all.flops)/float64(all.d)/peak, all.n)
		for i, k := range ks {
			r := m[k]
			if i < 45 {
				fmt.Printf("%8.1f ms %5.1f %% %8.2f GFLOP %6.0f GFLOP/s %6.1f GB/s %5d %s\n", float64(r.d)/1e6, 100*float64(r.d)/float64(all.d), float64(r.flops)/1e9, float64(r.flops)/float64(r.d), float64(r.bytes)/float64(r.d), r.n, k)
			}
		}
	}
	fmt.Println("profiled in", profiled)
	table("direction", func(q graph.Timing) string {
		if strings.HasPrefix(q.Path, "grad.") {
			return "backward"
		}
		if strings.HasPrefix(q.Path, "clip") {
			return "clip"
		}
		return "forward"
	})
	table("kind", func(q graph.Timing) string {
		dir := "forward"
		if strings.HasPrefix(q.Path, "grad.") {
			dir = "grad"
		}
		return dir + " " + kinds[q.Path]
	})
	table("kind and kernel", func(q graph.Timing) string { return kinds[q.Path] + " / " + q.Kernel })
	for _, k := range strings.Fields(os.Getenv("ZZ_KIND")) {
		old := list
		list = nil
		for _, q := range old {
			if kinds[q.Path] == k {
				list = append(list, q)
			}
		}
		table(k, func(q graph.Timing) string { return q.Kernel + " " + shapes[q.Path] })
		list = old
	}
	if os.Getenv("ZZ_PATH") != "" {
		table("path", func(q graph.Timing) string { return kinds[q.Path] + " / " + q.Kernel + " " + q.Path })
	}
	for i := range 2 {
		t := time.Now()
		_, err := tr.Step(ctx, s)
		must(err)
		fmt.Printf("step %d: %.2f s\n", i, time.Since(t).Seconds())
	}
	peaks()
	must(tr.Close())
}
