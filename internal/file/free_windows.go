package file

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Free is how many bytes this user may still write to the disk that an existing folder lies on; false where that is not known.
func Free(folder string) (bytes int64, ok bool) {
	path, err := windows.UTF16PtrFromString(folder)
	if err != nil {
		return 0, false
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, nil, nil); err != nil {
		return 0, false
	}
	return int64(free), true
}

// Full says whether an error is for want of room on the disk.
func Full(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

func hold(*os.File) {}

// held is never so: a file that is open cannot be removed here.
func held(string) bool { return false }
