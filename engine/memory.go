//go:build cgo && linux

package engine

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	vk "github.com/vulkan-go/vulkan"
)

const (
	defaultBlockBytes = 64 << 20
	// blockAlign serves every binding offset and copy: limits on alignment are at most 256.
	blockAlign = 256
)

// memory holds the blocks that buffers are cut from.
type memory struct {
	mu     sync.Mutex
	blocks []*block
}

// block is one VkDeviceMemory, mapped for its whole life where it can be.
type block struct {
	vk     vk.DeviceMemory
	typ    int
	spans  *spans
	mapped []byte // nil where the host does not see it
}

// place is a part of a block.
type place struct {
	block        *block
	offset, size int64
}

func (p place) bytes() []byte {
	if p.block.mapped == nil {
		return nil
	}
	return p.block.mapped[p.offset : p.offset+p.size : p.offset+p.size]
}

// need is what a buffer asks of its memory.
type need struct {
	size, align int64
	allowed     uint32 // a bit for each memory type
	memory      Memory
	label       string
}

// take finds room, in the best memory type first; when a type has no memory left, in the next.
func (m *memory) take(d *Device, n need) (place, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n.align = max(n.align, blockAlign)
	types := memoryTypesFor(d.types, n.allowed, n.memory, d.opts.ForceStaging)
	if len(types) == 0 {
		return place{}, &Error{Call: "vkAllocateMemory", Result: "no suitable memory type", Label: n.label, Detail: n.memory.String(), kind: ErrUnsupported}
	}
	var errs []error
	for _, t := range types {
		for _, b := range m.blocks {
			if b.typ != t {
				continue
			}
			if offset, ok := b.spans.take(n.size, n.align); ok {
				return place{b, offset, n.size}, nil
			}
		}
		b, err := m.grow(d, t, n)
		if err == nil {
			offset, _ := b.spans.take(n.size, n.align)
			return place{b, offset, n.size}, nil
		}
		errs = append(errs, err)
		if !errors.Is(err, ErrOutOfMemory) {
			break
		}
	}
	return place{}, errors.Join(errs...)
}

// grow adds a block: of the usual size, or just large enough when the buffer is larger
// or the memory is nearly used up.
func (m *memory) grow(d *Device, typ int, n need) (*block, error) {
	usual := d.opts.blockBytes
	if usual <= 0 {
		// A small heap (a window of 256 MiB into device memory) is not for one block alone.
		usual = min(defaultBlockBytes, d.info.Heaps[d.types[typ].heap].Bytes/8)
	}
	heap := d.types[typ].heap
	left := d.left(heap)
	if n.size > left {
		return nil, &Error{Call: "vkAllocateMemory", Result: resultName(resultOutOfDeviceMemory), Label: n.label, kind: ErrOutOfMemory,
			Detail: fmt.Sprintf("%d MiB are wanted, and of the %d MiB of this memory the driver leaves this process %d (VK_EXT_memory_budget)",
				(n.size+1<<20-1)>>20, d.info.Heaps[heap].Bytes>>20, left>>20)}
	}
	if usual > left {
		usual = n.size
	}
	b, err := m.block(d, typ, max(usual, n.size), n.label)
	if err != nil && usual > n.size && errors.Is(err, ErrOutOfMemory) {
		b, err = m.block(d, typ, n.size, n.label)
	}
	return b, err
}

// left is what may still be taken of a heap: to go beyond what a driver grants makes it move memory to and fro, or fail later. Software
// drivers count the whole machine's memory, which others use too, and are asked by taking it.
func (d *Device) left(heap int) int64 {
	if d.extras.budget == 0 || d.info.Kind == "cpu" {
		return 1 << 62
	}
	return d.in.budgets(d.phys)[heap]
}

func (m *memory) block(d *Device, typ int, size int64, label string) (*block, error) {
	b := &block{typ: typ, spans: newSpans(size)}
	if err := d.allocateMemory(label, size, typ, &b.vk); err != nil {
		return nil, err
	}
	if t := d.types[typ]; t.visible && t.coherent {
		if err := d.call("vkMapMemory", label, func() int32 { return mapMemory(d.vk, b.vk, size, &b.mapped) }); err != nil {
			b.free(d)
			return nil, err
		}
	}
	m.blocks = append(m.blocks, b)
	return b, nil
}

// free also unmaps.
func (b *block) free(d *Device) {
	destroyObject(d, "memory", b.vk, vk.FreeMemory)
	b.mapped = nil
}

// give returns a place. A block that is left empty is freed, unless it is the only one of
// its type and of the usual size: then the next buffer is likely to want it.
func (m *memory) give(d *Device, p place) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p.block.spans.give(p.offset, p.size)
	if !p.block.spans.empty() {
		return
	}
	alone := !slices.ContainsFunc(m.blocks, func(b *block) bool { return b != p.block && b.typ == p.block.typ })
	if alone && p.block.spans.size <= defaultBlockBytes {
		return
	}
	m.blocks = slices.DeleteFunc(m.blocks, func(b *block) bool { return b == p.block })
	p.block.free(d)
}

func (m *memory) close(d *Device) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.blocks {
		b.free(d)
	}
	m.blocks = nil
}
