// Package memory says how much memory this process may still take, so that what is too large is refused with a sentence before it is taken:
// the runtime ends the process where the system gives none.
//
//	if err := memory.Want(bytes, "the weights"); err != nil { ... }
package memory

import (
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"runtime/metrics"
)

// ErrShort is wrapped where there is less memory than something takes; nothing has been taken. Remedy: take less, or raise the limit that the message names.
var ErrShort = errors.New("too little memory")

// Room is the least that the limits of this process, of its cgroup and the machine leave; false where none of them is known. Memory that the
// runtime keeps for later use counts as taken.
func Room() (least Left, known bool) {
	for _, l := range limits() {
		if l.Bytes = max(l.Bytes, 0); !known || l.Bytes < least.Bytes {
			least, known = l, true
		}
	}
	return least, known
}

// Spare is what is left for the runtime itself, for threads and for what is small, in bytes.
const Spare = 64 << 20

// small is what is not looked at, in bytes.
const small = 16 << 20

// Want is an error that wraps [ErrShort] if so many bytes for something cannot be had. What lies about is collected first.
func Want(bytes int64, what string) error {
	if bytes < small {
		return nil
	}
	left, known := Room()
	if !known || bytes <= left.Bytes-Spare {
		return nil
	}
	debug.FreeOSMemory()
	if left, known = Room(); !known || bytes <= left.Bytes-Spare {
		return nil
	}
	return &Short{what, bytes, left}
}

// Enough is an error that wraps [ErrShort] where there is not even what is needed to begin with.
func Enough() error {
	if left, known := Room(); known && left.Bytes < Spare {
		return fmt.Errorf("%w: there are %d MB (%s), and %d are wanted to begin with", ErrShort, left.Bytes>>20, left.Of, int64(Spare>>20))
	}
	return nil
}

// Short is the error of [Want].
type Short struct {
	What  string
	Bytes int64
	Left  Left
}

// Error implements the interface of errors.
func (s *Short) Error() string {
	return fmt.Sprintf("%v: %s takes %d MB, and there are %d (%s), of which %d are for what is small", ErrShort, s.What, megabytes(s.Bytes), s.Left.Bytes>>20, s.Left.Of, int64(Spare>>20))
}

// Unwrap implements the interface of package errors.
func (s *Short) Unwrap() error { return ErrShort }

// Share is how much of it would fit, from 0 to 1.
func (s *Short) Share() float64 { return max(0, float64(s.Left.Bytes-Spare)/float64(s.Bytes)) }

func megabytes(bytes int64) int64 { return (bytes + 1<<20 - 1) >> 20 }

// Bound tells the runtime to collect what lies about before a limit of this process is reached, rather than when there is as much of it as of what is in
// use; unless it was told otherwise, by GOMEMLIMIT.
func Bound() {
	left, known := Room()
	if !known || left.Of == machine || debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return
	}
	list := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(list)
	debug.SetMemoryLimit(int64(list[0].Value.Uint64()-list[1].Value.Uint64()) + max(left.Bytes-Spare, 0))
}
