package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/metrics"
	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
)

// The files do not depend on the number of workers, every source is in them once, and what they say is what the detector says. Of whatever
// many bundles there is one detector.
func TestWorkers(t *testing.T) {
	folder := scenes(t, 10)
	var opens atomic.Int64
	before := openEngine
	openEngine = func(ctx context.Context, c Config) (*engine, error) {
		opens.Add(1)
		return before(ctx, c)
	}
	t.Cleanup(func() { openEngine = before })
	var want map[string]string
	for _, workers := range []int{1, 2, 8} {
		c := config(t)
		c.Workers = workers
		opens.Store(0)
		if _, err := runs(t, c, Source{Pattern: folder}); err != nil {
			t.Fatal(err)
		}
		if n := opens.Load(); n != 1 {
			t.Errorf("%d workers opened %d detectors, want 1", workers, n)
		}
		got := content(t, c.Output)
		if want == nil {
			want = got
			whole(t, c, folder, got)
		}
		same(t, "other workers", got, want)
	}
}

// whole compares files with what the folder holds, and with the detector's word.
func whole(t *testing.T, c Config, folder string, files map[string]string) {
	t.Helper()
	o, err := c.detector()
	if err != nil {
		t.Fatal(err)
	}
	d, err := glipvk.OpenDetector(t.Context(), c.Model, o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var seen []string
	boxes := 0
	for _, r := range of[Row](t, files, "part-") {
		seen = append(seen, r.Input)
		pic, err := picture.Open(t.Context(), r.Input, picture.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		found, err := d.Detect(t.Context(), c.Query, pic)
		if err != nil {
			t.Fatal(err)
		}
		want := row(&sample{source: r.Input}, finding{size: picture.Extent{Height: pic.Height, Width: pic.Width}, detections: found[0]})
		for i := range want.Detections {
			w := &want.Detections[i]
			w.X1, w.Y1, w.X2, w.Y2 = 0, 0, 0, 0 // of Parquet
		}
		if boxes += len(r.Detections); !reflect.DeepEqual(r, want) {
			t.Errorf("%s: %+v, want %+v", r.Input, r, want)
		}
	}
	for _, l := range of[Letter](t, files, "dead-letters-") {
		seen = append(seen, l.Input)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, filepath.Join(folder, e.Name()))
	}
	if slices.Sort(seen); !slices.Equal(seen, all) || boxes == 0 {
		t.Errorf("the files have %d boxes and %q, want some and %q", boxes, seen, all)
	}
}

// The metrics, and the summary, are what the files hold. It is one shard, and so one bundle: of several that end at the same moment Prism may lose some.
func TestMetrics(t *testing.T) {
	c := config(t)
	c.Shards = 1
	result, err := runs(t, c, Source{Pattern: scenes(t, 5)})
	if err != nil {
		t.Fatal(err)
	}
	files := content(t, c.Output)
	rows, dead := of[Row](t, files, "part-"), of[Letter](t, files, "dead-letters-")
	boxes := 0
	for _, r := range rows {
		boxes += len(r.Detections)
	}
	all := result.Metrics().Query(func(r metrics.SingleResult) bool { return r.Namespace() == Namespace })
	got := map[string]int64{}
	for _, c := range all.Counters() {
		got[c.Name()] = c.Result()
	}
	for _, d := range all.Distributions() {
		v := d.Result()
		if got[d.Name()] = v.Count; v.Min < 0 || v.Max < v.Min || d.Name() == "picture_microseconds" && v.Sum == 0 {
			t.Errorf("%s: %+v", d.Name(), v)
		}
	}
	n := int64(len(rows))
	sum := of[Tally](t, files, summaryName)[0]
	if got["pictures"] != n || got["detections"] != int64(boxes) || got["dead_letters"] != int64(len(dead)) || got["bytes"] == 0 ||
		got["picture_microseconds"] != n || got["picture_detections"] != n || got["shards"] != sum.Shards {
		t.Errorf("metrics %v, for %d pictures, %d boxes, %d dead letters", got, n, boxes, len(dead))
	}
	if want := (Tally{Shards: got["shards"], Pictures: n, Detections: int64(boxes), Letters: int64(len(dead)), Bytes: got["bytes"]}); sum != want {
		t.Errorf("the summary is %+v, want %+v", sum, want)
	}
}

// A worker that dies in the middle fails the run. The next one keeps what was done, does the rest, and leaves the files of a run in which
// nobody died.
func TestDies(t *testing.T) {
	folder := scenes(t, 12)
	c := config(t)
	c.Workers = 1
	if _, err := runs(t, c, Source{Pattern: folder}); err != nil {
		t.Fatal(err)
	}
	want := content(t, c.Output)
	c.Output = filepath.Join(t.TempDir(), "out")
	n, dies := 0, 7
	stepping(t, func(*sample) error {
		if n++; n == dies {
			return errors.New("the device is lost")
		}
		return nil
	})
	if _, err := runs(t, c, Source{Pattern: folder}); err == nil || !strings.Contains(err.Error(), "the device is lost") {
		t.Fatalf("the run ended with %v", err)
	}
	part := content(t, c.Output)
	if len(part) >= len(want) || part[summaryName] != "" {
		t.Errorf("a run that failed has all files")
	}
	for name, text := range part {
		if text != want[name] {
			t.Errorf("a run that failed left another %s than one that did not", name)
		}
	}
	n = 100
	result, err := runs(t, c, Source{Pattern: folder})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "after a death", content(t, c.Output), want)
	kept := int64(0)
	for _, counter := range result.Metrics().AllMetrics().Counters() {
		if counter.Name() == "shards_kept" {
			kept = counter.Result()
		}
	}
	if kept == 0 || n == 100+12 {
		t.Errorf("%d shards were kept, %d pictures computed again", kept, n-100)
	}
}

// A bundle that is tried again, also while the first try is still at work, writes the same files.
func TestTriedAgain(t *testing.T) {
	folder := scenes(t, 4)
	c := config(t)
	e := engineOf(t, c)
	var sources []string
	if err := eachIn(t.Context(), folder, func(path string) error { sources = append(sources, path); return nil }); err != nil {
		t.Fatal(err)
	}
	once, _, err := e.shard(t.Context(), 3, slices.Clone(sources))
	if err != nil {
		t.Fatal(err)
	}
	want := content(t, c.Output)
	if err := os.RemoveAll(filepath.Join(c.Output, ".done")); err != nil {
		t.Fatal(err)
	}
	var tries sync.WaitGroup
	for range 3 {
		tries.Go(func() {
			mixed := slices.Clone(sources)
			slices.Reverse(mixed)
			if again, _, err := e.shard(t.Context(), 3, append(mixed, sources...)); err != nil || again.Pictures != once.Pictures || again.Letters != once.Letters {
				t.Errorf("%+v, %v, want %+v", again, err, once)
			}
		})
	}
	tries.Wait()
	got := content(t, c.Output)
	for name := range want {
		if strings.HasPrefix(name, ".done") {
			want[name] = got[name] // how often sources were named
		}
	}
	same(t, "tried again", got, want)
	if again, kept, err := e.shard(t.Context(), 3, sources); err != nil || !kept || again.Pictures != once.Pictures {
		t.Errorf("a shard that is done: %+v, kept %v, %v", again, kept, err)
	}
	if _, kept, err := e.shard(t.Context(), 3, sources[1:]); err != nil || kept {
		t.Errorf("a shard of other sources: kept %v, %v", kept, err)
	}
}

// A model that does not open fails the pipeline; it makes no dead letters.
func TestDoesNotOpen(t *testing.T) {
	folder := scenes(t, 1)
	c := config(t)
	if err := Begin(t.Context(), c, false, true); err != nil {
		t.Fatal(err)
	}
	before := openEngine
	openEngine = func(context.Context, Config) (*engine, error) { return nil, errors.New("no device") }
	t.Cleanup(func() { openEngine = before })
	p, s := beam.NewPipelineWithRoot()
	Build(s, c, []Source{{Pattern: folder}})
	if _, err := beam.Run(t.Context(), "prism", p); err == nil || !strings.Contains(err.Error(), "opening the model: no device") {
		t.Errorf("the run ended with %v", err)
	}
	if files := content(t, c.Output); len(files) > 0 {
		t.Errorf("it wrote %v", files)
	}
	openEngine = before
	c.Weights = filepath.Join(folder, "README.md")
	if _, _, _, err := Warm(t.Context(), c); !errors.Is(err, glipvk.ErrInput) {
		t.Errorf("weights that are none: %v", err)
	}
}
