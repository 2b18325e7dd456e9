//go:build !linux && !darwin && !windows

package file

// Free is how many bytes this user may still write to the disk that an existing folder lies on; false where that is not known.
func Free(string) (bytes int64, ok bool) { return 0, false }
