package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/picture"
)

// item is one input file.
type item struct {
	path string
	stem string // what the names of its results begin with
}

// expand turns arguments into files: a folder stands for the pictures and arrays
// in it, by name. Files that are missing are found when they are read. Two files
// of one stem would overwrite each other's results and are refused.
func expand(args []string) ([]item, error) {
	var items []item
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil || !info.IsDir() {
			items = append(items, newItem(arg))
			continue
		}
		entries, err := os.ReadDir(arg)
		if err != nil {
			return nil, cli.Blame(err)
		}
		before := len(items)
		for _, e := range entries {
			if e.Type().IsRegular() && readable(e.Name()) {
				items = append(items, newItem(filepath.Join(arg, e.Name())))
			}
		}
		if len(items) == before {
			return nil, cli.Usage("folder %s holds no PNG, JPEG, GIF, WebP, BMP or .npy file", arg)
		}
	}
	first := map[string]string{}
	for _, i := range items {
		key := strings.ToLower(i.stem) // some file systems do not tell cases apart
		if other, taken := first[key]; taken {
			return nil, cli.Usage("%s and %s would both be written as %s.*: rename one, or run them with different --out folders", other, i.path, i.stem)
		}
		first[key] = i.path
	}
	return items, nil
}

func newItem(path string) item {
	base := filepath.Base(path)
	return item{path: path, stem: strings.TrimSuffix(base, filepath.Ext(base))}
}

// readable says by its name whether a file of a folder is meant as input. Results
// of this program that lie there are not.
func readable(name string) bool {
	name = strings.ToLower(name)
	ext := filepath.Ext(name)
	made := filepath.Ext(strings.TrimSuffix(name, ext)) // ".stage1" of cat.stage1.npy
	if ext == ".npy" && strings.HasPrefix(made, ".stage") || ext == ".png" && (made == ".viz" || made == ".boxes" || strings.HasPrefix(made, ".crop")) {
		return false
	}
	return slices.Contains([]string{".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".npy"}, ext)
}

// readInput reads a picture or a tensor; the other is nil.
func readInput(ctx context.Context, i item, limits picture.Limits) (*picture.Picture, *picture.Input, error) {
	if strings.EqualFold(filepath.Ext(i.path), ".npy") {
		pic, tensor, err := picture.OpenNpy(ctx, i.path, limits)
		if err != nil {
			return nil, nil, explain(err)
		}
		return pic, tensor, nil
	}
	pic, err := picture.Open(ctx, i.path, limits)
	if err != nil {
		return nil, nil, explain(err)
	}
	return &pic, nil, nil
}

// explain names the flag that raises a limit.
func explain(err error) error {
	if errors.Is(err, context.Canceled) {
		return err // an interrupt is nobody's wrong usage
	}
	var limit *picture.LimitError
	if errors.As(err, &limit) {
		flag := map[string]string{"MaxSide": "--max-side", "MaxPixels": "--max-pixels", "MaxMemory": "--max-memory"}[limit.Option]
		err = fmt.Errorf("%w (%s)", err, flag)
	}
	return cli.Blame(err)
}
