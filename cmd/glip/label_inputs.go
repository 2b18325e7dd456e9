package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/spf13/cobra"
)

// pictureList is the pictures that are labelled.
type pictureList struct {
	root     string // the folder that names are relative to, absolute
	pictures []listed
	numbered bool             // pictures have the numbers of a COCO file
	of       map[string]int64 // the file's categories, by name; nil without a file
	twice    int              // named more than once
}

// listed is one of them.
type listed struct {
	item
	name string // from the root, with forward slashes
	id   int64  // in a COCO file, else 0
}

// list finds the pictures: those of --coco, else those of --list and the command line.
func (f labelFlags) pictures(cmd *cobra.Command, args []string) (l pictureList, err error) {
	if f.coco != "" {
		if len(args) > 0 || f.list != "" {
			return l, cli.Usage("--coco names all pictures that are labelled: give no others, and their folder by --images")
		}
		return f.cocoPictures(cmd)
	}
	if f.images != "" {
		return l, cli.Usage("--images is the folder of --coco's pictures; other pictures are named by themselves")
	}
	if f.list != "" {
		more, err := readList(cmd.Context(), f.list, cmd.InOrStdin())
		if err != nil {
			return l, cli.Usage("--list: %w", err)
		}
		args = append(slices.Clone(args), more...)
	}
	if len(args) == 0 {
		return l, cli.Usage("label takes pictures, folders of pictures, --list or --coco, none given")
	}
	items, err := f.inputs(cmd, args)
	if err != nil {
		return l, err
	}
	if l.root, err = rootOf(args); err != nil {
		return l, cli.Blame(err)
	}
	return l, l.add(items)
}

// mostList bounds a list of pictures, in bytes.
const mostList = 1 << 30

// readList reads the names of files or folders, one on each line. One that does not lead anywhere from the working folder is
// taken from the folder of the list, where it does from there.
func readList(ctx context.Context, path string, stdin io.Reader) ([]string, error) {
	var data []byte
	var err error
	if path == stdinPath {
		data, err = file.Drain(ctx, stdin, "standard input", mostList)
	} else {
		data, err = file.ReadAll(ctx, path, mostList)
	}
	if err != nil {
		return nil, err
	}
	var list []string
	for line := range bytes.Lines(bytes.TrimPrefix(data, []byte("\ufeff"))) {
		name := strings.TrimSpace(string(line))
		if name == "" {
			continue
		}
		if beside := filepath.Join(filepath.Dir(path), name); path != stdinPath && !filepath.IsAbs(name) && !exists(name) && exists(beside) {
			name = beside
		}
		list = append(list, name)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s holds no name; want the path of a picture or folder on each line", path)
	}
	return list, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// rootOf is the deepest folder that holds all that is named; a folder that is named holds itself.
func rootOf(args []string) (root string, err error) {
	for i, arg := range args {
		at, err := filepath.Abs(arg)
		if err != nil {
			return "", err
		}
		if info, err := os.Stat(at); err != nil || !info.IsDir() {
			at = filepath.Dir(at)
		}
		if i == 0 {
			root = at
		}
		for !within(root, at) {
			above := filepath.Dir(root)
			if above == root {
				return "", fmt.Errorf("%s and %s have no folder in common: label them one after the other, with an --out each", args[0], arg)
			}
			root = above
		}
	}
	return root, nil
}

// within says whether path, absolute, is folder or in it.
func within(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rel)
}

// add names items by where they lie, each once.
func (l *pictureList) add(items []item) error {
	seen := map[string]bool{}
	for _, i := range items {
		if i.stream != nil {
			return cli.Usage("%s can be read once only, and labels belong to files: write it to one first", i.path)
		}
		at, err := filepath.Abs(i.path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(l.root, at)
		if err != nil {
			return cli.Blame(err)
		}
		name = filepath.ToSlash(name)
		if seen[name] {
			l.twice++
			continue
		}
		seen[name] = true
		l.pictures = append(l.pictures, listed{item: i, name: name})
	}
	return nil
}

// cocoPictures are those of a file of COCO's annotations, whatever is annotated in them.
func (f labelFlags) cocoPictures(cmd *cobra.Command) (l pictureList, err error) {
	folder := f.images
	if folder == "" {
		folder = filepath.Dir(f.coco)
	}
	set, err := dataset.Open(cmd.Context(), f.coco, dataset.Options{Pictures: folder, Empty: true, Unchecked: true})
	if err != nil {
		return l, cli.Usage("--coco: %w", err)
	}
	if n := set.Report.Nameless + set.Report.Twice; n > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "glip: %s: %s\n", f.coco, set.Report)
	}
	if l.root, err = filepath.Abs(folder); err != nil {
		return l, err
	}
	l.of = map[string]int64{}
	for _, c := range set.Categories {
		l.of[c.Name] = c.ID
	}
	id := map[string]int64{}
	l.numbered = true
	var items []item
	for _, p := range set.Pictures {
		items = append(items, newItem(p.Path, filepath.Base(p.Path)))
		id[p.Path] = p.ID
		l.numbered = l.numbered && p.ID > 0
	}
	if err := l.add(items); err != nil {
		return l, err
	}
	if l.twice > 0 || !l.numbered {
		l.numbered = false
		fmt.Fprintf(cmd.ErrOrStderr(), "glip: %s: its pictures have numbers below 1, or several for one file: labels count them anew\n", f.coco)
	}
	for i := range l.pictures {
		if p := &l.pictures[i]; l.numbered {
			p.id = id[p.path]
		}
		if !within(l.root, absolute(l.pictures[i].path)) {
			return l, cli.Usage("--coco %s: %s is not in %s, the folder of the pictures: give the folder that holds all of them by --images", f.coco, l.pictures[i].path, folder)
		}
	}
	return l, nil
}

// absolute is a path from the root of the system; the path itself where the working folder is not known.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// categoryIDs are the numbers of classes: those of the COCO file if it has all of them, those of COCO if they are its 80, else
// nil, which counts.
func (l pictureList) categoryIDs(names []string) []int64 {
	var ids []int64
	for _, name := range names {
		if id, ok := l.of[name]; ok {
			ids = append(ids, id)
		}
	}
	if len(ids) == len(names) {
		return ids
	}
	if !slices.Equal(names, cocoNames()) {
		return nil
	}
	ids = nil
	for _, id := range cocoIDs() {
		ids = append(ids, int64(id))
	}
	return ids
}
