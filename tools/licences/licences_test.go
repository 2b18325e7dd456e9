package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestModules runs the whole: the project's modules must pass, and the texts of what the commands link must be there.
func TestModules(t *testing.T) {
	file := filepath.Join(t.TempDir(), "texts")
	var out strings.Builder
	if err := run(t.Context(), []string{"-dir", moduleRoot, "-texts", file}, &out); err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{"github.com/spf13/cobra v commands Apache-2.0", "the Go distribution commands BSD-3-Clause", "github.com/golang/freetype v tools, tests FTL"} {
		if !hasRow(out.String(), strings.Fields(row)) {
			t.Errorf("no row %q in:\n%s", row, &out)
		}
	}
	texts, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"Joseph Kato", "Google Inc", "THIRD_PARTY_LICENSES/Boost-LICENSE", "golang.org/x/image"} {
		if !strings.Contains(string(texts), part) {
			t.Errorf("the texts lack %q", part)
		}
	}
	if strings.Contains(string(texts), "CC-BY") || strings.Contains(string(texts), "svgo") {
		t.Error("the texts hold a module that commands do not link")
	}
}

// hasRow says whether a line of the table begins with these words; "v" stands for a version.
func hasRow(table string, words []string) bool {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		ok := len(fields) >= len(words)
		for i := 0; ok && i < len(words); i++ {
			ok = fields[i] == words[i] || words[i] == "v" && strings.HasPrefix(fields[i], "v")
		}
		if ok {
			return true
		}
	}
	return false
}

// TestJudged makes modules under licences that must not be, and ones that must.
func TestJudged(t *testing.T) {
	isc := "Copyright (c) 2020 A. Name\n\nPermission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, " +
		"provided that the above copyright notice and this permission notice appear in all copies.\n\n" +
		"THE SOFTWARE IS PROVIDED \"AS IS\" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF " +
		"MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES " +
		"WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN " +
		"CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.\n"
	gpl := "This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the Free " +
		"Software Foundation, either version 3 of the License, or (at your option) any later version.\n"
	for _, row := range []struct {
		about  string
		path   string
		files  map[string]string
		linked bool
		want   string // in the error; empty: none
	}{
		{"a licence that is permitted", "x/isc", map[string]string{"LICENSE": isc}, true, ""},
		{"in a folder of a package", "x/isc", map[string]string{"LICENSE": isc, "inside/COPYING.txt": gpl}, true, "inside/COPYING.txt"},
		{"copyleft", "x/gpl", map[string]string{"COPYING": gpl}, false, "may be under"},
		{"none", "x/none", map[string]string{"README": isc}, false, "no file of it says"},
		{"words of its own", "x/own", map[string]string{"LICENCE.md": "Do with it what you like, on Sundays."}, false, "no licence that is known"},
		{"more than a licence", "x/more", map[string]string{"LICENSE": isc + strings.Repeat("And pay me a tenth of what you earn by it. ", 20)}, true, "no licence that is known"},
		{"for tools", "x/by", map[string]string{"LICENSE": "https://creativecommons.org/licenses/by/4.0/"}, false, ""},
		{"for tools, linked", "x/by", map[string]string{"LICENSE": "https://creativecommons.org/licenses/by/4.0/"}, true, "CC-BY-4.0"},
		{"what it contains is kept, not judged", "x/isc", map[string]string{"LICENSE": isc, "THIRD_PARTY/a": "own words", "NOTICE": "names"}, true, ""},
		{"a folder of what it contains", "x/isc", map[string]string{"LICENSE": isc, "third_party/b/LICENSE": "own words", "third_party/b/b.go": "package b", "LICENSE.docs": gpl}, true, ""},
		{"a choice that is gone", "github.com/golang/freetype", map[string]string{"LICENSE": isc}, false, "ftl.txt"},
	} {
		t.Run(row.about, func(t *testing.T) {
			m := module{Path: row.path, Version: "v1.0.0", Dir: t.TempDir(), linked: row.linked, folders: map[string]bool{".": true}}
			for name, text := range row.files {
				name = filepath.Join(m.Dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
				m.folders["inside"] = m.folders["inside"] || strings.Contains(name, "inside")
			}
			if !m.folders["inside"] {
				delete(m.folders, "inside")
			}
			switch err := m.read(); {
			case row.want == "" && err != nil:
				t.Error(err)
			case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
				t.Errorf("%v, want something about %q", err, row.want)
			}
			if _, third := row.files["THIRD_PARTY/a"]; third && len(m.others) != 2 {
				t.Errorf("kept %v beside the licence, want two files", m.others)
			}
		})
	}
}
