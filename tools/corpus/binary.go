package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// pkg is a package with fuzz targets.
type pkg struct {
	path, dir string
	targets   []string
}

var declared = regexp.MustCompile(`(?m)^func (Fuzz\w*)\(`)

// find lists packages that have fuzz targets.
func find(ctx context.Context, patterns []string) (list []pkg, err error) {
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	out, err := output(exec.CommandContext(ctx, "go", append([]string{"list", "-f", "{{.ImportPath}}\t{{.Dir}}\t{{range .TestGoFiles}}{{.}} {{end}}{{range .XTestGoFiles}}{{.}} {{end}}"}, patterns...)...))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if len(fields) != 3 {
			return nil, fmt.Errorf("go list says %q: want a path, a folder and files", line)
		}
		p := pkg{path: fields[0], dir: fields[1]}
		for _, name := range strings.Fields(fields[2]) {
			data, err := os.ReadFile(filepath.Join(p.dir, name))
			if err != nil {
				return nil, err
			}
			for _, m := range declared.FindAllSubmatch(data, -1) {
				p.targets = append(p.targets, string(m[1]))
			}
		}
		if len(p.targets) > 0 {
			slices.Sort(p.targets)
			list = append(list, p)
		}
	}
	return list, nil
}

// output runs a command; the error has what it said.
func output(cmd *exec.Cmd) (string, error) {
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", strings.Join(cmd.Args, " "), err, out.String(), said.String())
	}
	return out.String(), nil
}

// binary is a test program that counts the statements of its package.
type binary struct {
	pkg
	file, profile string
}

// build compiles it into a folder.
func build(ctx context.Context, p pkg, folder string) (binary, error) {
	b := binary{p, filepath.Join(folder, "fuzz.test"), filepath.Join(folder, "profile")}
	_, err := output(exec.CommandContext(ctx, "go", "test", "-c", "-cover", "-covermode=set", "-coverpkg="+p.path, "-o", b.file, p.path))
	return b, err
}

// reach runs the tests of a pattern and returns the blocks that it reached, of all that there are.
func (b binary) reach(ctx context.Context, pattern string) (blocks, error) {
	cmd := exec.CommandContext(ctx, b.file, "-test.run="+pattern, "-test.coverprofile="+b.profile, "-test.timeout=10m")
	cmd.Dir = b.dir
	if _, err := output(cmd); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(b.profile)
	if err != nil {
		return nil, err
	}
	return parseProfile(string(data))
}

// block is a run of statements.
type block struct {
	statements int
	reached    bool
}

// blocks are those of a package by place: file:line.column,line.column.
type blocks map[string]block

// parseProfile reads what -coverprofile writes: a line that says the mode, then "PLACE STATEMENTS COUNT" of each block.
func parseProfile(text string) (blocks, error) {
	all := blocks{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "mode: ") {
			continue
		}
		var place string
		var statements, count int
		if _, err := fmt.Sscanf(line, "%s %d %d", &place, &statements, &count); err != nil {
			return nil, fmt.Errorf("a line of the profile is %q: want a place and two numbers", line)
		}
		all[place] = block{statements, count > 0 || all[place].reached}
	}
	return all, nil
}

// adds says whether other reaches what b does not.
func (b blocks) adds(other blocks) bool {
	for place, x := range other {
		if x.reached && !b[place].reached {
			return true
		}
	}
	return false
}

// join adds what other reaches.
func (b blocks) join(other blocks) {
	for place, x := range other {
		b[place] = block{x.statements, x.reached || b[place].reached}
	}
}

// share counts statements reached, and all.
func (b blocks) share() (reached, all int) {
	for _, x := range b {
		all += x.statements
		if x.reached {
			reached += x.statements
		}
	}
	return reached, all
}
