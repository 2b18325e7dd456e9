package file_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/glipvk/glipvk/internal/file"
)

func TestReplace(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(folder, "thing")
	for _, want := range []string{"first", "second and longer", ""} {
		if err := file.Replace(path, []byte(want), 0o640); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || string(got) != want || info.Mode() != 0o640 {
			t.Errorf("%q, mode %v, %v, %v; want %q, mode 0640", got, info.Mode(), err, statErr, want)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := file.Replace(filepath.Join(folder, "dir"), nil, 0o644); err == nil {
		t.Error("a folder was replaced")
	}
	if list, err := os.ReadDir(folder); err != nil || len(list) != 2 {
		t.Errorf("%v, %v: something was left beside", list, err)
	}
}

func TestSweep(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{".new-1", ".new-22", "new-3", ".other"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Sweep(folder); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(folder); err != nil || len(list) != 2 || list[0].Name() != ".other" || list[1].Name() != "new-3" {
		t.Errorf("%v, %v: want .other and new-3", list, err)
	}
	if err := file.Sweep(filepath.Join(folder, "none")); err == nil {
		t.Error("a folder that is not there was swept")
	}
}
