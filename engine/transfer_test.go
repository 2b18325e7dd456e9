//go:build cgo

package engine

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

func TestTransfer(t *testing.T) {
	for _, c := range []struct {
		name    string
		staging bool
	}{{"direct", false}, {"staged", true}} {
		t.Run(c.name, func(t *testing.T) {
			d := openTest(t, func(o *Options) { o.ForceStaging = c.staging })
			if !c.staging && !d.Info().Caps.UnifiedMemory {
				t.Skip("this device has no memory that both it and the host see")
			}
			const size = 6*slotBytes + 13 // more than the ring, and a rest
			b := newBuffer(t, d, size, DeviceMemory, "b")
			if mapped := b.Bytes() != nil; mapped == c.staging {
				t.Errorf("mapped is %t", mapped)
			}
			src := make([]byte, size)
			rng := rand.New(rand.NewPCG(1, 2))
			for i := range src {
				src[i] = byte(rng.Uint32())
			}
			if err := d.Upload(t.Context(), b, 0, src); err != nil {
				t.Fatal(err)
			}
			if err := d.Upload(t.Context(), b, 5, src[:3]); err != nil { // odd offset, small
				t.Fatal(err)
			}
			copy(src[5:], src[:3])
			got := make([]byte, size)
			for range 2 {
				clear(got)
				if err := d.Download(t.Context(), got, b, 0); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, src) {
					t.Fatal("what came back differs from what was sent")
				}
			}
			part := make([]byte, 100)
			if err := d.Download(t.Context(), part, b, size-100); err != nil || !bytes.Equal(part, src[size-100:]) {
				t.Errorf("the last bytes differ (%v)", err)
			}
			checkTransferRefusals(t, d, b)
		})
	}
}

func checkTransferRefusals(t *testing.T, d *Device, b *Buffer) {
	t.Helper()
	other := openTest(t, nil)
	bytes := make([]byte, 8)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{
		"past the end":    d.Upload(t.Context(), b, b.Size()-7, bytes),
		"negative offset": d.Download(t.Context(), bytes, b, -1),
		"no buffer":       d.Upload(t.Context(), nil, 0, bytes),
		"other device":    other.Upload(t.Context(), b, 0, bytes),
		"cancelled":       d.Upload(cancelled, b, 0, bytes),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := d.Download(cancelled, bytes, b, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled download: %v", err)
	}
	if err := d.Upload(t.Context(), b, 0, nil); err != nil {
		t.Errorf("nothing to upload: %v", err)
	}
}

func TestMemoryKinds(t *testing.T) {
	d := openTest(t, nil)
	up := newBuffer(t, d, 256, UploadMemory, "up")
	mid := newBuffer(t, d, 256, DeviceMemory, "mid")
	down := newBuffer(t, d, 256, ReadbackMemory, "down")
	copy(up.Bytes(), ramp(1, 64))
	c := record(t, d, RecorderOptions{}, func(r *Recorder) {
		r.Copy(mid, 0, up, 0, 256)
		r.Copy(down, 0, mid, 0, 256)
	})
	if c.Barriers() != 1 {
		t.Errorf("%d barriers, want 1", c.Barriers())
	}
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(down.Bytes(), ramp(1, 64)) {
		t.Error("the copy of the copy differs")
	}
}

func TestBlocks(t *testing.T) {
	d := openTest(t, func(o *Options) { o.blockBytes = 1 << 20 })
	memory := func() int { return d.LiveByKind()["memory"] }
	var buffers []*Buffer
	for range 8 { // 8 x 100 KiB share one block
		buffers = append(buffers, must[*Buffer](t)(d.NewBuffer(100<<10, DeviceMemory, "small")))
	}
	if memory() != 1 {
		t.Errorf("%d blocks for eight small buffers, want 1", memory())
	}
	large := must[*Buffer](t)(d.NewBuffer(5<<20, DeviceMemory, "large"))
	if memory() != 2 {
		t.Errorf("%d blocks with a large buffer, want 2", memory())
	}
	more := must[*Buffer](t)(d.NewBuffer(900<<10, DeviceMemory, "more"))
	if memory() != 3 {
		t.Errorf("%d blocks when the first is full, want 3", memory())
	}
	for _, b := range append(buffers, large, more) {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if memory() != 1 {
		t.Errorf("%d blocks when all is free, want the one that is kept", memory())
	}
	again := newBuffer(t, d, 1000<<10, DeviceMemory, "again")
	if memory() != 1 || again.Size() != 1000<<10 {
		t.Errorf("%d blocks, want the kept one used", memory())
	}
	if _, err := d.NewBuffer(0, DeviceMemory, "empty"); err == nil {
		t.Error("a buffer of no bytes")
	}
	if _, err := d.NewBuffer(1<<62, DeviceMemory, "huge"); !errors.Is(err, ErrUnsupported) {
		t.Errorf("a huge buffer: %v, want ErrUnsupported", err)
	}
}

// TestLeftTransfer: a transfer behind long work ends with its context, the buffer may be closed at
// once, and the next transfer finds the ring in order.
func TestLeftTransfer(t *testing.T) {
	d := openTest(t, func(o *Options) { o.ForceStaging = true })
	x, work := longSpin(t, d)
	closing(t, x)
	c := record(t, d, RecorderOptions{}, func(r *Recorder) { r.Dispatch(work) })
	z := newBuffer(t, d, 256, DeviceMemory, "z")
	if err := d.Upload(t.Context(), z, 0, ramp(1, 64)); err != nil {
		t.Fatal(err)
	}
	for what, transfer := range map[string]func(ctx context.Context, y *Buffer) error{
		"upload":   func(ctx context.Context, y *Buffer) error { return d.Upload(ctx, y, 0, make([]byte, 9<<20)) },
		"download": func(ctx context.Context, y *Buffer) error { return d.Download(ctx, make([]byte, 9<<20), y, 0) },
	} {
		before := d.LiveByKind()["buffer"]
		y := must[*Buffer](t)(d.NewBuffer(9<<20, DeviceMemory, "y"))
		if err := c.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		start := time.Now()
		err := transfer(ctx, y)
		cancel()
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > 300*time.Millisecond {
			t.Errorf("%s: after %v: %v", what, took, err)
		}
		if err := y.Close(); err != nil {
			t.Errorf("%s: close: %v", what, err)
		}
		got := make([]byte, 256)
		if err := d.Download(t.Context(), got, z, 0); err != nil || !bytes.Equal(got, ramp(1, 64)) {
			t.Errorf("after a %s that was left: %v %v", what, got, err)
		}
		if after := d.LiveByKind()["buffer"]; after != before {
			t.Errorf("%s: %d buffers before, %d after", what, before, after)
		}
		if err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
