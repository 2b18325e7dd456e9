//go:build !windows

package file

import "os"

// Rename gives a file another name, in place of what has it; who has that open keeps it as it was.
func Rename(from, to string) error { return os.Rename(from, to) }

func openShared(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDONLY|neverWait, 0) }
