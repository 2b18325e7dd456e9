// Package pages reads the README and the pages of docs as far as its tests need it: code blocks, commands, names of flags, and links. The
// tests run every command, compile every block of Go and follow every link:
//
//	go test ./tools/pages
//	make commands             # also those that take long
package pages

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Page is a Markdown file of the project.
type Page struct {
	Name    string // below the module's root, with slashes
	Lines   int
	Blocks  []Block
	Spans   []string // inline code
	Links   []string // where links and pictures lead
	Anchors []string // what a link to a heading says behind #
	Heads   []string // the headings as they stand, without #
}

// Block is a fenced block of code.
type Block struct {
	Language string // "sh", "go" or "text"
	Text     string
	Line     int // of its fence, from 1
}

var (
	span = regexp.MustCompile("`([^`]+)`")
	link = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// All reads every page of the module at root: the Markdown files beside go.mod and those of docs.
func All(root string) ([]Page, error) {
	var list []Page
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			name, err := filepath.Rel(root, file)
			if err != nil {
				return nil, err
			}
			list = append(list, Parse(filepath.ToSlash(name), string(text)))
		}
	}
	return list, nil
}

// Parse reads a page.
func Parse(name, text string) Page {
	p := Page{Name: name}
	var open *Block
	for line := range strings.Lines(text) {
		p.Lines++
		fence, fenced := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fenced && open == nil:
			open = &Block{Language: fence, Line: p.Lines}
		case fenced:
			p.Blocks = append(p.Blocks, *open)
			open = nil
		case open != nil:
			open.Text += line
		default:
			p.prose(strings.TrimSuffix(line, "\n"))
		}
	}
	return p
}

// prose takes headings, inline code and links out of a line.
func (p *Page) prose(line string) {
	if head := strings.TrimLeft(line, "#"); head != line {
		head = strings.TrimSpace(head)
		p.Heads = append(p.Heads, head)
		p.Anchors = append(p.Anchors, anchor(head))
	}
	for _, match := range span.FindAllStringSubmatch(line, -1) {
		p.Spans = append(p.Spans, match[1])
	}
	for _, match := range link.FindAllStringSubmatch(span.ReplaceAllString(line, "``"), -1) {
		p.Links = append(p.Links, match[1])
	}
}

// anchor is what GitHub makes of a heading: lower case, without punctuation, hyphens for spaces.
func anchor(head string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, head)
}

// Commands are the commands of the page's shell blocks, one for each line that is no comment; a line that ends in \ goes on in the next. Spaces
// that only indent are one.
func (p Page) Commands() []string {
	var commands []string
	for _, b := range p.Blocks {
		if b.Language != "sh" {
			continue
		}
		for line := range strings.Lines(strings.ReplaceAll(b.Text, "\\\n", "")) {
			line, _, _ = strings.Cut(line, " # ")
			if line = strings.Join(strings.Fields(line), " "); line != "" && !strings.HasPrefix(line, "#") {
				commands = append(commands, line)
			}
		}
	}
	return commands
}

// packages are those that blocks of Go may name without an import, by the name that they are used under.
var packages = map[string]string{
	"convert": "github.com/glipvk/glipvk/convert", "dataset": "github.com/glipvk/glipvk/dataset", "train": "github.com/glipvk/glipvk/train",
	"labels":  "github.com/glipvk/glipvk/labels",
	"context": "context", "fmt": "fmt", "log": "log", "os": "os", "errors": "errors",
	"glipvk": "github.com/glipvk/glipvk", "picture": "github.com/glipvk/glipvk/picture", "glip": "github.com/glipvk/glipvk/glip",
	"swin": "github.com/glipvk/glipvk/swin", "text": "github.com/glipvk/glipvk/text", "viz": "github.com/glipvk/glipvk/viz",
}

// Program is a Go file of the page's blocks, empty where there are none: the body of a function that has ctx and returns an error, in
// which each block sees what those before it declare. A block may leave its errors out.
func (p Page) Program() string {
	var body strings.Builder
	depth := 0
	for _, b := range p.Blocks {
		if b.Language == "go" {
			body.WriteString("{\nvar err error\n_ = err\n" + b.Text)
			depth++
		}
	}
	if depth == 0 {
		return ""
	}
	var imports []string
	for name, path := range packages {
		if name == "context" || regexp.MustCompile(`\b`+name+`\.[A-Z]`).MatchString(body.String()) {
			imports = append(imports, "import \""+path+"\"\n")
		}
	}
	slices.Sort(imports)
	return "package page\n\n" + strings.Join(imports, "") + "\nfunc example(ctx context.Context) error {\n" + body.String() +
		strings.Repeat("}\n", depth) + "return nil\n}\n"
}
