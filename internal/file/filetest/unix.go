//go:build unix

package filetest

import "syscall"

const unix = true

func makePipe(path string) error { return syscall.Mkfifo(path, 0o600) }
