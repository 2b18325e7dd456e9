package cpuref_test

import (
	"context"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/synthetic"
)

// BenchmarkTiny224 is GLIP-T's backbone on one picture.
func BenchmarkTiny224(b *testing.B) {
	cfg, err := swin.Preset("tiny", 7, 224)
	if err != nil {
		b.Fatal(err)
	}
	g, err := swin.Record(cfg, swin.Input{Batch: 1, Height: 224, Width: 224})
	if err != nil {
		b.Fatal(err)
	}
	pixels := synthetic.Input(1, 224, 224, 7)
	for b.Loop() {
		if _, err := cpuref.Run(context.Background(), g, synthetic.Weights{Seed: 1}, cpuref.Options{}, pixels); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(g.Count().MultiplyAdds)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gmadd/s")
}
