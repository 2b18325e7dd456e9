package cpu_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/synthetic"
)

func TestQuick(t *testing.T) {
	g, err := swin.Record(glipT(), swin.Input{Batch: 1, Height: 224, Width: 224})
	if err != nil {
		t.Fatal(err)
	}
	src := synthetic.Weights{Seed: 7}
	x := make([]float32, 3*224*224)
	for i := range x {
		x[i] = float32(math.Sin(float64(i) * 0.01))
	}
	want, err := cpuref.Run(context.Background(), g, src, cpuref.Options{}, x)
	if err != nil {
		t.Fatal(err)
	}
	for _, ins := range cpu.Available() {
		w, err := cpu.Pack(context.Background(), g, src, cpu.PackOptions{Instructions: ins})
		if err != nil {
			t.Fatal(err)
		}
		for _, nf := range []bool{false, true} {
			p, err := cpu.Compile(g, w, cpu.Options{NoFusion: nf})
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Run(context.Background(), x)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				var d, n float64
				for j := range got[i] {
					e := float64(got[i][j] - want[i][j])
					d += e * e
					n += float64(want[i][j]) * float64(want[i][j])
				}
				fmt.Println(ins, nf, i, math.Sqrt(d/n))
			}
			st := p.Stats()
			fmt.Printf("%+v\n", st)
			if os.Getenv("PROF") != "" {
				p.Run(context.Background(), x)
				l, _ := p.Profile(context.Background(), x)
				for _, r := range l {
					fmt.Printf("%-50s %-28s %8.0f us %7.1f GF/s %6.1f GB/s\n", r.Path, r.Kernel, float64(r.Duration.Nanoseconds())/1e3, float64(r.FLOPs)/float64(r.Duration.Nanoseconds()), float64(r.Bytes)/float64(r.Duration.Nanoseconds()))
				}
			}
		}
	}
}

func BenchmarkGLIPT224(b *testing.B) {
	g, _ := swin.Record(glipT(), swin.Input{Batch: 1, Height: 224, Width: 224})
	x := make([]float32, 3*224*224)
	for _, ins := range cpu.Available() {
		b.Run(string(ins), func(b *testing.B) {
			w, err := cpu.Pack(context.Background(), g, synthetic.Weights{Seed: 7}, cpu.PackOptions{Instructions: ins})
			if err != nil {
				b.Fatal(err)
			}
			p, err := cpu.Compile(g, w, cpu.Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Run(context.Background(), x); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(p.Stats().FLOPs)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

func glipT() swin.Config {
	c, err := swin.Preset("tiny", 7, 224)
	if err != nil {
		panic(err)
	}
	c.OutIndices = []int{1, 2, 3}
	return c
}
