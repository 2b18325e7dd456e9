//go:build cgo

package engine

import (
	"cmp"
	"fmt"
	"runtime"

	vk "github.com/vulkan-go/vulkan"
)

// found is a device as scan finds it.
type found struct {
	info   Info
	phys   vk.PhysicalDevice
	types  []memoryType
	family int
	extras extras
}

// scan describes every device of the instance and marks the one that "auto" takes.
func (d *Device) scan() ([]found, error) {
	var n uint32
	list := make([]vk.PhysicalDevice, mostDevices)
	if err := d.call("vkEnumeratePhysicalDevices", "", func() int32 {
		for range 3 {
			n = mostDevices
			if r := vk.EnumeratePhysicalDevices(d.in.vk, &n, list); r != vk.Incomplete { // there are others by now
				return int32(r)
			}
		}
		return resultSuccess // those that were listed are there
	}); err != nil {
		return nil, err
	}
	all := make([]found, n)
	for i, p := range list[:n] {
		all[i] = d.describe(p)
		all[i].info.Index = i
	}
	if i := best(infosOf(all)); i >= 0 {
		all[i].info.Auto = true
	}
	return all, nil
}

// mostDevices are more than any driver offers.
const mostDevices = 256

func infosOf(all []found) []Info {
	infos := make([]Info, len(all))
	for i, f := range all {
		infos[i] = f.info
	}
	return infos
}

// describe reads what there is to know about a device.
func (d *Device) describe(p vk.PhysicalDevice) found {
	var props vk.PhysicalDeviceProperties
	vk.GetPhysicalDeviceProperties(p, &props)
	defer props.Free()
	props.Deref()
	limits := &props.Limits
	limits.Deref()
	api := vk.Version(props.ApiVersion)
	f := found{phys: p, info: Info{
		Name:          vk.ToString(props.DeviceName[:]),
		Kind:          kindName(props.DeviceType),
		DriverVersion: fmt.Sprintf("%#x", props.DriverVersion),
		APIVersion:    api.String(),
		VendorID:      props.VendorID,
		DeviceID:      props.DeviceID,
		Queues:        d.in.families(p),
		Caps: Caps{
			MaxStorageBufferRange: int64(limits.MaxStorageBufferRange),
			StorageAlignment:      max(1, int64(limits.MinStorageBufferOffsetAlignment), int64(limits.MinTexelBufferOffsetAlignment)),
			MaxTexels:             int64(limits.MaxTexelBufferElements),
			MaxPushConstants:      int(limits.MaxPushConstantsSize),
			MaxSharedMemory:       int(limits.MaxComputeSharedMemorySize),
			MaxInvocations:        int(limits.MaxComputeWorkGroupInvocations),
			MaxWorkgroupSize:      ints(limits.MaxComputeWorkGroupSize),
			MaxWorkgroups:         ints(limits.MaxComputeWorkGroupCount),
			MaxBindings:           int(min(limits.MaxPerStageDescriptorStorageBuffers, limits.MaxDescriptorSetStorageBuffers)),
			MaxTexelBindings:      int(min(limits.MaxPerStageDescriptorSampledImages, limits.MaxDescriptorSetSampledImages)),
			MaxResources:          int(limits.MaxPerStageResources),
			MaxAllocations:        int(limits.MaxMemoryAllocationCount),
			MaxAllocationBytes:    1 << 62,
			TimestampPeriod:       float64(limits.TimestampPeriod),
		},
	}}
	f.readMemory(&f.info)
	f.family = chooseQueue(f.info.Queues)
	if f.family >= 0 {
		f.info.Queues[f.family].Chosen = true
		f.info.Caps.TimestampBits = f.info.Queues[f.family].TimestampBits
	}
	if api.Major() == 1 && api.Minor() >= 1 {
		f.extras = d.in.extras(p, props.ApiVersion)
		fillExtras(&f.info, &f.extras)
		if f.extras.budget != 0 {
			left := d.in.budgets(p)
			for i := range f.info.Heaps {
				f.info.Heaps[i].Left = left[i]
			}
		}
		if f.info.Caps.CooperativeMatrix {
			f.info.Caps.CooperativeMatrices = d.in.matrices(p)
		}
	}
	f.info.Unusable = f.unusable(api, !d.opts.CompileOnly)
	if asideSet.Load() {
		f.info.Note, _ = setAside()
	}
	return f
}

// fillExtras copies the extras into the exported description.
func fillExtras(info *Info, x *extras) {
	driver, version := driverNames(x)
	info.Driver, info.DriverVersion = driver, cmp.Or(version, info.DriverVersion)
	c := &info.Caps
	c.MaxAllocationBytes = int64(min(uint64(x.maxAllocation), 1<<62))
	if x.maxBuffer != 0 {
		c.MaxAllocationBytes = min(c.MaxAllocationBytes, int64(min(uint64(x.maxBuffer), 1<<62)))
	}
	c.SubgroupSize = int(x.subgroupSize)
	c.SubgroupMin, c.SubgroupMax, c.MaxSubgroups = int(x.subgroupMin), int(x.subgroupMax), int(x.subgroupGroups)
	if x.subgroupStages&0x20 != 0 {
		c.SubgroupOperations = subgroupOperations(uint32(x.subgroupOperations))
	}
	c.SubgroupSizeControl = x.sizeControl != 0
	c.Float16, c.Int8, c.Storage16, c.Uniform16 = x.float16 != 0, x.int8 != 0, x.storage16 != 0, x.uniform16 != 0
	c.Int16, c.Int64 = x.int16 != 0, x.int64 != 0
	c.BufferAddress = x.address != 0
	c.CooperativeMatrix = x.cooperative != 0
	c.PipelineStatistics, c.CompilerStatistics = x.statistics != 0, x.executables != 0
}

// unusable says why a device cannot be used, "" where it can.
func (f *found) unusable(api vk.Version, memory bool) string {
	switch {
	case api.Major() != 1 || api.Minor() < 1:
		return fmt.Sprintf("Vulkan %s, at least 1.1 is needed", api)
	case f.family < 0:
		return "no queue that computes"
	case memory && len(memoryTypesFor(f.types, ^uint32(0), UploadMemory, false)) == 0:
		return "no host-visible, coherent memory"
	}
	return knownBad(runtime.GOARCH, f.info)
}

func (f *found) readMemory(info *Info) {
	var m vk.PhysicalDeviceMemoryProperties
	vk.GetPhysicalDeviceMemoryProperties(f.phys, &m)
	defer m.Free()
	m.Deref()
	for _, h := range m.MemoryHeaps[:m.MemoryHeapCount] {
		h.Deref()
		size := int64(min(uint64(h.Size), 1<<62))
		info.Heaps = append(info.Heaps, Heap{
			Bytes: size, Left: size,
			DeviceLocal: vk.MemoryHeapFlagBits(h.Flags)&vk.MemoryHeapDeviceLocalBit != 0,
		})
	}
	largest := int64(0)
	for _, h := range info.Heaps {
		if h.DeviceLocal {
			largest = max(largest, h.Bytes)
		}
	}
	for _, t := range m.MemoryTypes[:m.MemoryTypeCount] {
		t.Deref()
		has := func(b vk.MemoryPropertyFlagBits) bool { return vk.MemoryPropertyFlagBits(t.PropertyFlags)&b != 0 }
		mt := memoryType{
			local:    has(vk.MemoryPropertyDeviceLocalBit),
			visible:  has(vk.MemoryPropertyHostVisibleBit),
			coherent: has(vk.MemoryPropertyHostCoherentBit),
			cached:   has(vk.MemoryPropertyHostCachedBit),
			whole:    info.Heaps[t.HeapIndex].Bytes >= largest,
			heap:     int(t.HeapIndex),
		}
		f.types = append(f.types, mt)
		if mt.unified() {
			info.Caps.UnifiedMemory = true
		}
	}
}

func ints(v [3]uint32) [3]int { return [3]int{int(v[0]), int(v[1]), int(v[2])} }

func kindName(t vk.PhysicalDeviceType) string {
	kinds := []string{"other", "integrated", "discrete", "virtual", "cpu"} // by Vulkan's numbers
	if t < 0 || int(t) >= len(kinds) {
		return kinds[0]
	}
	return kinds[t]
}
