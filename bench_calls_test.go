package glipvk_test

import (
	"cmp"
	"os"
	"path/filepath"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
)

// benchmarked opens a detector on the device that GLIPVK_BENCH_DEVICE names, else the CPU, and looks at a picture of the size
// that is usual for it.
func benchmarked(b *testing.B, name string, o glipvk.DetectorOptions, p picture.Picture) (*glipvk.Detector, *glipvk.Sight) {
	b.Helper()
	o.Device = cmp.Or(os.Getenv("GLIPVK_BENCH_DEVICE"), "cpu")
	d, err := glipvk.OpenDetector(b.Context(), name, o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	s, err := d.Look(b.Context(), preprocess(b, d, p))
	if err != nil {
		b.Fatal(err)
	}
	return d, s
}

// benchmarkCalls measures a question about a picture that is known: boxes, word maps, both with a new caption each time,
// which is what typing makes, and boxes of several questions in one run.
func benchmarkCalls(b *testing.B, d *glipvk.Detector, s *glipvk.Sight) {
	ctx := b.Context()
	words := []string{"red", "small", "big", "blue", "green", "old", "new"}
	asked := 0
	next := func() glipvk.Query { // of one length, and not the last one
		asked++
		return glipvk.Query{Caption: "a " + words[asked%7] + " apple and two " + words[asked/7%7] + " dogs", Phrases: []string{"apple", "dogs"}}
	}
	same := glipvk.Query{Caption: "a red apple and two dogs", Phrases: []string{"apple", "dogs"}}
	run := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			if err := f(); err != nil { // makes programs
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(1e3*b.Elapsed().Seconds()/float64(b.N), "ms/op")
		})
	}
	boxes := func(q glipvk.Query) error { _, err := s.Detect(ctx, q); return err }
	maps := func(q glipvk.Query) error { _, _, err := s.Align(ctx, q); return err }
	run("boxes/repeated", func() error { return boxes(same) })
	run("boxes/typing", func() error { d.Forget(); return boxes(next()) })
	run("words/repeated", func() error { return maps(same) })
	run("words/typing", func() error { d.Forget(); return maps(next()) })
	run("boxes/batch=4", func() error {
		_, _, err := d.DetectBatch(ctx, []glipvk.Ask{{Sight: s, Query: same}, {Sight: s, Query: same}, {Sight: s, Query: same}, {Sight: s, Query: same}})
		return err
	})
}

// BenchmarkCallsWorld is asked to make word maps in less than 150 ms.
func BenchmarkCallsWorld(b *testing.B) {
	p, err := picture.Open(b.Context(), filepath.Join("testdata", "world", "scene1.png"), picture.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	d, s := benchmarked(b, "glip-world", glipvk.DetectorOptions{}, p)
	benchmarkCalls(b, d, s)
}

// BenchmarkCallsGLIPT is asked to make word maps of 320x512 pixels in less than a second.
func BenchmarkCallsGLIPT(b *testing.B) {
	o := glipvk.DetectorOptions{Options: glipvk.Options{Weights: "synthetic:3"}, Size: picture.DetectorSize{Original: true}}
	d, s := benchmarked(b, "glip-t", o, photo(320, 512, 1))
	benchmarkCalls(b, d, s)
}
