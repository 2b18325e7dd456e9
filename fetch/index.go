package fetch

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"sync"
)

const (
	usualBlock = 256 << 10
	mostIndex  = 24 << 20 // bytes of an archive's index: its directory, and the pickle of names and shapes
)

// index reads a remote file in blocks, which it keeps: enough for what an archive says of itself, not for what is in it.
type index struct {
	ctx    context.Context
	c      *connection
	remote remote
	block  int64

	mu     sync.Mutex
	blocks map[int64][]byte // by number
	held   int64            // bytes
	failed error            // of the network, the first
}

func (c *connection) index(ctx context.Context, r remote) *index {
	return &index{ctx: ctx, c: c, remote: r, block: cmp.Or(c.options.trial.block, usualBlock), blocks: map[int64][]byte{}}
}

// ReadAt implements [io.ReaderAt].
func (x *index) ReadAt(p []byte, off int64) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if at < 0 || at >= x.remote.Size {
			return n, io.EOF
		}
		if err := x.bring(at/x.block, (off+int64(len(p))-1)/x.block); err != nil {
			if x.failed == nil {
				x.failed = err
			}
			return n, err
		}
		n += copy(p[n:], x.blocks[at/x.block][at%x.block:])
	}
	return n, nil
}

// bring gets the first block and the ones behind it that are missing too, up to the last, with one request.
func (x *index) bring(first, last int64) error {
	if x.blocks[first] != nil {
		return nil
	}
	last = min(last, (x.remote.Size-1)/x.block)
	end := first + 1
	for end <= last && x.blocks[end] == nil {
		end++
	}
	size := min(end*x.block, x.remote.Size) - first*x.block
	if x.held+size > mostIndex {
		return fmt.Errorf("its index is larger than %d MiB", mostIndex>>20)
	}
	data := make([]byte, size)
	if err := x.c.into(x.ctx, x.remote, data, first*x.block); err != nil {
		return err
	}
	x.held += size
	for i := first; i < end; i++ {
		n := min(x.block, int64(len(data)))
		x.blocks[i], data = data[:n:n], data[n:]
	}
	return nil
}
