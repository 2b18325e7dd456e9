package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// entry is an input that was found.
type entry struct {
	name string
	size int64
}

// keep copies those inputs into testdata/fuzz of a package that reach something new.
func keep(ctx context.Context, p pkg, cache string, most int64, w io.Writer) error {
	if cache == "" {
		out, err := output(exec.CommandContext(ctx, "go", "env", "GOCACHE"))
		if err != nil {
			return err
		}
		cache = filepath.Join(strings.TrimSpace(out), "fuzz")
	}
	return measured(ctx, p, func(b binary, known blocks) error {
		before, _ := known.share()
		kept, total := 0, int64(0)
		for _, target := range p.targets {
			n, size, err := b.keep(ctx, target, filepath.Join(cache, filepath.FromSlash(p.path), target), most, known)
			if err != nil {
				return err
			}
			kept, total = kept+n, total+size
		}
		after, all := known.share()
		fmt.Fprintf(w, "%s: %d inputs more, of %d bytes: %d of %d statements, %d before\n", p.path, kept, total, after, all, before)
		return nil
	})
}

// keep does so for one target. It tries inputs together, and those of a group that reaches something new again by halves.
func (b binary) keep(ctx context.Context, target, found string, most int64, known blocks) (kept int, size int64, err error) {
	home := filepath.Join(b.dir, "testdata", "fuzz", target)
	list, err := fresh(found, home, most)
	if err != nil || len(list) == 0 {
		return 0, 0, err
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return 0, 0, err
	}
	wanted := map[string]bool{}
	defer func() { // folders that stay empty go
		for _, e := range list {
			if !wanted[e.name] {
				err = errors.Join(err, os.Remove(filepath.Join(home, e.name)))
			}
		}
		for _, dir := range []string{home, filepath.Dir(home), filepath.Dir(filepath.Dir(home))} {
			_ = os.Remove(dir)
		}
	}()
	for _, e := range list {
		data, err := os.ReadFile(filepath.Join(found, e.name))
		if err == nil {
			err = os.WriteFile(filepath.Join(home, e.name), data, 0o644)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	var try func(list []entry) error
	try = func(list []entry) error {
		reached, err := b.reach(ctx, patternOf(target, list))
		if err != nil || !known.adds(reached) {
			return err
		}
		if len(list) == 1 {
			known.join(reached)
			wanted[list[0].name], kept, size = true, kept+1, size+list[0].size
			return nil
		}
		if err := try(list[:len(list)/2]); err != nil {
			return err
		}
		return try(list[len(list)/2:])
	}
	err = try(list)
	return kept, size, err
}

// patternOf names inputs of a target, as -test.run takes it.
func patternOf(target string, list []entry) string {
	var names []string
	for _, e := range list {
		names = append(names, regexp.QuoteMeta(e.name))
	}
	return "^" + target + "$/^(" + strings.Join(names, "|") + ")$"
}

// fresh are the inputs of a folder that are in the form of go test -fuzz, not too large, and not at home yet, the smallest first.
func fresh(found, home string, most int64) (list []entry, err error) {
	files, err := os.ReadDir(found)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			return nil, err
		}
		if _, err := os.Lstat(filepath.Join(home, f.Name())); err == nil || info.Size() > most || !info.Mode().IsRegular() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(found, f.Name()))
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(data, []byte("go test fuzz v1\n")) {
			list = append(list, entry{f.Name(), info.Size()})
		}
	}
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(a.size, b.size) })
	return list, nil
}
