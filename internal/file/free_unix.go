//go:build linux || darwin

package file

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Free is how many bytes this user may still write to the disk that an existing folder lies on; false where that is not known.
func Free(folder string) (bytes int64, ok bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}

// Full says whether an error is for want of room: the disk is full, or the user may have no more of it, or no file as large.
func Full(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG)
}

// hold marks a file as one that is being written, until it is closed or the program ends.
func hold(f *os.File) { _ = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// held says whether a program is writing a file that [hold] marked.
func held(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return true // not to be seen, and not to be removed
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}
