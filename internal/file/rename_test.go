package file_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk/internal/file"
)

// A file is replaced while a program of ours reads it, which goes on with what it opened.
func TestReplaceOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder", "thing")
	if err := file.Replace(path, []byte("first"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, _, err := file.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := file.Save(path, 0o644, func(w io.Writer) error { _, err := io.WriteString(w, "second"); return err }); err != nil {
		t.Fatal(err)
	}
	before, err := io.ReadAll(f)
	after, again := os.ReadFile(path)
	if string(before) != "first" || string(after) != "second" || err != nil || again != nil {
		t.Errorf("%q, %v, then %q, %v", before, err, after, again)
	}
}

// Where another program keeps a file from being replaced, that is waited for a while, and then said.
func TestReplaceHeld(t *testing.T) {
	if runtime.GOOS != "windows" {
		t.Skip("an open file keeps its name on Windows alone")
	}
	path := filepath.Join(t.TempDir(), "thing")
	if err := file.Replace(path, []byte("first"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path) // which does not share it
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Replace(path, []byte("second"), 0o644); err == nil || !strings.Contains(file.Remedy(err), "close it there") {
		t.Errorf("%v (%s), want that it is open", err, file.Remedy(err))
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "first" {
		t.Errorf("%q, %v: want what was there", got, err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = f.Close() })
	if err := file.Replace(path, []byte("second"), 0o644); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 1 {
		t.Errorf("%v, %v: something was left beside", list, err)
	}
}

// Paths of more than 260 characters, with spaces and letters of other scripts, are paths like others.
func TestLongPath(t *testing.T) {
	folder := t.TempDir()
	for range 4 {
		folder = filepath.Join(folder, strings.Repeat("eine lange Straße ", 5))
		folder = strings.TrimRight(folder, " ")
	}
	path := filepath.Join(folder, "thing")
	for _, want := range []string{"first", "second"} {
		if err := file.Replace(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := file.ReadAll(t.Context(), path, 100)
		if err != nil || string(got) != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, _, err := file.Open(path + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("one that is not there: %v", err)
	}
	if free, ok := file.Free(folder); free <= 0 || !ok {
		t.Errorf("%d bytes are free, %v", free, ok)
	}
}
