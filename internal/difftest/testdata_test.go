package difftest_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/glipvk/glipvk/internal/difftest"
)

// tableMark is the line of testdata/README.md after which the table begins.
const tableMark = "<!-- The table below is written by the test. -->\n"

// TestTestdata compares the files in testdata with the table at the end of its
// README: names, sizes and digests. With -update it writes the table.
func TestTestdata(t *testing.T) {
	root, err := difftest.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "testdata")
	var table bytes.Buffer
	table.WriteString("\n| file | bytes | sha256 |\n| --- | --- | --- |\n")
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if err != nil || d.IsDir() || name == "README.md" {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			fmt.Fprintf(&table, "| %s | %d | %x |\n", filepath.ToSlash(name), len(data), sha256.Sum256(data))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	readme := filepath.Join(dir, "README.md")
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, listed, found := bytes.Cut(text, []byte(tableMark))
	if !found {
		t.Fatalf("%s has no line %q", readme, tableMark)
	}
	if *update {
		listed = table.Bytes()
		if err := os.WriteFile(readme, append(append(before, tableMark...), listed...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(listed, table.Bytes()) {
		t.Error("the table of testdata/README.md is not what lies there; after a change on purpose: go test ./internal/difftest -run Testdata -update")
		is, want := bytes.Split(table.Bytes(), []byte("\n")), bytes.Split(listed, []byte("\n"))
		for _, line := range missing(is, want) {
			t.Errorf("not listed: %s", line)
		}
		for _, line := range missing(want, is) {
			t.Errorf("listed:     %s", line)
		}
	}
}

// missing are the lines of a that b has not.
func missing(a, b [][]byte) (lines [][]byte) {
	has := map[string]bool{}
	for _, line := range b {
		has[string(line)] = true
	}
	for _, line := range a {
		if !has[string(line)] {
			lines = append(lines, line)
		}
	}
	return lines
}
