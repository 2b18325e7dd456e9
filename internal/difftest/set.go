package difftest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/sbinet/npyio"
)

// folder is a folder of golden cases C: manifest.json, and the .npy files that it names.
type folder[C interface{ name() string }] struct {
	Dir   string
	Cases []C
}

// Case returns the case of that name; the test fails where there is none.
func (f *folder[C]) Case(tb testing.TB, id string) C {
	tb.Helper()
	for _, c := range f.Cases {
		if c.name() == id {
			return c
		}
	}
	tb.Fatalf("difftest: %s has no case %q", f.Dir, id)
	panic("not reached")
}

// readJSON reads a file of a folder.
func readJSON(dir, name string, into any) error {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return fmt.Errorf("difftest: %w", err)
	}
	if err := json.Unmarshal(data, into); err != nil { // uint64 fields keep all digits of a seed
		return fmt.Errorf("difftest: %s: %s: %w", dir, name, err)
	}
	return nil
}

// readArray reads a .npy file of a folder into a slice. The file must have the manifest's digest.
func readArray(dir, name, sha256 string, into any) error {
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return fmt.Errorf("difftest: %w", err)
	}
	if got := digest(data); got != sha256 {
		return fmt.Errorf("difftest: %s has digest %s, the manifest says %s", name, got, sha256)
	}
	if err := npyio.Read(bytes.NewReader(data), into); err != nil {
		return fmt.Errorf("difftest: %s: %w", name, err)
	}
	return nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Root is the module's folder, found upwards from the working directory.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("difftest: no go.mod above %s", start)
		}
	}
}

// committed opens a set that belongs to the module, a folder of testdata.
func committed[S any](tb testing.TB, open func(dir string) (S, error), name string) S {
	tb.Helper()
	return opened(tb, open, filepath.Join(rootOf(tb), "testdata", name))
}

// shared opens a whole set beside the module, or skips the test where there is none.
func shared[S any](tb testing.TB, open func(dir string) (S, error), name string) S {
	tb.Helper()
	dir := filepath.Join(rootOf(tb), "..", "shared", "golden", name)
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err != nil {
		tb.Skipf("the whole golden set is not beside the module (../shared/golden/%s)", name)
	}
	return opened(tb, open, dir)
}

func rootOf(tb testing.TB) string {
	tb.Helper()
	root, err := Root()
	if err != nil {
		tb.Fatal(err)
	}
	return root
}

func opened[S any](tb testing.TB, open func(dir string) (S, error), dir string) S {
	tb.Helper()
	set, err := open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return set
}
