package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	"github.com/glipvk/glipvk"
)

const testdata = "../../testdata"

func TestMain(m *testing.M) {
	beam.Init()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // which Init sets too
	os.Exit(m.Run())
}

// config looks for things of the drawn scenes by the model that is in the program.
func config(t *testing.T) Config {
	t.Helper()
	return Config{
		Mode: Detect, Model: "glip-world", Weights: glipvk.Embedded, Device: "cpu", Precision: "f32", Size: "96",
		Query: glipvk.Query{Classes: []string{"dog", "apple", "cat"}}, Threshold: 0.15, Max: 100,
		Batch: 1, Workers: 2, Shards: 5, Format: "jsonl", Output: filepath.Join(t.TempDir(), "out"),
	}
}

// scenes is a folder with some scenes, and with files that are no pictures.
func scenes(t *testing.T, count int) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "in")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range count {
		copyTo(t, fmt.Sprintf("%s/world/novel%d.png", testdata, i+1), filepath.Join(folder, fmt.Sprintf("%02d.png", i)))
	}
	copyTo(t, testdata+"/pictures/truncated.jpg", filepath.Join(folder, "truncated.jpg"))
	write(t, filepath.Join(folder, "README.md"), []byte("no picture"))
	return folder
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, data)
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// runs runs a pipeline on Prism, as glipbeam does.
func runs(t *testing.T, c Config, sources ...Source) (beam.PipelineResult, error) {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	_, _, done, err := Warm(t.Context(), c)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	}()
	if err := Begin(t.Context(), c, false, true); err != nil {
		return nil, err
	}
	p, s := beam.NewPipelineWithRoot()
	Build(s, c, sources)
	return beam.Run(t.Context(), "prism", p)
}

// content is every file of an output but what says how it came about.
func content(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == aboutName {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// same fails where two outputs are not the same to the byte.
func same(t *testing.T, about string, got, want map[string]string) {
	t.Helper()
	if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
		t.Fatalf("%s: files %q, want %q", about, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s: %s is\n%.600s\nwant\n%.600s", about, name, got[name], text)
		}
	}
}

// of reads the lines of the files of one kind.
func of[T any](t *testing.T, files map[string]string, before string) (list []T) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasPrefix(name, before) {
			continue
		}
		for line := range strings.Lines(files[name]) {
			var v T
			d := json.NewDecoder(bytes.NewReader([]byte(line)))
			d.DisallowUnknownFields()
			if err := d.Decode(&v); err != nil {
				t.Fatalf("%s: %v in %s", name, err, line)
			}
			list = append(list, v)
		}
	}
	return list
}

// stepping replaces the step for the time of a test.
func stepping(t *testing.T, f func(*sample) error) {
	var mu sync.Mutex
	before := step
	step = func(s *sample) error {
		mu.Lock()
		defer mu.Unlock()
		return f(s)
	}
	t.Cleanup(func() { step = before })
}

// engineOf is an engine for a test that needs no pipeline.
func engineOf(t *testing.T, c Config) *engine {
	t.Helper()
	e, err := openEngine(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.close(); err != nil {
			t.Error(err)
		}
	})
	return e
}
