//go:build unix

package file

import (
	"errors"
	"syscall"
)

// readOnly says whether an error is that nothing can be written on a disk.
func readOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

// broken says whether an error is a disk's.
func broken(err error) bool { return errors.Is(err, syscall.EIO) }
