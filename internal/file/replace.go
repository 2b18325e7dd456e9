package file

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
	f    *File
	path string
}

// Stage writes what is to be the content of the file at path beside its place, down to the disk. Whoever stages a file
// places or discards it.
func Stage(path string, mode fs.FileMode, write func(io.Writer) error) (*Staged, error) {
	s, err := stage(path, mode, write)
	if err != nil {
		return nil, err
	}
	if err := s.f.Sync(); err != nil {
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
func (s *Staged) Discard() error { return errors.Join(s.f.Close(), s.f.Remove()) }

// Sweep removes from a folder what programs that were killed left in it of [Stage], [Save], [Replace], [Temporary] and [Double]. What a
// program is writing now stays, where the system has locks.
func Sweep(folder string) error {
	list, err := os.ReadDir(folder)
	for _, e := range list {
		if path := filepath.Join(folder, e.Name()); Unfinished(e.Name()) && !held(path) {
			err = errors.Join(err, Remove(path))
		}
	}
	return err
}

// Double makes what has a name have a second one too, that of a temporary file with an ending, or where that cannot be, a copy of it. Nobody sweeps it away until
// it is let go.
func (f *File) Double(name string) (second string, letGo func(), err error) {
	info, err := os.Lstat(name)
	if err != nil {
		return "", nil, err
	}
	second, letGo = f.Name()+behind, func() {}
	if err := double(name, info, second); err != nil || !info.Mode().IsRegular() {
		return second, letGo, err
	}
	if old, _, err := Open(second); err == nil {
		hold(old)
		letGo = func() { old.Close() }
	}
	return second, letGo, nil
}

func double(name string, info fs.FileInfo, second string) error {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		to, err := os.Readlink(name)
		if err != nil {
			return err
		}
		return Symlink(to, second)
	case !info.Mode().IsRegular():
		return Rename(name, second)
	case Link(name, second) == nil:
		return nil
	}
	old, _, err := Open(name)
	if err != nil {
		return err
	}
	defer old.Close()
	return Save(second, info.Mode().Perm(), func(w io.Writer) error {
		_, err := io.Copy(w, old)
		return err
	})
}

func stage(path string, mode fs.FileMode, write func(io.Writer) error) (*Staged, error) {
	folder := filepath.Dir(path)
	if err := MakeFolder(folder, mode|mode>>2&0o111); err != nil {
		return nil, err
	}
	f, err := Temporary(path)
	if err != nil {
		return nil, err
	}
	s := &Staged{f, path}
	if err := errors.Join(write(f), f.Chmod(mode)); err != nil {
		return nil, errors.Join(err, s.Discard())
	}
	return s, nil
}

// name closes the file and gives it its name.
func (s *Staged) name() error {
	err := s.f.Close()
	if err == nil {
		err = Rename(s.f.Name(), s.path)
	}
	if err != nil {
		return errors.Join(err, s.f.Remove())
	}
	return nil
}
