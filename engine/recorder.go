//go:build cgo

package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Recorder collects dispatches and copies. It holds no Vulkan object: those are made by
// [Recorder.Finish]. Use it from one goroutine; the first mistake is kept and returned by
// Finish, so calls need no check of their own.
type Recorder struct {
	d     *Device
	label string
	opts  RecorderOptions
	err   error
	done  bool
	ops   []op
	steps []step // of ops
}

// op is one recorded command.
type op struct {
	kind     opKind
	dispatch Dispatch // with its own copies of Bindings and Push
	copy     copyOp
}

type opKind int

const (
	opDispatch opKind = iota
	opCopy
)

type copyOp struct {
	dst, src             *Buffer
	dstOffset, srcOffset int64
	size                 int64
}

// NewRecorder begins a recording. Timestamps on a queue without them are [ErrUnsupported].
func (d *Device) NewRecorder(label string, o RecorderOptions) (*Recorder, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	if err := d.computes(fmt.Sprintf("recorder %q", label)); err != nil {
		return nil, err
	}
	if o.Timestamps && d.info.Caps.TimestampBits == 0 {
		return nil, fmt.Errorf("engine: recorder %q: the queue of %s has no timestamps: %w", label, d.info.Name, ErrUnsupported)
	}
	return &Recorder{d: d, label: label, opts: o}, nil
}

// fail keeps the first error and says whether there is one.
func (r *Recorder) fail(err error) {
	if r.err == nil && err != nil {
		r.err = fmt.Errorf("engine: %s: %w", r.label, err)
	}
}

// Dispatch records one run of a pipeline. Barriers before it are derived from the access
// that its bindings and those of earlier steps declare.
func (r *Recorder) Dispatch(x Dispatch) {
	if r.done {
		r.fail(errors.New("recorded into after Finish or Abandon"))
	} else if err := r.checkDispatch(x); err != nil {
		r.fail(fmt.Errorf("dispatch %q: %w", x.Label, err))
	}
	if r.err != nil {
		return
	}
	x.Bindings = slices.Clone(x.Bindings)
	x.Push = slices.Clone(x.Push)
	if x.Pipeline.addressed {
		for i, b := range x.Bindings {
			binary.LittleEndian.PutUint64(x.Push[8*i:], b.Buffer.address+uint64(b.Offset))
		}
	}
	s := step{stage: computeStage}
	for _, b := range x.Bindings {
		size := b.Size
		if b.Texel != 0 { // the view may be longer: what it covers is ordered too
			size = r.d.viewOf(size)
		}
		s.uses = append(s.uses, use{b.Buffer, b.Offset, b.Offset + size, b.Access&Write != 0})
	}
	r.ops = append(r.ops, op{kind: opDispatch, dispatch: x})
	r.steps = append(r.steps, s)
}

// checkDispatch refuses whatever would be undefined behaviour on the device.
func (r *Recorder) checkDispatch(x Dispatch) error {
	p, caps := x.Pipeline, r.d.info.Caps
	switch {
	case p == nil:
		return errors.New("no pipeline")
	case p.d != r.d:
		return errors.New("the pipeline belongs to another device")
	case len(x.Bindings) != p.bindings:
		return fmt.Errorf("%d bindings, pipeline %q has %d", len(x.Bindings), p.label, p.bindings)
	case len(x.Push) != p.pushBytes:
		return fmt.Errorf("%d bytes of push constants, pipeline %q takes %d", len(x.Push), p.label, p.pushBytes)
	}
	for i, n := range x.Groups {
		if n < 1 || n > caps.MaxWorkgroups[i] {
			return fmt.Errorf("groups %v: %c must be from 1 to %d; split the dispatch: %w", x.Groups, 'x'+i, caps.MaxWorkgroups[i], ErrUnsupported)
		}
	}
	for i, b := range x.Bindings {
		err := r.checkRange(b.Buffer, b.Offset, b.Size)
		if err == nil {
			if err = checkBinding(b, p, i, caps); err != nil {
				err = fmt.Errorf("buffer %q: %w", b.Buffer.label, err)
			}
		}
		if err != nil {
			return fmt.Errorf("binding %d: %w", i, err)
		}
	}
	return nil
}

// addressAlignment is that of what a shader reads by address: a vector of four floats.
const addressAlignment = 16

// checkBinding looks at binding i of a pipeline, whose range lies in its buffer.
func checkBinding(b Binding, p *Pipeline, i int, caps Caps) error {
	texel, alignment := p.texels>>i&1 != 0, caps.StorageAlignment
	if p.addressed {
		alignment = addressAlignment
	}
	switch {
	case b.Access < Read || b.Access > ReadWrite:
		return errors.New("access is not stated (Read, Write or ReadWrite)")
	case b.Offset%alignment != 0:
		return fmt.Errorf("offset %d is not a multiple of %d", b.Offset, alignment)
	case b.Texel != 0 != texel:
		return fmt.Errorf("%d floats a texel, but the pipeline says texel buffer: %v", b.Texel, texel)
	case b.Half && !texel:
		return errors.New("half floats are for texel buffers; a shader says itself what a storage buffer holds")
	case b.Half && b.Texel != 4:
		return errors.New("half floats lie four to a texel, two to a word")
	case texel && (b.Texel != 1 && b.Texel != 4 || b.Access != Read || b.Size%b.texelBytes() != 0):
		return errors.New("a texel buffer has 1 or 4 floats a texel, whole texels and Read access")
	case texel && b.Size/b.texelBytes() > caps.MaxTexels:
		return fmt.Errorf("%d texels, the device binds at most %d; split the operation: %w", b.Size/b.texelBytes(), caps.MaxTexels, ErrUnsupported)
	case b.Size > caps.MaxStorageBufferRange && !p.addressed:
		return fmt.Errorf("%d bytes, the device binds at most %d; split the operation: %w", b.Size, caps.MaxStorageBufferRange, ErrUnsupported)
	}
	return nil
}

// texelBytes is the size of a texel.
func (b Binding) texelBytes() int64 {
	if b.Half {
		return 2 * int64(b.Texel)
	}
	return 4 * int64(b.Texel)
}

// checkRange also refuses closed buffers and those of another device.
func (r *Recorder) checkRange(b *Buffer, offset, size int64) error {
	switch {
	case b == nil:
		return errors.New("no buffer")
	case b.d != r.d:
		return fmt.Errorf("buffer %q belongs to another device", b.label)
	}
	return b.checkRange(offset, size)
}

func (b *Buffer) checkRange(offset, size int64) error {
	if offset < 0 || size <= 0 || size > b.size || offset > b.size-size {
		return fmt.Errorf("buffer %q: %d bytes at offset %d do not fit into its %d", b.label, size, offset, b.size)
	}
	return nil
}

// Copy records a copy of size bytes; offsets are bytes too. Ranges of one buffer must not overlap.
func (r *Recorder) Copy(dst *Buffer, dstOffset int64, src *Buffer, srcOffset, size int64) {
	if r.done {
		r.fail(errors.New("recorded into after Finish or Abandon"))
	} else if err := r.checkRange(dst, dstOffset, size); err != nil {
		r.fail(fmt.Errorf("copy to: %w", err))
	} else if err := r.checkRange(src, srcOffset, size); err != nil {
		r.fail(fmt.Errorf("copy from: %w", err))
	} else if dst == src && dstOffset < srcOffset+size && srcOffset < dstOffset+size {
		r.fail(fmt.Errorf("copy inside buffer %q: %d bytes from %d to %d overlap", dst.label, size, srcOffset, dstOffset))
	}
	if r.err != nil {
		return
	}
	r.ops = append(r.ops, op{kind: opCopy, copy: copyOp{dst, src, dstOffset, srcOffset, size}})
	r.steps = append(r.steps, step{stage: transferStage, uses: []use{
		{dst, dstOffset, dstOffset + size, true}, {src, srcOffset, srcOffset + size, false}}})
}

// Abandon drops the recording. It is safe after Finish, where it does nothing, so that it can be deferred.
func (r *Recorder) Abandon() {
	r.done = true
	r.ops, r.steps = nil, nil
}

// Finish turns the recording into commands, which the caller closes. The recorder is
// used up, whatever the outcome.
func (r *Recorder) Finish() (*Commands, error) {
	if r.done {
		r.fail(errors.New("finished twice"))
	}
	defer r.Abandon()
	if r.err != nil {
		return nil, r.err
	}
	if err := r.d.enter(); err != nil {
		return nil, err
	}
	defer r.d.leave()
	c := &Commands{d: r.d, label: r.label, unordered: r.opts.unordered}
	if err := c.hold(r.ops); err != nil {
		return nil, err
	}
	err := c.build(r)
	if err = errors.Join(err, r.d.messages(r.label)); err != nil {
		c.release()
		return nil, err
	}
	return c, nil
}
