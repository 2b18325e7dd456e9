package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/file"
)

// When a call fails by which a report is written, at its first or its last time, the report of before stands, and nothing is beside it.
func TestWritesFail(t *testing.T) {
	t.Cleanup(func() { file.Intercept(func(string, string) error { return nil }) })
	arch, broken := nano(t), errors.New("it is broken")
	for _, op := range file.Calls() {
		for fails := 1; ; fails++ { // until there are no more of them
			folder, n := t.TempDir(), 0
			report := filepath.Join(folder, "report.json")
			if err := os.WriteFile(report, []byte("earlier"), 0o600); err != nil {
				t.Fatal(err)
			}
			file.Intercept(func(now, path string) error {
				if now != op || !strings.HasPrefix(path, folder) {
					return nil
				}
				if n++; n == fails {
					return broken
				}
				return nil
			})
			var stdout, stderr strings.Builder
			code := run(t.Context(), []string{"--arch", arch, "--device", "cpu", "--duration", "1ms", "--check", "none", "--size", "128x128", "--json", report}, &stdout, &stderr)
			data, err := os.ReadFile(report)
			list, listed := os.ReadDir(folder)
			if err != nil || listed != nil {
				t.Fatal(err, listed)
			}
			if n < fails {
				if code != cli.Done || string(data) == "earlier" {
					t.Errorf("exit status %d: %s", code, stderr.String())
				}
				break
			}
			if code == cli.Done || !strings.Contains(stderr.String(), folder) || !strings.Contains(stderr.String(), broken.Error()) || string(data) != "earlier" || len(list) > 1 && op != "remove" {
				t.Errorf("%s %d: exit status %d, %s; the report has %d bytes, and %d files are there", op, fails, code, stderr.String(), len(data), len(list))
			}
		}
	}
}
