package file_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/file/filetest"
)

func TestKinds(t *testing.T) {
	for _, odd := range filetest.Odds(t, "thing") {
		t.Run(odd.Name, func(t *testing.T) {
			filetest.Soon(t)
			f, _, err := file.Open(odd.Path)
			if !errors.Is(err, file.ErrKind) || !strings.Contains(err.Error(), odd.Says) || !strings.Contains(err.Error(), odd.Path) || f != nil {
				t.Errorf("Open: %v", err)
			}
			data, err := file.ReadAll(context.Background(), odd.Path, 100)
			if !errors.Is(err, file.ErrKind) || !strings.Contains(err.Error(), odd.Says) || data != nil {
				t.Errorf("ReadAll: %v", err)
			}
		})
	}
	if _, _, err := file.Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestReadAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ten")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	for limit, fits := range map[int64]bool{0: false, 9: false, 10: true, 1 << 40: true} {
		data, err := file.ReadAll(context.Background(), path, limit)
		if fits && (err != nil || string(data) != "0123456789") || !fits && !errors.Is(err, file.ErrTooLarge) {
			t.Errorf("limit %d: %q, %v", limit, data, err)
		}
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if data, err := file.ReadAll(over, path, 10); !errors.Is(err, context.Canceled) || data != nil {
		t.Errorf("under a context that is over: %q, %v", data, err)
	}
}

// A link is followed; a file that claims no size is read all the same, and no further
// than the limit.
func TestReadAllOddFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	filetest.Need(t, "symbolic links", os.Symlink("file", link))
	if data, err := file.ReadAll(context.Background(), link, 7); err != nil || string(data) != "content" {
		t.Errorf("a link: %q, %v", data, err)
	}
	const claims = "/proc/self/status"
	if runtime.GOOS != "linux" {
		t.Skip("files that claim to be empty and are not are Linux's")
	}
	if data, err := file.ReadAll(context.Background(), claims, 1<<20); err != nil || !strings.Contains(string(data), "Name:") {
		t.Errorf("%s: %q, %v", claims, data, err)
	}
	if _, err := file.ReadAll(context.Background(), claims, 20); !errors.Is(err, file.ErrTooLarge) {
		t.Errorf("%s up to 20 bytes: %v", claims, err)
	}
}
