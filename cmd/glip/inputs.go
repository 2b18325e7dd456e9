package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/picture"
	"golang.org/x/term"
	"golang.org/x/text/unicode/norm"
)

// item is one input.
type item struct {
	path string
	stem string // what the names of its results begin with, in a folder of --out where there is a separator in it

	// stream opens what can be read once only; nil for a file.
	stream func(context.Context) (io.ReadCloser, error)
}

// stdinPath is the path of standard input.
const stdinPath = "-"

// expansion turns arguments into inputs.
type expansion struct {
	ctx       context.Context
	stdin     io.Reader
	recursive bool
	without   string                           // a folder that is not read, where results go; "" for none
	say       func(format string, args ...any) // what is left out
	items     []item
}

// expand takes a folder for what is in it, by name. Files that are missing are found when they are read.
func (e *expansion) expand(args []string) ([]item, error) {
	once := map[string]bool{}
	for _, arg := range args {
		i, stream := e.stream(arg)
		switch info, err := os.Stat(arg); {
		case stream && once[i.path]:
			return nil, cli.Usage("%s is given twice, and can be read once only", i.path)
		case stream:
			once[i.path] = true
			e.items = append(e.items, i)
		case err == nil && info.IsDir():
			if err := e.folder(arg); err != nil {
				return nil, cli.Blame(err)
			}
		default:
			e.items = append(e.items, newItem(arg, filepath.Base(arg)))
		}
	}
	return e.items, nil
}

// stream is the input that an argument names if it can be read once only: standard input and pipes.
func (e *expansion) stream(arg string) (i item, ok bool) {
	switch {
	case arg == stdinPath, arg == "/dev/stdin", arg == "/dev/fd/0", arg == "/proc/self/fd/0":
		return item{stdinPath, "stdin", func(context.Context) (io.ReadCloser, error) { return standardInput(e.stdin) }}, true
	case file.IsPipe(arg):
		i = newItem(arg, filepath.Base(arg))
		i.stream = func(ctx context.Context) (io.ReadCloser, error) { return file.OpenPipe(ctx, arg) }
	}
	return i, i.stream != nil
}

// standardInput refuses a terminal, which nobody types a picture into.
func standardInput(r io.Reader) (io.ReadCloser, error) {
	if f, ok := r.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return nil, errors.New("standard input is a terminal: send a picture into it, as in glip ... - < cat.jpg")
	}
	return io.NopCloser(r), nil
}

// newItem is a file whose results are named by a path below --out.
func newItem(path, below string) item {
	return item{path: path, stem: strings.TrimSuffix(below, filepath.Ext(below))}
}

// left counts what is in a folder and not read.
type left struct{ hidden, folders, known, broken, locked, own, results, others int }

// String says it in words; "" if there is nothing.
func (l left) String() string {
	var words []string
	for _, w := range []struct {
		n         int
		one, many string
	}{
		{l.hidden, "hidden file", "hidden files"},
		{l.folders, "folder (--recursive reads it)", "folders (--recursive reads them)"},
		{l.known, "folder that is read already", "folders that are read already"},
		{l.broken, "link that leads nowhere", "links that lead nowhere"},
		{l.locked, "folder that cannot be read", "folders that cannot be read"},
		{l.own, "folder that this run writes into", "folders that this run writes into"},
		{l.results, "result of glip", "results of glip"},
		{l.others, "other file", "other files"},
	} {
		if w.n > 0 {
			words = append(words, counted(w.n, w.one, w.many))
		}
	}
	return strings.Join(words, ", ")
}

// folder adds the pictures and arrays in a folder and says what else is there.
func (e *expansion) folder(path string) error {
	before := len(e.items)
	w := walk{expansion: e, top: path, known: map[string]bool{}}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		w.known[real] = true
	}
	if err := w.read(path); err != nil {
		return err
	}
	rest := w.left.String()
	switch n := len(e.items) - before; {
	case n == 0 && rest == "":
		return fmt.Errorf("folder %s is empty: it holds no picture or .npy file", path)
	case n == 0:
		return fmt.Errorf("folder %s holds no picture or .npy file, but %s", path, rest)
	case rest != "":
		e.say("%s: %s, left out: %s", path, counted(n, "input", "inputs"), rest)
	}
	return nil
}

// walk goes through a folder.
type walk struct {
	*expansion
	top   string
	known map[string]bool // folders on the way, by their path without links
	left  left
}

// read adds what is in the folder at path. What links bring back to a folder once more is not followed.
func (w *walk) read(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		name := entry.Name()
		if strings.HasPrefix(name, ".") {
			w.left.hidden++
			continue
		}
		at := filepath.Join(path, name)
		info, err := os.Stat(at)
		switch {
		case err != nil:
			w.left.broken++
		case info.IsDir():
			w.folder(at)
		case !info.Mode().IsRegular() || !readable(name):
			w.left.others++
		case made(name):
			w.left.results++
		default:
			below, err := filepath.Rel(w.top, at)
			if err != nil {
				return err
			}
			w.items = append(w.items, newItem(at, below))
		}
	}
	return nil
}

// folder reads a folder in a folder if that is asked for.
func (w *walk) folder(path string) {
	real, err := filepath.EvalSymlinks(path)
	switch {
	case !w.recursive:
		w.left.folders++
	case err != nil:
		w.left.broken++
	case w.without != "" && sameFile(real, w.without):
		w.left.own++
	case w.known[real]:
		w.left.known++
	default:
		w.known[real] = true
		if errors.Is(w.read(path), fs.ErrPermission) {
			w.left.locked++
		}
	}
}

// sameFile says whether two paths lead to one file or folder.
func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	y, failed := os.Stat(b)
	return err == nil && failed == nil && os.SameFile(x, y)
}

// refused is the stream of an input that is bad before it is read.
func refused(err error) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return nil, err }
}

// readable says by its name whether a file of a folder is meant as input.
func readable(name string) bool {
	return slices.Contains([]string{
		".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".npy",
	}, strings.ToLower(filepath.Ext(name)))
}

// made says by its name whether a file is a result of this program.
func made(name string) bool {
	name = strings.ToLower(name)
	ext := filepath.Ext(name)
	which := filepath.Ext(strings.TrimSuffix(name, ext)) // ".stage1" of cat.stage1.npy
	return ext == ".npy" && strings.HasPrefix(which, ".stage") || ext == ".png" && (which == ".viz" || which == ".boxes" || strings.HasPrefix(which, ".crop"))
}

// distinct refuses inputs whose results would have one name; some file systems tell neither cases nor compositions of letters apart.
func distinct(items []item) error {
	first := map[string]string{}
	for _, i := range items {
		key := norm.NFC.String(strings.ToLower(i.stem))
		if other, taken := first[key]; taken {
			return cli.Usage("%s and %s would both be written as %s.*: rename one, or run them with different --out folders", other, i.path, i.stem)
		}
		first[key] = i.path
	}
	return nil
}

// readInput reads a picture or a tensor; the other is nil.
func readInput(ctx context.Context, i item, limits picture.Limits, how ...picture.Option) (pic *picture.Picture, tensor *picture.Input, err error) {
	switch {
	case i.stream != nil:
		r, err := i.stream(ctx)
		if err != nil {
			return nil, nil, unread(fmt.Errorf("%s: %w", i.path, err))
		}
		pic, tensor, err = picture.ReadStream(ctx, r, i.path, limits, how...)
		err = errors.Join(err, r.Close())
		return pic, tensor, unread(err)
	case strings.EqualFold(filepath.Ext(i.path), ".npy"):
		pic, tensor, err = picture.OpenNpy(ctx, i.path, limits)
	default:
		var p picture.Picture
		p, err = picture.Open(ctx, i.path, limits, how...)
		pic = &p
	}
	if err != nil {
		return nil, nil, unread(err)
	}
	return pic, tensor, nil
}

// unread is the error of reading an input: bad input, but an interrupt is nobody's wrong usage.
func unread(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return cli.Blame(err)
}
