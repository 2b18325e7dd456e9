package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const parser = `package p

// Parse knows three letters.
func Parse(s string) int {
	if s == "" {
		return 0
	}
	switch s[0] {
	case 'a':
		return 1
	case 'b':
		if len(s) > 2 {
			return 22
		}
		return 2
	}
	return 3
}

func unreached() int { return 4 }
`

const target = `package p

import "testing"

func FuzzParse(f *testing.F) {
	f.Add("a")
	f.Fuzz(func(t *testing.T, s string) {
		if Parse(s) > 22 || s == "bad" {
			t.Error(s)
		}
	})
}
`

// place writes files below a folder.
func place(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func input(s string) string { return "go test fuzz v1\nstring(\"" + s + "\")\n" }

// TestKeep keeps of what was found the smallest inputs that reach something new, and prints what they reach then.
func TestKeep(t *testing.T) {
	module, cache := t.TempDir(), t.TempDir()
	place(t, module, map[string]string{
		"go.mod": "module example.org/m\n\ngo 1.26\n", "p/p.go": parser, "p/p_test.go": target, "q/q.go": "package q\n",
		"p/testdata/fuzz/FuzzParse/old": input("a again"),
	})
	place(t, filepath.Join(cache, "example.org/m/p/FuzzParse"), map[string]string{
		"1": input("b"), "2": input("bb"), "3": input("bbb"), "4": input("bbbbbbbb"), "5": input("c"), "6": input("a"),
		"7": input(strings.Repeat("e", 5000)), "8": "of another format", "9": input("d"),
	})
	t.Chdir(module)
	command := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if err := run(t.Context(), args, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if out := command("coverage"); !strings.Contains(out, " 33.3% of    9 statements  example.org/m/p: FuzzParse") {
		t.Errorf("at first:\n%s", out)
	}
	if out := command("keep", "-cache", cache); !strings.Contains(out, "3 inputs more") || !strings.Contains(out, "7 of 9 statements, 3 before") {
		t.Errorf("kept:\n%s", out)
	}
	files, err := os.ReadDir("p/testdata/fuzz/FuzzParse")
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	got := strings.Join(names, " ")
	if err != nil || got != "1 3 5 old" && got != "1 3 9 old" {
		t.Errorf("%q are kept, %v", got, err)
	}
	if out := command("coverage", "./p"); !strings.Contains(out, " 77.8% of    9 statements") || !strings.Contains(out, " 77.8% of    9  p.go") {
		t.Errorf("in the end:\n%s", out)
	}
	place(t, filepath.Join(cache, "example.org/m/p/FuzzParse"), map[string]string{"bad": input("bad")})
	var out bytes.Buffer
	if err := run(t.Context(), []string{"keep", "-cache", cache}, &out); err == nil || !strings.Contains(err.Error(), "FuzzParse/bad") {
		t.Errorf("an input that fails: %v", err)
	}
}

func TestRefuses(t *testing.T) {
	for _, args := range [][]string{nil, {"coverage", "./nowhere"}, {"forget", "."}, {"keep", "-most", "x"}} {
		if err := run(t.Context(), args, &bytes.Buffer{}); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
	if _, err := parseProfile("mode: set\nwrong\n"); err == nil {
		t.Error("a wrong profile is read")
	}
}
