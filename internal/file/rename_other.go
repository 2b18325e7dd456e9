//go:build !windows

package file

import "os"

func rename(from, to string) error { return os.Rename(from, to) }

func openShared(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDONLY|neverWait, 0) }
