package eval_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/eval anew from the whole set")

// committedCases are those of the whole set that are small, and between them show most mistakes.
var committedCases = map[string][]string{
	"coco": {
		"basic", "iou-thresholds", "iou-ulp", "iou-one", "equal-iou", "greedy", "recall-grid-20", "one-hit", "area-borders", "area-ignored", "area-over-1e10",
		"crowd", "crowd-first", "ignore-field", "ties-pictures", "ties-within", "scores-close", "id-zero", "id-duplicate", "id-negative", "unknown-category",
		"unknown-picture", "results-empty", "results-none", "truths-none", "iscrowd-missing", "area-missing", "degenerate", "crowd-without-area", "mixed",
	},
	"lvis":   {"federated", "groups", "zero-area", "ignore-field", "unknown-picture", "edges", "limit-300"},
	"flickr": {"edges", "hard"},
}

// TestCommitted compares testdata/eval with what is cut of the whole set. With -update it cuts it.
func TestCommitted(t *testing.T) {
	whole := goldenFolders()["whole"]
	if _, err := os.Stat(filepath.Join(whole, "manifest.json")); err != nil {
		t.Skipf("no numbers of the references: %v", err)
	}
	files := cut(t, whole)
	for name, data := range files {
		path := filepath.Join(committed, filepath.FromSlash(name))
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s is not what is cut of the whole set (%v); after a change on purpose: go test ./eval -run Committed -update", path, err)
		}
	}
}

// cut makes the files.
func cut(t *testing.T, whole string) map[string][]byte {
	files := map[string][]byte{}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(whole, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	var manifest struct {
		Format int                         `json:"format"`
		Groups map[string][]map[string]any `json:"groups"`
	}
	var variants map[string]map[string]map[string]any
	if err := json.Unmarshal(read("manifest.json"), &manifest); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(read("variants.json"), &variants); err != nil {
		t.Fatal(err)
	}
	for group, names := range committedCases {
		manifest.Groups[group] = slices.DeleteFunc(manifest.Groups[group], func(c map[string]any) bool {
			name, _ := c["name"].(string)
			return !slices.Contains(names, name)
		})
		for _, c := range manifest.Groups[group] {
			delete(c, "detail")
			delete(c, "arrays")
			for _, key := range []string{"gt", "dt", "predictions"} {
				if name, ok := c[key].(string); ok {
					files[name] = read(name)
				}
			}
			if root, ok := c["root"].(string); ok {
				folder(t, whole, root, files)
			}
		}
		for mistake, about := range variants[group] {
			cases, _ := about["cases"].(map[string]any)
			delete(about, "strongest")
			for name := range cases {
				if !slices.Contains(names, name) {
					delete(cases, name)
				}
			}
			if len(cases) == 0 {
				delete(variants[group], mistake)
			}
		}
	}
	for name, v := range map[string]any{"manifest.json": manifest, "variants.json": variants} {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetIndent("", " ")
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		files[name] = b.Bytes()
	}
	return files
}

// folder adds all files of a folder.
func folder(t *testing.T, whole, root string, files map[string][]byte) {
	err := filepath.WalkDir(filepath.Join(whole, filepath.FromSlash(root)), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(whole, path)
		if err == nil {
			files[filepath.ToSlash(name)], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
