//go:build !linux && !darwin && !windows

package file

import "os"

// Free is how many bytes this user may still write to the disk that an existing folder lies on; false where that is not known.
func Free(string) (bytes int64, ok bool) { return 0, false }

// Full says whether an error is for want of room: the disk is full, or the user may have no more of it.
func Full(error) bool { return false }

func hold(*os.File) {}

func held(string) bool { return false }
