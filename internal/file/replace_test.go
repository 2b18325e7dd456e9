package file_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
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
		if err != nil || statErr != nil || string(got) != want || info.Mode() != 0o640 && runtime.GOOS != "windows" {
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
	for _, name := range []string{".glip-new-1", ".glip-new-22", ".glip-new-3x", "glip-new-3"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Sweep(folder); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(folder); err != nil || len(list) != 2 || list[0].Name() != ".glip-new-3x" || list[1].Name() != "glip-new-3" {
		t.Errorf("%v, %v: want .glip-new-3x and glip-new-3", list, err)
	}
	staged, err := file.Stage(filepath.Join(folder, "thing"), 0o644, func(io.Writer) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.Sweep(folder), staged.Place()); err != nil && runtime.GOOS != "windows" {
		t.Errorf("what is being written was swept: %v", err)
	}
	if err := file.Sweep(filepath.Join(folder, "none")); err == nil {
		t.Error("a folder that is not there was swept")
	}
}

// Files that belong together get their names when all are written; an error names the file that was meant.
func TestStage(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a")
	a, err := file.Stage(path, 0o644, func(w io.Writer) error { _, err := io.WriteString(w, "a"); return err })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before it is placed: %v", err)
	}
	failed := errors.New("failed")
	if _, err := file.Stage(filepath.Join(folder, "b"), 0o644, func(io.Writer) error { return failed }); !errors.Is(err, failed) {
		t.Error(err)
	}
	if err := a.Place(); err != nil {
		t.Error(err)
	}
	if a, err = file.Stage(path, 0o644, func(io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := a.Discard(); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "a" {
		t.Errorf("%q, %v", got, err)
	}
	if list, err := os.ReadDir(folder); err != nil || len(list) != 1 {
		t.Errorf("%v, %v: something was left beside", list, err)
	}
	err = file.Replace(filepath.Join(path, "b"), nil, 0o644)
	var said *file.Error
	if !errors.As(err, &said) || said.Path != path || strings.Contains(err.Error(), ".glip-new-") {
		t.Errorf("%v", err)
	}
}
