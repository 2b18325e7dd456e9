//go:build !windows

package file

import "os"

func rename(from, to string) error { return os.Rename(from, to) }

// openElsewhere is what only Windows knows.
func openElsewhere(error) bool { return false }

// A folder is brought to the disk by a call of its own.
const foldersSync = true

func openShared(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDONLY|neverWait, 0) }
