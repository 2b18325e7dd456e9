package engine

import (
	"cmp"
	"slices"
)

// memoryType is a memory type of a device.
type memoryType struct {
	local, visible, coherent, cached bool
	whole                            bool // its heap is the device's largest: no small window into it
	heap                             int
}

// direct reports memory of the device that the host may write without a staging copy: all of an integrated device's, and with a
// resizable BAR all of a card's. Where it is not cached the host reads it very slowly, so that what comes back is copied.
func (t memoryType) direct() bool { return t.local && t.visible && t.coherent && (t.cached || t.whole) }

// unified reports memory that needs no staging copies: the device's own, and fast for the
// host to read and write. Uncached memory is not counted: the host reads it very slowly.
func (t memoryType) unified() bool { return t.local && t.visible && t.coherent && t.cached }

// suits says how well a type serves m: 0 not at all, more is better.
func (t memoryType) suits(m Memory, staging bool) int {
	switch {
	case m == DeviceMemory && !t.local, m != DeviceMemory && !(t.visible && t.coherent):
		return 0
	case m == DeviceMemory && t.unified() && !staging:
		return 4
	case m == DeviceMemory && t.direct() && !staging,
		m == UploadMemory && !t.local && !t.cached, // write-combined: the host only writes it
		m == ReadbackMemory && t.cached && !t.local:
		return 3
	case m == DeviceMemory && !t.visible, m == UploadMemory && !t.local, m == ReadbackMemory && t.cached:
		return 2
	}
	return 1 // of device memory a window that the host sees: kept for last, it may be small
}

// memoryTypesFor returns the indices of the types that serve m, best first, among those
// in allowed (a bit for each type).
func memoryTypesFor(types []memoryType, allowed uint32, m Memory, staging bool) []int {
	var list []int
	for i, t := range types {
		if allowed>>i&1 != 0 && t.suits(m, staging) > 0 {
			list = append(list, i)
		}
	}
	slices.SortStableFunc(list, func(a, b int) int {
		return cmp.Compare(types[b].suits(m, staging), types[a].suits(m, staging))
	})
	return list
}

// chooseQueue returns the index of the queue family to compute on: one without graphics
// where there is one, since it runs beside whatever draws the desktop; -1 when none computes.
func chooseQueue(queues []Queue) int {
	at := -1
	for i, q := range queues {
		if q.Compute && q.Count > 0 && (at < 0 || queues[at].Graphics && !q.Graphics) {
			at = i
		}
	}
	return at
}

// subgroupOperations names the bits of VkSubgroupFeatureFlags.
func subgroupOperations(bits uint32) []string {
	var list []string
	for i, name := range []string{"basic", "vote", "arithmetic", "ballot", "shuffle", "shuffle relative", "clustered", "quad"} {
		if bits>>i&1 != 0 {
			list = append(list, name)
		}
	}
	return list
}
