package pipeline

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/memfs"
	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/picture"
	"github.com/parquet-go/parquet-go"
)

// Parquet as another reader of it would see it: by the schema in the file, with types of its own.
func TestParquet(t *testing.T) {
	folder := scenes(t, 6)
	c := config(t)
	if _, err := runs(t, c, Source{Pattern: folder}); err != nil {
		t.Fatal(err)
	}
	lines := of[Row](t, content(t, c.Output), "part-")
	c.Format, c.Output = "parquet", filepath.Join(t.TempDir(), "out")
	if _, err := runs(t, c, Source{Pattern: folder}); err != nil {
		t.Fatal(err)
	}
	type box struct {
		X1     float64 `parquet:"x1"`
		Y1     float64 `parquet:"y1"`
		X2     float64 `parquet:"x2"`
		Y2     float64 `parquet:"y2"`
		Score  float64 `parquet:"score"`
		Label  int64   `parquet:"label"`
		Phrase string  `parquet:"phrase"`
	}
	type shown struct {
		Input      string `parquet:"input"`
		Key        string `parquet:"key"`
		Width      int64  `parquet:"width"`
		Height     int64  `parquet:"height"`
		Detections []box  `parquet:"detections,list"`
	}
	var rows []shown
	paths, err := filepath.Glob(filepath.Join(c.Output, "part-*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		part, err := parquet.ReadFile[shown](path)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, part...)
	}
	if len(rows) != len(lines) || len(rows) != 6 {
		t.Fatalf("%d rows, %d lines, want 6", len(rows), len(lines))
	}
	for i, l := range lines {
		want := shown{Input: l.Input, Key: l.Key, Width: int64(l.Width), Height: int64(l.Height)}
		for _, d := range l.Detections {
			want.Detections = append(want.Detections, box{d.Box[0], d.Box[1], d.Box[2], d.Box[3], d.Score, int64(d.Label), d.Phrase})
		}
		if len(rows[i].Detections) == 0 {
			rows[i].Detections = nil
		}
		if !reflect.DeepEqual(rows[i], want) {
			t.Errorf("row %+v, want %+v", rows[i], want)
		}
	}
}

// Feature maps are the numbers of the backbone, under names that no path or key can choose.
func TestFeatures(t *testing.T) {
	folder := scenes(t, 3)
	c := config(t)
	c.Mode, c.Format, c.Model, c.Size, c.Query, c.Threshold, c.Max = Features, "tar", "swin-world", "64x96", glipvk.Query{}, 0, 0
	png, err := os.ReadFile(testdata + "/world/scene1.png")
	if err != nil {
		t.Fatal(err)
	}
	archive := archiveOf(t, testMember{name: "../../0.png", data: png, kind: tar.TypeReg}, testMember{name: "../../0.png", data: png, kind: tar.TypeReg},
		testMember{name: "1.png", data: png, kind: tar.TypeReg}, testMember{name: "../../0.png", data: png, kind: tar.TypeReg})
	if _, err := runs(t, c, Source{Pattern: folder}, Source{Pattern: archive}); err != nil {
		t.Fatal(err)
	}
	o, err := c.backbone()
	if err != nil {
		t.Fatal(err)
	}
	b, err := glipvk.OpenBackbone(t.Context(), c.Model, o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	paths, err := filepath.Glob(filepath.Join(c.Output, "part-*.tar"))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	names, seen := map[string]bool{}, 0
	for _, path := range paths {
		seen += mapsIn(t, path, names, b)
	}
	if seen != 6 { // three pictures; of the archive three samples, of which the first has a picture too many
		t.Errorf("%d feature maps, want 6", seen)
	}
}

// mapsIn compares the samples of an archive of feature maps with the backbone's word, and counts them.
func mapsIn(t *testing.T, path string, names map[string]bool, b *glipvk.Backbone) (count int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var about About
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			return count
		}
		if err != nil {
			t.Fatal(err)
		}
		if names[h.Name] || strings.ContainsAny(h.Name, `/\`) || strings.Count(h.Name, ".") != 1 {
			t.Errorf("a member is named %q", h.Name)
		}
		names[h.Name] = true
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(h.Name) == ".json" {
			if err := json.Unmarshal(data, &about); err != nil {
				t.Fatal(err)
			}
			continue
		}
		count++
		source := about.Input
		if about.Key != "" {
			source = testdata + "/world/scene1.png"
		}
		pic, err := picture.Open(t.Context(), source, picture.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := b.Extract(t.Context(), pic)
		if err != nil {
			t.Fatal(err)
		}
		if about.Width != pic.Width || about.Height != pic.Height {
			t.Errorf("%+v, want %d x %d", about, pic.Width, pic.Height)
		}
		tensors(t, data, want)
	}
}

// tensors compares a file of tensors with maps.
func tensors(t *testing.T, data []byte, want glipvk.Features) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.safetensors")
	write(t, path, data)
	file, err := loader.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, m := range want {
		shape, got, err := file.Tensor(m.Name)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Data) == 0 || !reflect.DeepEqual(shape, m.Shape) || !reflect.DeepEqual(got, m.Data) {
			t.Errorf("%s differs", m.Name)
		}
	}
}

// An output in a file system of Beam's has the same files, and nothing half-written; so has an input there.
func TestRemote(t *testing.T) {
	folder := scenes(t, 2)
	c := config(t)
	c.Shards = 1
	if _, err := runs(t, c, Source{Pattern: folder}); err != nil {
		t.Fatal(err)
	}
	want := content(t, c.Output)
	memory, err := filesystem.New(t.Context(), "memfs://x")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := filesystem.Write(t.Context(), memory, "memfs://in/"+e.Name(), data); err != nil {
			t.Fatal(err)
		}
	}
	c.Output = "memfs://out/of/it"
	for range 2 { // the second keeps it all
		if _, err := runs(t, c, Source{Pattern: "memfs://in/*"}); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	for _, pattern := range []string{"*", ".done/*"} {
		paths, err := memory.List(t.Context(), c.Output+"/"+pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			data, err := filesystem.Read(t.Context(), memory, path)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimPrefix(path, c.Output+"/")
			if name != aboutName && !strings.HasPrefix(name, ".done") {
				got[name] = strings.ReplaceAll(string(data), "memfs://in/", folder+"/")
			}
		}
	}
	for name := range want {
		if strings.HasPrefix(name, ".done") {
			delete(want, name) // hashes of paths
		}
	}
	same(t, "in memory", got, want)
	failed := errors.New("no more")
	err = save(t.Context(), "memfs://out/half", func(w io.Writer) error { _, err := io.WriteString(w, "half"); return errors.Join(err, failed) })
	paths, _ := memory.List(t.Context(), "memfs://out/half*")
	if !errors.Is(err, failed) || len(paths) > 0 {
		t.Errorf("%v left %q", err, paths)
	}
}

// An output of another question is refused, or replaced; files of shards that are no longer there go.
func TestBegin(t *testing.T) {
	folder := scenes(t, 3)
	c := config(t)
	if _, err := runs(t, c, Source{Pattern: folder}); err != nil {
		t.Fatal(err)
	}
	other := c
	other.Threshold = 0.4
	if err := Begin(t.Context(), other, false, true); !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), "(Overwrite)") {
		t.Errorf("another threshold: %v", err)
	}
	other = c
	other.Device, other.Workers = "auto", 7
	if err := Begin(t.Context(), other, false, true); err != nil {
		t.Errorf("another device: %v", err)
	}
	foreign := config(t)
	if err := os.Mkdir(foreign.Output, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(foreign.Output, "part-00000-of-00002.jsonl"), nil)
	if err := Begin(t.Context(), foreign, false, true); !errors.Is(err, glipvk.ErrInput) {
		t.Errorf("files of others: %v", err)
	}
	write(t, filepath.Join(c.Output, ".glip-new-1"), nil)
	one := folder + "/00.png"
	if _, err := runs(t, c, Source{Pattern: one}); err != nil {
		t.Fatal(err)
	}
	files := content(t, c.Output)
	if rows := of[Row](t, files, "part-"); len(rows) != 1 || rows[0].Input != one || len(files) != 3 {
		t.Errorf("what is left of fewer sources: %v", files)
	}
	c.Shards = 2
	if err := Begin(t.Context(), c, true, true); err != nil {
		t.Fatal(err)
	}
	if files := content(t, c.Output); len(files) > 0 {
		t.Errorf("what is left of another number of shards: %v", files)
	}
	c.Output = filepath.Join(one, "out")
	if err := Begin(t.Context(), c, false, true); !errors.Is(err, glipvk.ErrInput) {
		t.Errorf("a folder in a file: %v", err)
	}
}

// What makes no sense is refused before anything is opened.
func TestCheck(t *testing.T) {
	for says, change := range map[string]func(*Config){
		"mode": func(c *Config) { c.Mode = "x" }, "format": func(c *Config) { c.Format = "tar" }, "no output": func(c *Config) { c.Output = "" },
		"batch": func(c *Config) { c.Batch = 0 }, "workers": func(c *Config) { c.Workers = 0 }, "shards": func(c *Config) { c.Shards = MostShards + 1 },
		"size": func(c *Config) { c.Size = "x" }, "threshold": func(c *Config) { c.Threshold = 1 }, "precision": func(c *Config) { c.Precision = "f8" },
		"arch": func(c *Config) { c.Arch = "{" }, "MaxSide": func(c *Config) { c.Limits.MaxSide = -1 },
	} {
		c := config(t)
		change(&c)
		if err := c.Check(); !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	c := config(t)
	if err := errors.Join(c.Check(), c.CheckQuery()); err != nil {
		t.Error(err)
	}
	c.Query = glipvk.Query{}
	if err := c.CheckQuery(); err == nil {
		t.Error("a query of nothing is no mistake")
	}
}
