//go:build cgo && linux

package engine

import (
	"errors"
	"fmt"

	vk "github.com/vulkan-go/vulkan"
)

// shaderDeviceAddress is a usage that the binding does not know.
const shaderDeviceAddress vk.BufferUsageFlags = 0x20000

// Buffer is a range of device or host memory that shaders and copies use. Its contents
// are undefined until written. The caller closes it, after the commands that use it.
type Buffer struct {
	d       *Device
	label   string
	size    int64
	memory  Memory
	vk      vk.Buffer
	place   place
	mapped  []byte
	written []byte // what Upload writes: mapped, or memory that the host only writes
	address uint64 // on the device, where Caps.BufferAddress

	users  int  // commands that hold it; guarded by d.mu
	copies int  // of the staging ring that are not known to be over; guarded by d.mu
	closed bool // guarded by d.mu
}

// NewBuffer makes a buffer of size bytes. The label names it in errors and debuggers.
// Errors: [ErrOutOfMemory]; [ErrUnsupported] above Caps.MaxAllocationBytes.
func (d *Device) NewBuffer(size int64, m Memory, label string) (*Buffer, error) {
	if err := d.computes(fmt.Sprintf("buffer %q", label)); err != nil {
		return nil, err
	}
	if size <= 0 {
		return nil, fmt.Errorf("engine: buffer %q: size is %d bytes, at least 1 is needed", label, size)
	}
	if limit := d.info.Caps.MaxAllocationBytes; size > limit {
		return nil, fmt.Errorf("engine: buffer %q: %d bytes, the device allows %d in one piece: %w", label, size, limit, ErrUnsupported)
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	b, err := d.newBuffer(size, m, label)
	if err = errors.Join(err, d.messages(label)); err != nil {
		if b != nil {
			b.release()
		}
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.buffers[b] = struct{}{}
	return b, nil
}

// newBuffer makes a buffer that is not entered in the list of the caller's buffers.
func (d *Device) newBuffer(size int64, m Memory, label string) (*Buffer, error) {
	b := &Buffer{d: d, label: label, size: size, memory: m}
	usage := vk.BufferUsageFlags(vk.BufferUsageStorageBufferBit | vk.BufferUsageUniformTexelBufferBit | vk.BufferUsageTransferSrcBit | vk.BufferUsageTransferDstBit)
	if d.info.Caps.BufferAddress {
		usage |= shaderDeviceAddress
	}
	info := vk.BufferCreateInfo{
		SType:       vk.StructureTypeBufferCreateInfo,
		Size:        vk.DeviceSize(d.roomFor(size)),
		Usage:       usage,
		SharingMode: vk.SharingModeExclusive,
	}
	if err := createObject(d, "buffer", "vkCreateBuffer", label, &info, &b.vk, vk.CreateBuffer); err != nil {
		return nil, err
	}
	var req vk.MemoryRequirements
	vk.GetBufferMemoryRequirements(d.vk, b.vk, &req)
	defer req.Free()
	req.Deref()
	place, err := d.memory.take(d, need{int64(req.Size), int64(req.Alignment), req.MemoryTypeBits, m, label})
	if err == nil {
		b.place = place
		err = d.call("vkBindBufferMemory", label, func() int32 {
			return int32(vk.BindBufferMemory(d.vk, b.vk, place.block.vk, vk.DeviceSize(place.offset)))
		})
	}
	if err != nil {
		b.release()
		return nil, err
	}
	if m != DeviceMemory || d.types[place.block.typ].unified() && !d.opts.ForceStaging {
		b.mapped = place.bytes()[:size:size]
	}
	if b.written = b.mapped; b.written == nil && d.types[place.block.typ].direct() && !d.opts.ForceStaging {
		b.written = place.bytes()[:size:size]
	}
	if d.info.Caps.BufferAddress {
		b.address = d.in.bufferAddress(d.vk, b.vk)
	}
	d.in.name(d.vk, objectBuffer, bits(b.vk), label)
	return b, nil
}

// Size returns the size in bytes.
func (b *Buffer) Size() int64 { return b.size }

// Bytes returns the memory itself, nil when the host does not see it or the buffer is
// closed. Writing it while commands that use the buffer run is a data race.
func (b *Buffer) Bytes() []byte {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	if b.closed || b.d.closed {
		return nil
	}
	return b.mapped
}

// Close frees the buffer. It refuses while commands that use the buffer are open: close
// those first. What a transfer that was left has begun is over before the memory is free, but Close
// does not wait for it. Calling it again does nothing.
func (b *Buffer) Close() error {
	b.d.mu.Lock()
	switch {
	case b.closed || b.d.closed: // Device.Close frees what is left
		b.d.mu.Unlock()
		return nil
	case b.users > 0:
		b.d.mu.Unlock()
		return fmt.Errorf("engine: buffer %q is used by %d commands that are still open; close those first", b.label, b.users)
	}
	b.closed = true
	delete(b.d.buffers, b)
	b.d.active++
	copied := b.copies > 0 // then whoever uses the staging ring next frees it
	b.d.mu.Unlock()
	defer b.d.leave()
	if !copied {
		b.release()
	}
	return b.d.messages(b.label)
}

// release destroys the Vulkan objects.
func (b *Buffer) release() {
	destroyObject(b.d, "buffer", b.vk, vk.DestroyBuffer)
	if b.place.block != nil {
		b.d.memory.give(b.d, b.place)
	}
	b.mapped, b.written = nil, nil
}
