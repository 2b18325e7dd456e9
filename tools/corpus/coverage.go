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

// printCoverage prints what the fuzz targets of a package reach.
func printCoverage(ctx context.Context, p pkg, w io.Writer) error {
	folder, err := os.MkdirTemp("", "corpus")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	b, err := build(ctx, p, folder)
	if err != nil {
		return err
	}
	all, err := b.reach(ctx, "^Fuzz")
	if err != nil {
		return err
	}
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
	return nil
}

func percent(part, of int) float64 { return 100 * float64(part) / float64(max(of, 1)) }
