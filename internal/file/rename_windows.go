package file

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// rename is [Rename]. Other programs may hold a file so that it stays: most do for a moment (those that look for viruses, or make an
// index), so it is tried for a second.
func rename(from, to string) error {
	err := supersede(from, to)
	for wait := time.Millisecond; err != nil && wait < time.Second; wait *= 2 {
		if err = os.Rename(from, to); !inUse(err) {
			return err
		}
		if info, e := os.Stat(to); e == nil && info.IsDir() {
			return err
		}
		if err = aside(from, to); err != nil {
			time.Sleep(wait)
		}
	}
	return err
}

// aside renames what is in the way first, for file systems (and Wine) on which a name cannot be taken from an open file otherwise.
// Who is killed in between leaves the old file under the other name, which nothing removes.
func aside(from, to string) error {
	old := filepath.Join(filepath.Dir(to), fmt.Sprintf(".glip-old-%d", rand.Uint64()))
	if err := os.Rename(to, old); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return errors.Join(err, os.Rename(old, to))
	}
	_ = os.Remove(old) // an old file that stays does no harm
	return nil
}

// inUse says whether an error may be for another program's sake.
func inUse(err error) bool { return errors.Is(err, windows.ERROR_ACCESS_DENIED) || openElsewhere(err) }

// openElsewhere says whether an error is for the sake of a program that has the file open.
func openElsewhere(err error) bool {
	for _, e := range []error{windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION, windows.ERROR_USER_MAPPED_FILE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// NTFS writes names down by itself, and refuses to be asked for it.
const foldersSync = false

// renameEx is FileRenameInformationEx, the call that takes a name from a file that is open; Windows has it since 2017, for NTFS.
const renameEx = 65

// supersede renames so that a file in the way loses its name even while it is open, if it was opened to allow that.
func supersede(from, to string) error {
	h, err := create(from, windows.DELETE|windows.SYNCHRONIZE)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	if to, err = filepath.Abs(to); err != nil {
		return err
	}
	name, err := windows.UTF16FromString(native(to))
	if err != nil {
		return err
	}
	name = name[:len(name)-1] // its length is given
	type rename struct {
		flags  uint32
		folder windows.Handle
		length uint32
		name   [1]uint16
	}
	at := int(unsafe.Offsetof(rename{}.name))
	room := make([]uint64, (at+2*len(name)+15)/8) // aligned as the structure is
	r := (*rename)(unsafe.Pointer(unsafe.SliceData(room)))
	r.flags, r.length = windows.FILE_RENAME_REPLACE_IF_EXISTS|windows.FILE_RENAME_POSIX_SEMANTICS, uint32(2*len(name))
	copy(unsafe.Slice(&r.name[0], len(name)), name)
	var status windows.IO_STATUS_BLOCK
	return windows.NtSetInformationFile(h, &status, (*byte)(unsafe.Pointer(r)), uint32(8*len(room)), renameEx)
}

// native is an absolute path as the kernel calls it.
func native(path string) string {
	switch {
	case strings.HasPrefix(path, `\\?\`):
		return `\??\` + path[4:]
	case strings.HasPrefix(path, `\\`):
		return `\??\UNC\` + path[2:]
	}
	return `\??\` + path
}

// openShared opens a file for reading that may be renamed and removed meanwhile, which package os does not allow.
func openShared(path string) (*os.File, error) {
	h, err := create(path, windows.GENERIC_READ)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

func create(path string, access uint32) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	const all = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	return windows.CreateFile(name, access, all, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
}
