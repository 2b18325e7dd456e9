package file

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// Error is that of a call that would have changed what is on a disk. Path is the file that was meant, also where a
// temporary one was at hand.
type Error struct {
	Op, Path string
	Err      error
}

// Error implements the interface of errors.
func (e *Error) Error() string { return e.Op + " " + e.Path + ": " + e.Err.Error() }

// Unwrap implements the interface of package errors.
func (e *Error) Unwrap() error { return e.Err }

// Remedy says what helps against an error of writing, "" for others.
func Remedy(err error) string {
	var e *Error
	switch ours := errors.As(err, &e); {
	case Full(err):
		return "make room there, or choose another folder"
	case !ours:
		return ""
	case openElsewhere(err):
		return "another program has it open: close it there"
	case errors.Is(err, fs.ErrPermission), readOnly(err):
		return "allow writing there, or choose another folder"
	case broken(err):
		return "the disk failed: see the system's log, or choose another folder"
	}
	return "choose another folder"
}

// Failed says whether the disk, or what may be done there, kept something from being written, and not a path that is wrong.
func Failed(err error) bool {
	var e *Error
	return Full(err) || errors.As(err, &e) && (errors.Is(err, fs.ErrPermission) || readOnly(err) || broken(err))
}

// The calls that change what is on a disk, as [Intercept] and [Error] name them.
const (
	opFolder   = "mkdir"
	opCreate   = "create"
	opWrite    = "write"
	opMode     = "chmod"
	opTruncate = "truncate"
	opSync     = "sync"
	opClose    = "close"
	opRename   = "rename"
	opRemove   = "remove"
	opLink     = "link"
	opSymlink  = "symlink"
)

// Calls lists them.
func Calls() []string {
	return []string{opFolder, opCreate, opWrite, opMode, opTruncate, opSync, opClose, opRename, opRemove, opLink, opSymlink}
}

var intercepted atomic.Pointer[func(op, path string) error]

// Intercept shows f every call that is to change what is on a disk, before it is made. An error of f is the call's instead; a
// write then has written half of what it was given, and a file is closed all the same. It is for tests.
func Intercept(f func(op, path string) error) { intercepted.Store(&f) }

// call makes a call, unless a test lets it fail.
func call(op, path string, do func() error) error {
	if f := intercepted.Load(); f != nil {
		if err := (*f)(op, path); err != nil {
			return &Error{op, path, err}
		}
	}
	return said(op, path, do())
}

// said is an error of package os in our words.
func said(op, path string, err error) error {
	var of *fs.PathError
	var two *os.LinkError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &of):
		err = of.Err
	case errors.As(err, &two):
		err = two.Err
	}
	return &Error{op, path, err}
}

// MakeFolder makes a folder and those that it is in, as far as they are not there.
func MakeFolder(path string, mode fs.FileMode) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	return call(opFolder, path, func() error { return os.MkdirAll(path, mode) })
}

// Remove removes a file or an empty folder.
func Remove(path string) error {
	return call(opRemove, path, func() error { return os.Remove(path) })
}

// Clear removes a file where it is; that it is not there is well.
func Clear(path string) error {
	if err := Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Rename gives a file another name, in place of what has it; who has that open by [Open] keeps it as it was.
func Rename(from, to string) error {
	return call(opRename, to, func() error { return rename(from, to) })
}

// Link gives a file a second name.
func Link(old, second string) error {
	return call(opLink, second, func() error { return os.Link(old, second) })
}

// Symlink makes a link that leads to a path.
func Symlink(to, path string) error {
	return call(opSymlink, path, func() error { return os.Symlink(to, path) })
}

// Truncate cuts a file off.
func Truncate(path string, size int64) error {
	return call(opTruncate, path, func() error { return os.Truncate(path, size) })
}

// Probe makes a folder, if need be, and makes sure that files can be made in it.
func Probe(folder string) error {
	if err := MakeFolder(folder, 0o755); err != nil {
		return err
	}
	f, err := Temporary(filepath.Join(folder, "a file"))
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), f.Remove())
}

// File is one that is written to.
type File struct {
	f    *os.File
	path string // that errors name
}

// unfinished begins the names of files on their way to their place, and digits follow; go:embed passes over a dot in front.
const unfinished = ".glip-new-"

// Unfinished says whether a name is one of those that files on their way to their place have, or what is to be replaced.
func Unfinished(name string) bool {
	digits, ours := strings.CutPrefix(strings.TrimSuffix(name, behind), unfinished)
	return ours && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// behind ends the second name of what had a name before.
const behind = ".earlier"

// Temporary makes a new file beside its place at path, under another name, which errors do not mention. Once it is closed, whoever made it gives it
// its name or removes it; those of programs that were killed go with [Sweep].
func Temporary(path string) (f *File, err error) {
	f = &File{path: path}
	err = call(opCreate, path, func() (err error) { f.f, err = os.CreateTemp(filepath.Dir(path), unfinished+"*"); return err })
	if err != nil {
		return nil, err
	}
	hold(f.f)
	return f, nil
}

// openFile opens a file by its own name.
func openFile(path string, flags int, mode fs.FileMode) (f *File, err error) {
	f = &File{path: path}
	err = call(opCreate, path, func() (err error) { f.f, err = os.OpenFile(path, flags, mode); return err })
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Append opens the file at path for lines to be added to its end, made if need be.
func Append(path string, mode fs.FileMode) (*File, error) {
	return openFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, mode)
}

// Name is that of the file as it is now.
func (f *File) Name() string { return f.f.Name() }

// Stat describes the file.
func (f *File) Stat() (fs.FileInfo, error) { return f.f.Stat() }

// Read implements [io.Reader].
func (f *File) Read(p []byte) (int, error) { return f.f.Read(p) }

// ReadAt implements [io.ReaderAt].
func (f *File) ReadAt(p []byte, at int64) (int, error) { return f.f.ReadAt(p, at) }

// Write implements [io.Writer].
func (f *File) Write(p []byte) (int, error) { return f.write(p, f.f.Write) }

// WriteAt implements [io.WriterAt].
func (f *File) WriteAt(p []byte, at int64) (int, error) {
	return f.write(p, func(p []byte) (int, error) { return f.f.WriteAt(p, at) })
}

func (f *File) write(p []byte, do func([]byte) (int, error)) (n int, err error) {
	made := false
	err = call(opWrite, f.path, func() (err error) {
		made = true
		n, err = do(p)
		return err
	})
	if err != nil && !made {
		n, _ = do(p[:len(p)/2])
	}
	return n, err
}

// Truncate cuts the file off.
func (f *File) Truncate(size int64) error {
	return call(opTruncate, f.path, func() error { return f.f.Truncate(size) })
}

// Chmod changes who may do what with the file.
func (f *File) Chmod(mode fs.FileMode) error {
	return call(opMode, f.path, func() error { return f.f.Chmod(mode) })
}

// Sync brings what was written to the disk.
func (f *File) Sync() error { return call(opSync, f.path, f.f.Sync) }

// Close closes the file.
func (f *File) Close() error {
	err := f.f.Close()
	return call(opClose, f.path, func() error { return err })
}

// Remove removes the file, which is closed, by the name that it has.
func (f *File) Remove() error { return Remove(f.f.Name()) }

var _ interface {
	io.ReadWriteCloser
	io.WriterAt
	io.ReaderAt
} = (*File)(nil)
