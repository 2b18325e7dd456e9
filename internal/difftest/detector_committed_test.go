package difftest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/internal/difftest"
)

// committedDetector are the groups of the detector's set that the module carries, without the cases
// that only repeat what smaller ones of the same group show.
var committedDetector = []detectorSubset{
	{"bert", []string{"base"}},
	{"modules", []string{"fpn.even", "vlfuse.batch", "dyconv.tall", "post.many"}},
	{"tiny", nil},
	{"tiny_a", nil},
	{"variants", nil},
}

// detectorSubset is a group and which of its cases are left out.
type detectorSubset struct {
	group   string
	without []string
}

// TestCommittedDetectorSubset makes the committed files of the detector anew in memory and wants
// them equal to those in testdata/glip; with -update it writes them there.
func TestCommittedDetectorSubset(t *testing.T) {
	from := difftest.SharedDetector(t).Dir
	files := detectorFiles(t, from)
	dir := filepath.Join(rootDir(t), "testdata", "glip")
	size := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path, want := filepath.Join(dir, filepath.FromSlash(name)), files[name]
		size += len(want)
		difftest.Kept(t, path, want, *update)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if _, wanted := files[filepath.ToSlash(name)]; err == nil && !d.IsDir() && !wanted {
			t.Errorf("%s does not belong there", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if limit := 8 << 20; size > limit {
		t.Errorf("testdata/glip takes %d bytes, which is over %d: everybody who clones pays for it", size, limit)
	}
}

// TestDetectorCopiesAreFresh compares what other packages carry of the set with the set.
func TestDetectorCopiesAreFresh(t *testing.T) {
	from := difftest.SharedDetector(t).Dir
	for pattern, folder := range map[string]string{
		"picture/testdata/detector/*": "modules", "text/testdata/golden/*": "tokenizer", "text/vocab.*": ".",
	} {
		copies, err := filepath.Glob(filepath.Join(rootDir(t), filepath.FromSlash(pattern)))
		if err != nil || len(copies) == 0 {
			t.Errorf("no file is %s (%v)", pattern, err)
		}
		for _, path := range copies {
			sameFile(t, path, filepath.Join(from, folder, filepath.Base(path)))
		}
	}
	sameFile(t, filepath.Join(rootDir(t), "text", "testdata", "tiny-vocab.txt"), filepath.Join(from, "tiny", "vocab.txt"))
}

func sameFile(t *testing.T, path, original string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := os.ReadFile(original); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not a copy of %s (%v): copy it anew", path, original, err)
	}
}

func rootDir(t *testing.T) string {
	t.Helper()
	root, err := difftest.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// goldenCase is what the subset needs to know of a case.
type goldenCase struct {
	ID      string `json:"id"`
	Tensors []struct {
		File string `json:"file"`
	} `json:"tensors"`
	Checkpoint, Vocab struct {
		File string `json:"file"`
	}
	Arch json.RawMessage
}

// detectorFiles are the files of the subset by their names, which are those of the whole set.
func detectorFiles(t *testing.T, from string) map[string][]byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(from, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		t.Fatal(err)
	}
	var groups []struct {
		Group string
		Cases []json.RawMessage
	}
	if err := json.Unmarshal(whole["groups"], &groups); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	var w bytes.Buffer
	w.WriteString("{")
	for _, key := range slices.Sorted(maps.Keys(whole)) {
		if key != "groups" {
			fmt.Fprintf(&w, "%q: %s,\n", key, compact(t, whole[key]))
		}
	}
	w.WriteString("\"groups\": [\n")
	first := true
	for _, g := range groups {
		i := slices.IndexFunc(committedDetector, func(s detectorSubset) bool { return s.group == g.Group })
		if i < 0 {
			continue
		}
		separate(&w, &first)
		fmt.Fprintf(&w, "{\"group\": %q, \"cases\": [\n", g.Group)
		firstCase := true
		for _, raw := range g.Cases {
			var c goldenCase
			if err := json.Unmarshal(raw, &c); err != nil {
				t.Fatal(err)
			}
			if slices.Contains(committedDetector[i].without, c.ID) {
				continue
			}
			separate(&w, &firstCase)
			writeLines(t, &w, raw)
			c.collect(t, from, files)
		}
		w.WriteString("\n]}")
	}
	w.WriteString("\n]}\n")
	if !json.Valid(w.Bytes()) {
		t.Fatal("the manifest of the subset is no JSON")
	}
	files["manifest.json"] = w.Bytes()
	return files
}

// collect reads the files of a case. What has a checkpoint gets its architecture beside it, as the command takes it.
func (c goldenCase) collect(t *testing.T, from string, files map[string][]byte) {
	t.Helper()
	names := []string{c.Checkpoint.File, c.Vocab.File}
	for _, tensor := range c.Tensors {
		names = append(names, tensor.File)
	}
	for _, name := range names {
		if name == "" || files[name] != nil {
			continue
		}
		data, err := os.ReadFile(filepath.Join(from, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
		if name == c.Checkpoint.File {
			files[path.Join(path.Dir(name), "arch.json")] = []byte(compact(t, c.Arch) + "\n")
		}
	}
}

// separate writes what stands between elements of a list, nothing before the first.
func separate(w *bytes.Buffer, first *bool) {
	if !*first {
		w.WriteString(",\n")
	}
	*first = false
}

func compact(t *testing.T, raw []byte) string {
	t.Helper()
	var w bytes.Buffer
	if err := json.Compact(&w, raw); err != nil {
		t.Fatal(err)
	}
	return w.String()
}

// writeLines writes a case with one line for each tensor or row, so that changes can be read.
func writeLines(t *testing.T, w *bytes.Buffer, raw []byte) {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	w.WriteString("{")
	first := true
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if !first {
			w.WriteString(", ")
		}
		first = false
		var list []json.RawMessage
		if key != "tensors" && key != "rows" || json.Unmarshal(fields[key], &list) != nil || len(list) == 0 {
			fmt.Fprintf(w, "%q: %s", key, compact(t, fields[key]))
			continue
		}
		fmt.Fprintf(w, "%q: [\n", key)
		firstRow := true
		for _, row := range list {
			separate(w, &firstRow)
			w.WriteString(compact(t, row))
		}
		w.WriteString("\n]")
	}
	w.WriteString("}")
}
