//go:build cgo && linux

package engine

import (
	"context"
	"errors"
	"fmt"

	vk "github.com/vulkan-go/vulkan"

	"github.com/glipvk/glipvk/internal/turn"
)

const (
	stagingSlots = 4
	slotBytes    = 4 << 20
)

// staging is a ring of slots in one mapped buffer: while the device copies one, the host
// fills or empties another. It is made when first needed and kept until the device closes.
type staging struct {
	turn   *turn.Lock // one transfer at a time
	buffer *Buffer
	slots  []*slot
	next   int
}

// slot is a part of the staging buffer with what is needed to copy it.
type slot struct {
	commands Commands // its pool, buffer and fence; recorded anew for each copy
	offset   int64
	then     []byte  // where the contents go when the copy is over, nil for an upload
	other    *Buffer // at the other end of a copy that is not known to be over
}

// Upload copies src into dst at offset (bytes) and returns when it is there. A buffer that
// the host sees is written directly; any other through the staging ring. When the context ends it
// returns; what the device has begun it finishes by itself, and the buffer's contents are partly
// old. The caller makes sure that no commands use the range meanwhile.
func (d *Device) Upload(ctx context.Context, dst *Buffer, offset int64, src []byte) error {
	return d.transfer(ctx, "upload", dst, offset, len(src), func() error {
		if dst.written != nil {
			copy(dst.written[offset:], src)
			return nil
		}
		return d.staging.run(ctx, d, dst, int64(len(src)), func(s *slot, at, n int64) error {
			copy(d.staging.window(s), src[at:at+n])
			return d.submitCopy(s, copyOp{dst, d.staging.buffer, offset + at, s.offset, n})
		})
	})
}

// Download copies from src at offset (bytes) into dst and returns when it is there; the
// same holds as for [Device.Upload].
func (d *Device) Download(ctx context.Context, dst []byte, src *Buffer, offset int64) error {
	return d.transfer(ctx, "download", src, offset, len(dst), func() error {
		if src.mapped != nil {
			copy(dst, src.mapped[offset:])
			return nil
		}
		return d.staging.run(ctx, d, src, int64(len(dst)), func(s *slot, at, n int64) error {
			s.then = dst[at : at+n]
			return d.submitCopy(s, copyOp{d.staging.buffer, src, s.offset, offset + at, n})
		})
	})
}

// transfer checks the arguments and keeps the buffer open during f.
func (d *Device) transfer(ctx context.Context, verb string, b *Buffer, offset int64, n int, f func() error) error {
	if err := d.computes(verb); err != nil {
		return err
	}
	if b == nil || b.d != d {
		return fmt.Errorf("engine: %s: the buffer is nil or belongs to another device", verb)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("engine: %s %q: %w", verb, b.label, err)
	}
	if n == 0 {
		return nil
	}
	if err := b.checkRange(offset, int64(n)); err != nil {
		return fmt.Errorf("engine: %s: %w", verb, err)
	}
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	if err := b.use(); err != nil {
		return fmt.Errorf("engine: %s: %w", verb, err)
	}
	defer b.unuse()
	return errors.Join(f(), d.messages(b.label))
}

// use keeps a buffer open until unuse.
func (b *Buffer) use() error {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	if b.closed {
		return fmt.Errorf("buffer %q: %w", b.label, ErrClosed)
	}
	b.users++
	return nil
}

func (b *Buffer) unuse() {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	b.users--
}

// run cuts a transfer to or from b, of n bytes, into pieces of at most one slot, and waits for
// all of them unless the context ends: what is in flight then, whoever uses the ring next waits for.
func (s *staging) run(ctx context.Context, d *Device, b *Buffer, n int64, piece func(s *slot, at, n int64) error) error {
	if err := s.turn.Acquire(ctx); err != nil {
		return fmt.Errorf("engine: transfer: %w", err)
	}
	defer s.turn.Release()
	if err := s.open(d); err != nil {
		return err
	}
	err := s.pieces(ctx, b, n, piece)
	for range s.slots { // oldest first
		x := s.oldest()
		if e := x.settle(ctx, s); err == nil {
			err = e
		}
		x.then = nil // the caller's memory is theirs again
	}
	return err
}

func (s *staging) pieces(ctx context.Context, b *Buffer, n int64, piece func(s *slot, at, n int64) error) error {
	for at := int64(0); at < n; at += slotBytes {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("engine: transfer after %d of %d bytes: %w", at, n, err)
		}
		x := s.oldest()
		if err := x.settle(ctx, s); err != nil {
			return err
		}
		if err := piece(x, at, min(slotBytes, n-at)); err != nil {
			return err
		}
		x.other = b
		b.d.mu.Lock()
		b.copies++
		b.d.mu.Unlock()
	}
	return nil
}

// oldest returns the slot that was used longest ago.
func (s *staging) oldest() *slot {
	x := s.slots[s.next]
	s.next = (s.next + 1) % len(s.slots)
	return x
}

func (s *staging) window(x *slot) []byte { return s.buffer.mapped[x.offset : x.offset+slotBytes] }

// settle waits for a slot's copy and hands its contents over.
func (x *slot) settle(ctx context.Context, s *staging) error {
	if err := x.commands.wait(ctx); err != nil {
		if ctx.Err() == nil { // not left, but failed
			x.commands.drain()
			x.over()
		}
		x.then = nil
		return err
	}
	if x.then != nil {
		copy(x.then, s.window(x))
		x.then = nil
	}
	x.over()
	return nil
}

// over lets the buffer go, for good if it was closed meanwhile.
func (x *slot) over() {
	b := x.other
	if x.other = nil; b == nil {
		return
	}
	b.d.mu.Lock()
	b.copies--
	last := b.closed && b.copies == 0
	b.d.mu.Unlock()
	if last {
		b.release()
	}
}

// submitCopy records and submits one copy in a slot that is settled.
func (d *Device) submitCopy(x *slot, k copyOp) error {
	c := &x.commands
	err := d.call("vkResetCommandPool", c.label, func() int32 { return int32(vk.ResetCommandPool(d.vk, c.pool, 0)) })
	if err == nil {
		err = d.begin(c.label, c.buffer)
	}
	if err == nil {
		d.openBarrier(c.buffer)
		d.in.copy(c.buffer, k.dst.vk, k.dstOffset, k.src.vk, k.srcOffset, k.size)
		d.closeBarrier(c.buffer)
		err = d.end(c.label, c.buffer)
	}
	if err == nil {
		err = c.submit()
	}
	if err != nil {
		x.then = nil
	}
	return err
}

// open makes the ring the first time; a failure leaves nothing behind.
func (s *staging) open(d *Device) error {
	if s.buffer != nil {
		return nil
	}
	// Cached memory for both directions: the host reads it fast, and writes are no slower.
	b, err := d.newBuffer(stagingSlots*slotBytes, ReadbackMemory, "staging ring")
	if err != nil {
		return err
	}
	s.buffer = b
	for i := range stagingSlots {
		x := &slot{offset: int64(i) * slotBytes, commands: Commands{d: d, label: "staging ring"}}
		s.slots = append(s.slots, x)
		k := &x.commands
		if err := d.newPool("staging ring", vk.CommandPoolCreateTransientBit, &k.pool, &k.buffer, &k.fence); err != nil {
			s.close(d)
			return err
		}
	}
	return nil
}

// close frees the ring; nothing is in flight.
func (s *staging) close(d *Device) {
	for _, x := range s.slots {
		x.over()
		x.commands.release()
	}
	if s.buffer != nil {
		s.buffer.release()
	}
	s.slots, s.buffer, s.next = nil, nil, 0
}
