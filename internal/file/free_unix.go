//go:build linux || darwin

package file

import "golang.org/x/sys/unix"

// Free is how many bytes this user may still write to the disk that an existing folder lies on; false where that is not known.
func Free(folder string) (bytes int64, ok bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}
