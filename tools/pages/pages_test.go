package pages

import (
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const moduleRoot = "../.."

func all(t *testing.T) []Page {
	t.Helper()
	list, err := All(moduleRoot)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 10 {
		t.Fatalf("%d pages only", len(list))
	}
	return list
}

// TestReadmeIsShort holds the README to one screen and the way to everything else: each page of docs is linked from it.
func TestReadmeIsShort(t *testing.T) {
	list := all(t)
	readme := list[slices.IndexFunc(list, func(p Page) bool { return p.Name == "README.md" })]
	if readme.Lines > 120 {
		t.Errorf("README.md has %d lines, 120 are allowed: the rest belongs into a page of docs", readme.Lines)
	}
	for _, p := range list {
		if p.Name != "README.md" && !slices.Contains(readme.Links, p.Name) {
			t.Errorf("README.md has no link to %s", p.Name)
		}
	}
}

// TestLinks follows every link to a file of the project or to a heading. Others' addresses are not fetched.
func TestLinks(t *testing.T) {
	list := all(t)
	anchors := map[string][]string{}
	for _, p := range list {
		anchors[p.Name] = p.Anchors
	}
	for _, p := range list {
		for _, to := range p.Links {
			if strings.Contains(to, "://") {
				continue
			}
			file, head, toHead := strings.Cut(to, "#")
			target := p.Name
			if file != "" {
				target = path.Join(path.Dir(p.Name), file)
			}
			if _, err := os.Stat(filepath.Join(moduleRoot, filepath.FromSlash(target))); err != nil {
				t.Errorf("%s links to %s, which is not there", p.Name, to)
			} else if toHead && !slices.Contains(anchors[target], head) {
				t.Errorf("%s links to %s, but %s has no such heading; it has %s", p.Name, to, target, strings.Join(anchors[target], ", "))
			}
		}
	}
}

// TestGoCompiles compiles the blocks of Go of every page, as files that exist in this test alone.
func TestGoCompiles(t *testing.T) {
	root, err := filepath.Abs(moduleRoot)
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	arguments := []string{"build", "-overlay", filepath.Join(t.TempDir(), "overlay.json")}
	for _, p := range all(t) {
		program := p.Program()
		if program == "" {
			continue
		}
		name := regexp.MustCompile(`\W`).ReplaceAllString(p.Name, "_")
		file := filepath.Join(t.TempDir(), name+".go")
		if err := os.WriteFile(file, []byte(program), 0o666); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(root, "tools", "pages", name, "page.go")] = file
		arguments = append(arguments, "./tools/pages/"+name)
	}
	if len(replace) < 2 {
		t.Fatalf("%d pages with Go, want the README and docs/library.md at least", len(replace))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(arguments[2], overlay, 0o666); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "go", arguments...)
	command.Dir = root
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v: %v\n%s", command, err, output)
	}
}

func TestParse(t *testing.T) {
	p := Parse("a.md", "# Head: `two` words\n\nSee [b](b.md#x-y) and ![c](c.png), not `[d](d.md)`.\n\n```sh\nglip a \\\n  --b c # comment\n# no command\n\nglip d\n```\n"+
		"```go\nx := fmt.Sprint(1)\n```\ntext\n```go\nfmt.Println(x)\n```\n")
	if p.Lines != 18 || p.Anchors[0] != "head-two-words" || p.Heads[0] != "Head: `two` words" {
		t.Errorf("%d lines, headings %q, anchors %q", p.Lines, p.Heads, p.Anchors)
	}
	if got := strings.Join(p.Links, " "); got != "b.md#x-y c.png" {
		t.Errorf("links %q", got)
	}
	if got := strings.Join(p.Spans, " "); got != "two [d](d.md)" {
		t.Errorf("code %q", got)
	}
	if got := strings.Join(p.Commands(), ";"); got != "glip a --b c;glip d" {
		t.Errorf("commands %q", got)
	}
	want := "package page\n\nimport \"context\"\nimport \"fmt\"\n\nfunc example(ctx context.Context) error {\n{\nvar err error\n_ = err\nx := fmt.Sprint(1)\n{\nvar err error\n_ = err\nfmt.Println(x)\n}\n}\nreturn nil\n}\n"
	if got := p.Program(); got != want {
		t.Errorf("program\n%s", got)
	}
	if got := Parse("b.md", "nothing\n").Program(); got != "" {
		t.Errorf("a page without Go is a program: %s", got)
	}
}
