package file

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Replace makes data the content of the file at path, whole: it is written beside its place and renamed, so
// that a reader sees the old file or the new one, and after an error the old one. The folder is made if
// need be, for those who may enter a file of that mode.
func Replace(path string, data []byte, mode fs.FileMode) error {
	s, err := stage(path, mode, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	return s.name()
}

// Save is [Replace] of what write writes, which is on the disk before the old file goes: a crash of the machine
// leaves one of them.
func Save(path string, mode fs.FileMode, write func(io.Writer) error) error {
	s, err := Stage(path, mode, write)
	if err != nil {
		return err
	}
	return s.Place()
}

// Staged is a file that is written and has not its name yet. Several that belong together are staged before the first is placed.
type Staged struct {
	f    *os.File
	path string
}

// Stage writes what is to be the content of the file at path beside its place, down to the disk. Whoever stages a file
// places or discards it.
func Stage(path string, mode fs.FileMode, write func(io.Writer) error) (*Staged, error) {
	s, err := stage(path, mode, write)
	if err != nil {
		return nil, err
	}
	if err := s.called(s.f.Sync()); err != nil {
		return nil, errors.Join(err, s.Discard())
	}
	return s, nil
}

// Place gives the file its name, in place of what has it.
func (s *Staged) Place() error {
	if err := s.name(); err != nil {
		return err
	}
	return keepName(s.path)
}

// Discard removes the file.
func (s *Staged) Discard() error { return errors.Join(s.f.Close(), os.Remove(s.f.Name())) }

// unfinished begins the names of files on their way to their place, and digits follow; go:embed passes over a dot in front.
const unfinished = ".glip-new-"

// Sweep removes from a folder what [Stage], [Save] and [Replace] of programs that were killed left in it. What a program is writing
// now stays, where the system has locks.
func Sweep(folder string) error {
	list, err := os.ReadDir(folder)
	for _, e := range list {
		digits, ours := strings.CutPrefix(e.Name(), unfinished)
		if path := filepath.Join(folder, e.Name()); ours && strings.Trim(digits, "0123456789") == "" && !held(path) {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return err
}

func stage(path string, mode fs.FileMode, write func(io.Writer) error) (*Staged, error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, mode|mode>>2&0o111); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(folder, unfinished+"*")
	if err != nil {
		return nil, Called(err, path)
	}
	hold(f)
	s := &Staged{f, path}
	if err := errors.Join(write(s), s.called(f.Chmod(mode))); err != nil {
		return nil, errors.Join(err, s.Discard())
	}
	return s, nil
}

// Write implements [io.Writer].
func (s *Staged) Write(p []byte) (int, error) {
	n, err := s.f.Write(p)
	return n, s.called(err)
}

func (s *Staged) called(err error) error { return Called(err, s.path) }

// name closes the file and gives it its name.
func (s *Staged) name() error {
	err := s.called(s.f.Close())
	if err == nil {
		err = Rename(s.f.Name(), s.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(s.f.Name()))
	}
	return nil
}

// Called is an error of package os about a file on its way to its place, said of the path that it is to have: the
// other name means nothing to anybody.
func Called(err error, path string) error {
	if e, ok := err.(*fs.PathError); ok { // as it comes from package os, and not wrapped
		return &fs.PathError{Op: e.Op, Path: path, Err: e.Err}
	}
	return err
}

// Append opens the file at path for lines to be added to its end, made if need be.
func Append(path string, mode fs.FileMode) (*os.File, error) {
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, mode)
}
