//go:build unix

package file

import "syscall"

// neverWait opens a FIFO without waiting for its writer, and no terminal becomes ours.
const neverWait = syscall.O_NONBLOCK | syscall.O_NOCTTY
