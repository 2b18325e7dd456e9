package difftest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Kept fails unless a committed file has the given content, which it is given first where update says so.
func Kept(t *testing.T, path string, content []byte, update bool) {
	t.Helper()
	if update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%s is not what go test -run %s -update makes (%v)", path, t.Name(), err)
	}
}
