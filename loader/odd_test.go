package loader_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/internal/file/filetest"
	"github.com/glipvk/glipvk/loader"
)

// What is no regular file is refused at once and named, in the place of every file that
// is opened.
func TestOddFiles(t *testing.T) {
	open := func(path string) error {
		_, err := loader.Open(path)
		return err
	}
	for _, tc := range []struct {
		name, file string
		open       func(path string) error
	}{
		{"checkpoint", "model.pth", open},
		{"safetensors", "model.safetensors", open},
		{"index", "model.safetensors.index.json", open},
		{"sum", "swin-d85813b5.pth", func(path string) error {
			_, err := loader.VerifySum(context.Background(), path)
			return err
		}},
		{"shard", "model-00001-of-00001.safetensors", func(path string) error {
			index := filepath.Join(filepath.Dir(path), "model.safetensors.index.json")
			if err := os.WriteFile(index, []byte(`{"weight_map": {"a": "`+filepath.Base(path)+`"}}`), 0o600); err != nil {
				t.Fatal(err)
			}
			return open(index)
		}},
	} {
		for _, odd := range filetest.Odds(t, tc.file) {
			t.Run(tc.name+"/"+odd.Name, func(t *testing.T) {
				filetest.Soon(t)
				err := tc.open(odd.Path)
				if err == nil || !strings.Contains(err.Error(), "not a regular file but "+odd.Says) || !strings.Contains(err.Error(), tc.file) {
					t.Errorf("error %v", err)
				}
			})
		}
	}
}

func TestIndexTooLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors.index.json")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	filetest.Need(t, "sparse files", f.Truncate(1<<34))
	if _, err := loader.Open(path); err == nil || !strings.Contains(err.Error(), "the index is longer than 100000000 bytes") {
		t.Errorf("error %v", err)
	}
}
