package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// module is one that some package of the build comes from, the Go distribution included.
type module struct {
	Path, Version, Dir string

	linked   bool            // whether a command of the project links it; tools and tests use the rest
	folders  map[string]bool // of the packages in use, below Dir, with those above them
	terms    []string        // names of the files that say what its licence is, below Dir
	others   []string        // of notices and licences of what it contains
	texts    map[string]string
	licences []string // what terms are, by SPDX's names
}

func (m *module) use() string {
	if m.linked {
		return "commands"
	}
	return "tools, tests"
}

// builds are the settings under which the commands are released: cgo and the platform choose among files, and so among modules.
func builds() [][]string {
	return [][]string{
		{"CGO_ENABLED=1", "GOOS=linux", "GOARCH=amd64"}, {"CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64"},
		{"CGO_ENABLED=0", "GOOS=windows", "GOARCH=amd64"}, {"CGO_ENABLED=0", "GOOS=darwin", "GOARCH=arm64"},
	}
}

// list finds the modules by asking the go command for packages: of the commands, then of everything with its tests and tools. They are
// sorted, those that commands link first.
func list(ctx context.Context, dir string) ([]module, error) {
	found := map[string]*module{}
	for _, settings := range builds() {
		for _, part := range []struct {
			linked   bool
			patterns []string
		}{{true, []string{"./cmd/..."}}, {false, []string{"-test", "./...", "tool"}}} {
			if err := gather(ctx, dir, settings, part.patterns, part.linked, found); err != nil {
				return nil, err
			}
		}
	}
	var modules []module
	for _, path := range slices.Sorted(maps.Keys(found)) {
		modules = append(modules, *found[path])
	}
	slices.SortStableFunc(modules, func(a, b module) int { return strings.Compare(a.use(), b.use()) })
	return modules, nil
}

// gather adds the modules of all packages that the patterns need to found.
func gather(ctx context.Context, dir string, settings, patterns []string, linked bool, found map[string]*module) error {
	command := exec.CommandContext(ctx, "go", append([]string{"list", "-deps", "-json=Dir,Goroot,Root,Module"}, patterns...)...)
	command.Dir = dir
	command.Env = append(command.Environ(), settings...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return fmt.Errorf("%s go list %s: %w: %s", strings.Join(settings, " "), strings.Join(patterns, " "), err, &stderr)
	}
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p struct {
			Dir, Root string
			Goroot    bool
			Module    *struct {
				Path, Version, Dir string
				Main               bool
			}
		}
		err := decoder.Decode(&p)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("what go list says of %s: %w", strings.Join(patterns, " "), err)
		case p.Goroot && p.Root != "":
			add(found, module{Path: "the Go distribution", Dir: p.Root}, p.Root, linked)
		case p.Module != nil && !p.Module.Main:
			add(found, module{Path: p.Module.Path, Version: p.Module.Version, Dir: p.Module.Dir}, p.Dir, linked)
		}
	}
}

// add notes that a package in folder comes from m.
func add(found map[string]*module, m module, folder string, linked bool) {
	known, ok := found[m.Path]
	if !ok {
		known = &m
		known.folders = map[string]bool{".": true}
		found[m.Path] = known
	}
	known.linked = known.linked || linked
	inside, err := filepath.Rel(m.Dir, folder)
	for ; err == nil && inside != "."; inside = filepath.Dir(inside) {
		known.folders[inside] = true
	}
}
