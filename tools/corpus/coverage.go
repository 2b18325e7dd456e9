package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// measured builds the tests of a package and calls do with what the inputs in its testdata reach.
func measured(ctx context.Context, p pkg, do func(b binary, reached blocks) error) error {
	folder, err := os.MkdirTemp("", "corpus")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	b, err := build(ctx, p, folder)
	if err != nil {
		return err
	}
	reached, err := b.reach(ctx, "^Fuzz")
	if err != nil {
		return err
	}
	return do(b, reached)
}

// printCoverage prints what the fuzz targets of a package reach.
func printCoverage(ctx context.Context, p pkg, w io.Writer) error {
	return measured(ctx, p, func(_ binary, all blocks) error {
		all.print(p, w)
		return nil
	})
}

// print prints blocks by file.
func (all blocks) print(p pkg, w io.Writer) {
	files := map[string]blocks{}
	for place, x := range all {
		file, _, _ := strings.Cut(place, ":")
		if file = path.Base(file); files[file] == nil {
			files[file] = blocks{}
		}
		files[file][place] = x
	}
	reached, count := all.share()
	fmt.Fprintf(w, "%5.1f%% of %4d statements  %s: %s\n", percent(reached, count), count, p.path, strings.Join(p.targets, " "))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if reached, count := files[name].share(); reached > 0 {
			fmt.Fprintf(w, "    %5.1f%% of %4d  %s\n", percent(reached, count), count, name)
		}
	}
}

func percent(part, of int) float64 { return 100 * float64(part) / float64(max(of, 1)) }
