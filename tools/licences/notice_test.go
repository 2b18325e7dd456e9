package main

import (
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/licensecheck"
)

const moduleRoot = "../.."

// ours says whether a file is the project's own text, which the licence covers without a word in NOTICE: source, documentation, and what
// tools read.
func ours(name string) bool {
	endings := []string{".go", ".comp", ".glsl", ".c", ".h", ".s", ".sh", ".py", ".mjs", ".md", ".mod", ".sum", ".yml"}
	names := []string{"LICENSE", "NOTICE", "Makefile", ".gitignore", ".gitattributes", ".ci/run"}
	return slices.Contains(endings, path.Ext(name)) || slices.Contains(names, name)
}

// named are the names behind "Files:" in a notice.
func named(notice string) []string {
	var names []string
	for line := range strings.Lines(notice) {
		if list, ok := strings.CutPrefix(strings.TrimSpace(line), "Files: "); ok {
			names = append(names, strings.Fields(list)...)
		}
	}
	return names
}

// covers says whether a name of a notice is the file's or a folder's in which it lies, and how much of the file's name it spells out.
func covers(name, file string) (length int, ok bool) {
	if strings.HasSuffix(name, "/") {
		return len(name), strings.HasPrefix(file, name)
	}
	ok, err := path.Match(name, file)
	return len(file), err == nil && ok
}

// unnamed are the files that no name covers, and the names that cover no file.
func unnamed(names, files []string) (missing, idle []string) {
	used := map[string]bool{}
	for _, file := range files {
		if ours(file) {
			continue
		}
		closest, longest := "", 0
		for _, name := range names {
			if n, ok := covers(name, file); ok && n > longest {
				closest, longest = name, n
			}
		}
		if used[closest] = true; closest == "" {
			missing = append(missing, file)
		}
	}
	for _, name := range names {
		if !used[name] {
			idle = append(idle, name)
		}
	}
	return missing, idle
}

// TestNoticeNamesEveryDatum requires NOTICE to say where everything in the repository comes from that is not the project's own text.
func TestNoticeNamesEveryDatum(t *testing.T) {
	notice := read(t, "NOTICE")
	command := exec.CommandContext(t.Context(), "git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	command.Dir = moduleRoot
	output, err := command.Output()
	if _, none := os.Stat(filepath.Join(moduleRoot, ".git")); none != nil || errors.Is(err, exec.ErrNotFound) {
		t.Skip("only git knows which files are the project's, and it is not here, or this is no checkout")
	}
	if err != nil {
		t.Fatal(err)
	}
	files := slices.DeleteFunc(strings.Split(strings.TrimSuffix(string(output), "\x00"), "\x00"), func(name string) bool {
		_, err := os.Lstat(filepath.Join(moduleRoot, filepath.FromSlash(name)))
		return err != nil // removed, and not committed yet
	})
	if len(files) < 100 {
		t.Fatalf("git lists %d files only", len(files))
	}
	missing, idle := unnamed(named(notice), files)
	for _, file := range missing {
		t.Errorf("%s: NOTICE does not say where it comes from and under which terms it is; name it there behind \"Files:\"", file)
	}
	for _, name := range idle {
		t.Errorf("NOTICE names %s, which is not there or is named closer by another line", name)
	}
}

func TestUnnamed(t *testing.T) {
	names := named("Files: a/b.png a/*.jpg\nsome text: a/e.png\n    Files: data/ data/other.bin gone.txt\n")
	files := []string{"a/b.png", "a/c.jpg", "a/d/c.jpg", "a/e.png", "data/x/y.npy", "data/other.bin", "a/code.go", "README.md"}
	missing, idle := unnamed(names, files)
	if got := strings.Join(missing, " "); got != "a/d/c.jpg a/e.png" {
		t.Errorf("missing %q", got)
	}
	if got := strings.Join(idle, " "); got != "gone.txt" {
		t.Errorf("idle %q", got)
	}
}

// TestLicence holds LICENSE to the text that NOTICE and the README name.
func TestLicence(t *testing.T) {
	c := licensecheck.Scan([]byte(read(t, "LICENSE")))
	if len(c.Match) != 1 || c.Match[0].ID != "Apache-2.0" || c.Percent < 99 {
		t.Errorf("LICENSE is %v to %.1f %%, want Apache-2.0 and nothing else", c.Match, c.Percent)
	}
	if of := licences(read(t, "NOTICE")[strings.Index(read(t, "NOTICE"), "5. Licence of scikit-image"):]); !slices.Equal(of, []string{"BSD-3-Clause"}) {
		t.Errorf("NOTICE ends with %v, want the licence of scikit-image, BSD-3-Clause", of)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(moduleRoot, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
