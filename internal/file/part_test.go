package file_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/file/filetest"
)

func TestPart(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.part")
	for _, want := range []string{"", "abc"} {
		f, err := file.OpenPart(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(f); err != nil || string(got) != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
		if _, err := f.WriteAt([]byte("abc"), int64(len(want))); err != nil {
			t.Error(err)
		}
		if want == "" {
			f.Close()
			continue
		}
		if err := file.Complete(f, filepath.Join(dir, "x")); err != nil {
			t.Error(err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(dir, "x")); err != nil || string(got) != "abcabc" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the part is there still")
	}
	f, err := file.OpenPart(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Complete(f, filepath.Join(dir, "none", "x")); err == nil {
		t.Error("it has got a name in a folder that is not there")
	}
	for _, odd := range filetest.Odds(t, "x.part") {
		if f, err := file.OpenPart(odd.Path); !errors.Is(err, file.ErrKind) || f != nil {
			t.Errorf("%s: %v", odd.Name, err)
		}
	}
}

func TestFree(t *testing.T) {
	bytes, ok := file.Free(t.TempDir())
	if ok && bytes < 1 {
		t.Errorf("%d bytes are free, and this test has written some", bytes)
	}
	if _, ok := file.Free(filepath.Join(t.TempDir(), "none")); ok {
		t.Error("of a folder that is not there it is known what is free")
	}
}
