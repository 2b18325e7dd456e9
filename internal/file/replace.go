package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace makes data the content of the file at path, whole: it is written beside its place and renamed, so
// that a reader sees the old file or the new one, and after an error the old one. The folder is made if
// need be, for those who may enter a file of that mode.
func Replace(path string, data []byte, mode fs.FileMode) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, mode|mode>>2&0o111); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, ".new-*") // go:embed passes over names with a dot in front
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
