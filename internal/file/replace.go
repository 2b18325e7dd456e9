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
	return replace(path, mode, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// Save is [Replace] of what write writes, which is on the disk before the old file goes: a crash of the machine
// leaves one of them.
func Save(path string, mode fs.FileMode, write func(io.Writer) error) error {
	err := replace(path, mode, func(f *os.File) error {
		if err := write(f); err != nil {
			return err
		}
		return f.Sync()
	})
	if err != nil {
		return err
	}
	return keepName(path)
}

// unfinished begins the names of files on their way to their place; go:embed passes over a dot in front.
const unfinished = ".new-"

// Sweep removes from a folder what [Replace] and [Save] of programs that were killed left in it. Nobody else may be at work there.
func Sweep(folder string) error {
	list, err := os.ReadDir(folder)
	for _, e := range list {
		if strings.HasPrefix(e.Name(), unfinished) {
			err = errors.Join(err, os.Remove(filepath.Join(folder, e.Name())))
		}
	}
	return err
}

func replace(path string, mode fs.FileMode, write func(*os.File) error) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, mode|mode>>2&0o111); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, unfinished+"*")
	if err != nil {
		return err
	}
	err = write(f)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// Append opens the file at path for lines to be added to its end, made if need be.
func Append(path string, mode fs.FileMode) (*os.File, error) {
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, mode)
}
