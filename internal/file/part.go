package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// OpenPart opens a file that is not complete, to go on with where it ends; it is made if need be. Errors are those of [Open].
func OpenPart(path string) (*File, error) {
	if info, err := os.Stat(path); err == nil {
		if err := check(path, info.Mode()); err != nil {
			return nil, err
		}
	}
	return openFile(path, os.O_RDWR|os.O_CREATE|neverWait, 0o644)
}

// Complete closes a part that has become the whole file and gives it its name. It is on the disk before, as a file of [Save] is.
func Complete(part *File, path string) error {
	if err := errors.Join(part.Sync(), part.Close()); err != nil {
		return fmt.Errorf("closing %s: %w", part.Name(), err)
	}
	if err := Rename(part.Name(), path); err != nil {
		return err
	}
	return keepName(path)
}

// keepName brings to the disk that a file has its name now, which needs its folder; some systems have no such thing.
func keepName(path string) error {
	if !foldersSync {
		return nil
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil
	}
	defer folder.Close()
	if err := call(opSync, path, folder.Sync); Failed(err) {
		return err
	}
	return nil
}
