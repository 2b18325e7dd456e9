package glipvk_test

import (
	"iter"
	"os"
	"path/filepath"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
)

// BenchmarkPictures compares ways to take many picture files through a small model,
// whose computing takes about as long as reading and resizing: what a graphics card
// makes of GLIP-T. An operation is one picture.
func BenchmarkPictures(b *testing.B) {
	for _, device := range []string{"vulkan", "cpu"} {
		m, err := glipvk.OpenBackbone(b.Context(), "", glipvk.BackboneOptions{Arch: nano(), Options: glipvk.Options{Device: device, Tuning: glipvk.Tuning{Off: true}}})
		if err != nil {
			b.Fatal(err)
		}
		if device == "auto" && m.Device().Vulkan == nil && os.Getenv("REQUIRE_VULKAN") == "1" {
			b.Fatal(m.Device().Fallback)
		}
		warm(b, m, 1)
		path := filepath.Join("testdata", "pictures", "chelsea.png")
		b.Run("device="+device+"/one-by-one", func(b *testing.B) {
			for b.Loop() {
				p, err := picture.Open(b.Context(), path, picture.Limits{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := m.Extract(b.Context(), p); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
		b.Run("device="+device+"/stream/batch=1", func(b *testing.B) { benchmarkStream(b, m, path, 1) })
		b.Run("device="+device+"/stream/batch=8", func(b *testing.B) { benchmarkStream(b, m, path, 8) })
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkStream streams one file b.N times, or a few times more to fill the last batch.
func benchmarkStream(b *testing.B, m *glipvk.Backbone, path string, batch int) {
	warm(b, m, batch)
	var files iter.Seq[glipvk.Load] = func(yield func(glipvk.Load) bool) {
		for range (b.N + batch - 1) / batch * batch {
			for load := range m.Files(path) {
				if !yield(load) {
					return
				}
			}
		}
	}
	b.ResetTimer()
	for _, err := range m.Stream(b.Context(), files, glipvk.StreamOptions{Batch: batch}) {
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
}

// warm makes the program for a batch and runs it once: software drivers compile then.
func warm(b *testing.B, m *glipvk.Backbone, batch int) {
	side := m.Info().Height
	if _, err := m.ExtractInput(b.Context(), tensor(batch, side, side, 1)); err != nil {
		b.Fatal(err)
	}
}
