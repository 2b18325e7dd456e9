//go:build cgo && linux

package engine

// This file is the only one that uses cgo or unsafe. The rules it keeps:
//
//   - Go memory handed to C is read or written during the call only, except where a
//     structure of the binding holds a pointer to it: that memory is pinned until the
//     call is over.
//   - Memory that C keeps (messages, call tables, mapped device memory) is C's.
//   - Handles travel as numbers, never as Go pointers: some drivers use small integers.
//   - Calls whose arguments hold arrays of structures or of strings go through ext.h,
//     all others through the binding. The binding frees such arrays from a finalizer
//     that may run while the call still reads them.

/*
#cgo LDFLAGS: -ldl -lpthread
#include "ext.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
	"unsafe"

	vk "github.com/vulkan-go/vulkan"
)

// handle is a Vulkan handle as a number.
type handle = C.Handle

// bits returns the handle's value. H is a pointer or an integer of 64 bits.
func bits[H vk.Instance | vk.PhysicalDevice | vk.Device | vk.Queue | vk.CommandBuffer | vk.Fence | vk.Buffer |
	vk.DeviceMemory | vk.BufferView | vk.ShaderModule | vk.PipelineCache | vk.PipelineLayout | vk.DescriptorSetLayout |
	vk.DescriptorPool | vk.DescriptorSet | vk.Pipeline | vk.CommandPool | vk.QueryPool](h H) handle {
	return *(*handle)(unsafe.Pointer(&h))
}

// made is create for a call of ext.h; the handle goes to a variable of the binding's type.
func made[H any](d *Device, kind, name, label string, out *H, f func(h *handle) C.Result) error {
	return d.create(kind, name, label, func() int32 {
		var h handle
		r := f(&h)
		if r == resultSuccess { // else it is undefined
			*(*handle)(unsafe.Pointer(out)) = h
		}
		return int32(r)
	})
}

// openLoader finds the Vulkan loader once for the process and hands its entry point to
// the binding, which keeps it in a global of its own.
var openLoader = sync.OnceValues(func() (unsafe.Pointer, error) {
	return findLoader("libvulkan.so.1", "libvulkan.so")
})

func findLoader(names ...string) (unsafe.Pointer, error) {
	for _, name := range names {
		c := C.CString(name)
		resolver := C.loader_open(c)
		C.free(unsafe.Pointer(c))
		if resolver == nil {
			continue
		}
		vk.SetGetInstanceProcAddr(resolver)
		if err := vk.Init(); err != nil {
			return nil, fmt.Errorf("engine: %s: %w: %w", name, err, ErrNoDevice)
		}
		return resolver, nil
	}
	return nil, fmt.Errorf("engine: there is no Vulkan loader (libvulkan.so.1) on this machine; "+
		"install one and a driver (Debian: libvulkan1 and mesa-vulkan-drivers) or use the CPU: %w", ErrNoDevice)
}

// initCalls lets the binding resolve its functions once; the loader's functions serve
// every instance.
var initCalls sync.Once

const validationLayer = C.VALIDATION

func hasLayer(resolver unsafe.Pointer) bool { return C.has_layer(resolver) != 0 }

// hasInstanceExtension asks the driver, or a layer where one is named.
func hasInstanceExtension(resolver unsafe.Pointer, layer, name string) bool {
	var l *C.char
	if layer != "" {
		l = C.CString(layer)
		defer C.free(unsafe.Pointer(l))
	}
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return C.has_instance_extension(resolver, l, c) != 0
}

// instance is a Vulkan instance with its call table and its messages.
type instance struct {
	vk        vk.Instance
	calls     *C.Calls
	log       *C.Messages // nil without validation
	messenger handle
}

func (d *Device) newInstance(resolver unsafe.Pointer) (*instance, error) {
	in, validation := &instance{}, d.opts.Validation
	if validation {
		if in.log = C.messages_new(); in.log == nil {
			return nil, resultError("vkCreateInstance", "", resultOutOfHostMemory)
		}
	}
	debug := flag(validation || hasInstanceExtension(resolver, "", "VK_EXT_debug_utils"))
	api := min(uint32(C.instance_version(resolver)), vk.MakeVersion(1, 3, 0))
	create := func() error {
		return made(d, "instance", "vkCreateInstance", "", &in.vk, func(h *handle) C.Result {
			return C.instance_create(resolver, C.uint32_t(api), debug, in.log, h)
		})
	}
	err := create()
	if errors.Is(err, ErrOutOfMemory) {
		if word, others := setAside(); others {
			err = create()
		} else if word != "" {
			err = fmt.Errorf("engine: %s: %w", word, err)
		}
	}
	if err != nil {
		in.free()
		return nil, err
	}
	initCalls.Do(func() { err = vk.InitInstance(in.vk) })
	if in.calls = C.calls_new(resolver, bits(in.vk), debug); in.calls == nil {
		return in, resultError("vkGetInstanceProcAddr", "", resultOutOfHostMemory)
	}
	if err == nil && validation {
		err = made(d, "messenger", "vkCreateDebugUtilsMessengerEXT", "", &in.messenger, func(h *handle) C.Result {
			return C.messenger_create(in.calls, bits(in.vk), in.log, h)
		})
	}
	return in, err
}

// free releases what belongs to C once the Vulkan objects are gone.
func (in *instance) free() {
	C.free(unsafe.Pointer(in.calls))
	if in.log != nil {
		C.messages_free(in.log)
	}
	in.calls, in.log = nil, nil
}

func (in *instance) destroyMessenger() { C.messenger_destroy(in.calls, bits(in.vk), in.messenger) }

// takeMessages returns what the validation layer said since the last call.
func (in *instance) takeMessages(label string) []error {
	if in == nil || in.log == nil {
		return nil
	}
	var errs []error
	for m := C.messages_take(in.log); m != nil; m = C.messages_take(in.log) {
		errs = append(errs, &Error{Call: validationLayer, Result: C.GoString(m.id), Label: label, Detail: C.GoString(m.text), kind: ErrValidation})
		C.message_free(m)
	}
	return errs
}

func (in *instance) families(p vk.PhysicalDevice) []Queue {
	var list [32]C.QueueFamily
	n := C.queue_families(in.calls, bits(p), &list[0], C.uint32_t(len(list)))
	queues := make([]Queue, n)
	for i := range queues {
		q := list[i]
		queues[i] = Queue{Count: int(q.count), Graphics: q.flags&1 != 0, Compute: q.flags&2 != 0, TimestampBits: int(q.timestampBits)}
	}
	return queues
}

// extras are the capabilities that the binding cannot ask for.
type extras = C.Caps

func (in *instance) extras(p vk.PhysicalDevice, api uint32) extras {
	var x extras
	C.caps_read(in.calls, bits(p), C.uint32_t(api), &x)
	return x
}

// budgets are what this process may still take of each heap, in bytes.
func (in *instance) budgets(p vk.PhysicalDevice) (left [16]int64) {
	var budget, usage [16]C.uint64_t
	C.memory_budget(in.calls, bits(p), &budget[0], &usage[0])
	for i := range left {
		left[i] = int64(min(uint64(budget[i])-min(uint64(usage[i]), uint64(budget[i])), 1<<62))
	}
	return left
}

// matrices lists the shapes of cooperative matrices.
func (in *instance) matrices(p vk.PhysicalDevice) []CooperativeMatrix {
	var list [128]C.MatrixProperties
	n := C.cooperative_matrices(in.calls, bits(p), &list[0], C.uint32_t(len(list)))
	var shapes []CooperativeMatrix
	for i := range list[:n] {
		m := &list[i]
		shape := CooperativeMatrix{M: int(m.m), N: int(m.n), K: int(m.k), A: componentName(int32(m.a)), B: componentName(int32(m.b)),
			C: componentName(int32(m.c)), Result: componentName(int32(m.result)), Scope: scopeName(int32(m.scope))}
		if !slices.Contains(shapes, shape) { // some come twice, the second time with saturation
			shapes = append(shapes, shape)
		}
	}
	return shapes
}

// driverNames are the driver's name and its version, "" where it does not say.
func driverNames(x *extras) (name, version string) {
	return C.GoString(&x.driver[0]), C.GoString(&x.driverInfo[0])
}

func (d *Device) createDevice() error {
	return made(d, "device", "vkCreateDevice", d.info.Name, &d.vk, func(h *handle) C.Result {
		return C.device_create(d.in.calls, bits(d.phys), C.uint32_t(d.family), &d.extras, h)
	})
}

// ---- calls of a device that ext.h makes ----

func (in *instance) submit(q vk.Queue, c vk.CommandBuffer, f vk.Fence) int32 {
	return int32(C.queue_submit(in.calls, bits(q), bits(c), bits(f)))
}

func (in *instance) waitFence(d vk.Device, f vk.Fence, patience time.Duration) int32 {
	return int32(C.fence_wait(in.calls, bits(d), bits(f), C.uint64_t(patience)))
}

func (in *instance) resetFence(d vk.Device, f vk.Fence) int32 {
	return int32(C.fence_reset(in.calls, bits(d), bits(f)))
}

func (in *instance) barrier(c vk.CommandBuffer, src, dst, srcAccess, dstAccess uint32) {
	C.memory_barrier(in.calls, bits(c), C.uint32_t(src), C.uint32_t(dst), C.uint32_t(srcAccess), C.uint32_t(dstAccess))
}

func (d *Device) allocateMemory(label string, size int64, typ int, out *vk.DeviceMemory) error {
	return made(d, "memory", "vkAllocateMemory", label, out, func(h *handle) C.Result {
		return C.memory_allocate(d.in.calls, bits(d.vk), C.uint64_t(size), C.uint32_t(typ), flag(d.info.Caps.BufferAddress), h)
	})
}

func (in *instance) bufferAddress(d vk.Device, b vk.Buffer) uint64 {
	return uint64(C.buffer_address(in.calls, bits(d), bits(b)))
}

func (in *instance) copy(c vk.CommandBuffer, dst vk.Buffer, dstOffset int64, src vk.Buffer, srcOffset, size int64) {
	C.buffer_copy(in.calls, bits(c), bits(dst), C.uint64_t(dstOffset), bits(src), C.uint64_t(srcOffset), C.uint64_t(size))
}

// updateSet binds a range of a buffer or, where there is one, a texel view of it.
func (in *instance) updateSet(d vk.Device, set vk.DescriptorSet, binding int, b Binding, view vk.BufferView) {
	C.set_update(in.calls, bits(d), bits(set), C.uint32_t(binding), bits(b.Buffer.vk), C.uint64_t(b.Offset), C.uint64_t(b.Size), bits(view))
}

func (d *Device) createSetLayout(label string, bindings int, texels uint32, out *vk.DescriptorSetLayout) error {
	return made(d, "set layout", "vkCreateDescriptorSetLayout", label, out, func(h *handle) C.Result {
		return C.set_layout_create(d.in.calls, bits(d.vk), C.uint32_t(bindings), C.uint32_t(texels), h)
	})
}

func (d *Device) createPipelineLayout(label string, set vk.DescriptorSetLayout, pushBytes int, out *vk.PipelineLayout) error {
	return made(d, "pipeline layout", "vkCreatePipelineLayout", label, out, func(h *handle) C.Result {
		return C.pipeline_layout_create(d.in.calls, bits(d.vk), bits(set), C.uint32_t(pushBytes), h)
	})
}

func (d *Device) createPool(label string, sets, buffers, texels int, out *vk.DescriptorPool) error {
	return made(d, "descriptor pool", "vkCreateDescriptorPool", label, out, func(h *handle) C.Result {
		return C.descriptor_pool_create(d.in.calls, bits(d.vk), C.uint32_t(sets), C.uint32_t(buffers), C.uint32_t(texels), h)
	})
}

func (d *Device) createPipeline(module vk.ShaderModule, layout vk.PipelineLayout, s PipelineSpec, full bool, out *vk.Pipeline) error {
	entry := C.CString(s.Entry)
	defer C.free(unsafe.Pointer(entry))
	return made(d, "pipeline", "vkCreateComputePipelines", s.Label, out, func(h *handle) C.Result {
		return C.compute_pipeline_create(d.in.calls, bits(d.vk), bits(d.pipelines.cache), bits(module), entry, bits(layout),
			(*C.uint32_t)(unsafe.SliceData(s.Constants)), C.uint32_t(len(s.Constants)), C.uint32_t(s.Subgroup), flag(full), C.int(d.extras.executables), h)
	})
}

func flag(v bool) C.int {
	if v {
		return 1
	}
	return 0
}

// ---- what a driver's compiler made of a pipeline ----

// executables appends the executables of a pipeline: their names and subgroup sizes.
func (in *instance) executables(d vk.Device, p vk.Pipeline, out *[]executable) int32 {
	var list [16]C.Executable
	n := C.uint32_t(len(list))
	r := C.executable_list(in.calls, bits(d), bits(p), &list[0], &n)
	for i := range list[:n] {
		*out = append(*out, executable{C.GoString(&list[i].name[0]), int(list[i].subgroupSize)})
	}
	return int32(r)
}

// statistics appends the statistics of one executable.
func (in *instance) statistics(d vk.Device, p vk.Pipeline, index int, out *[]Statistic) int32 {
	var list *C.ExecutableStatistic
	var n C.uint32_t
	r := C.executable_statistics(in.calls, bits(d), bits(p), C.uint32_t(index), &list, &n)
	defer C.free(unsafe.Pointer(list))
	if r == resultSuccess {
		for _, s := range unsafe.Slice(list, n) {
			*out = append(*out, Statistic{C.GoString(&s.name[0]), C.GoString(&s.description[0]), statisticValue(int32(s.format), uint64(s.value))})
		}
	}
	return int32(r)
}

// texts appends the representations of one executable that are text.
func (in *instance) texts(d vk.Device, p vk.Pipeline, index int, out *[]Representation) int32 {
	var list *C.ExecutableText
	var n C.uint32_t
	r := C.executable_texts(in.calls, bits(d), bits(p), C.uint32_t(index), &list, &n)
	all := n
	defer func() { C.executable_texts_free(list, all) }()
	if r == resultSuccess {
		for _, t := range unsafe.Slice(list, n) {
			if t.isText != 0 {
				*out = append(*out, Representation{C.GoString(&t.name[0]), C.GoString(&t.description[0]), C.GoString((*C.char)(t.data))})
			}
		}
	}
	return int32(r)
}

// ---- names and regions ----

// Vulkan's numbers for the objects that get names.
const (
	objectCommands   = 6
	objectBuffer     = 9
	objectPipeline   = 19
	objectDescriptor = 23
)

func (in *instance) name(d vk.Device, kind int, h handle, label string) {
	c := C.CString(label)
	C.object_name(in.calls, bits(d), C.int32_t(kind), h, c)
	C.free(unsafe.Pointer(c))
}

func (in *instance) beginLabel(cb vk.CommandBuffer, label string) {
	c := C.CString(label)
	C.label_begin(in.calls, bits(cb), c)
	C.free(unsafe.Pointer(c))
}

func (in *instance) endLabel(cb vk.CommandBuffer) { C.label_end(in.calls, bits(cb)) }

// ---- calls of the binding that take addresses ----

// pin keeps a slice in place while a structure of the binding points to it.
func pin[T any](s []T) (unpin func()) {
	var p runtime.Pinner
	if len(s) > 0 {
		p.Pin(unsafe.SliceData(s))
	}
	return p.Unpin
}

// mapMemory maps a whole block; the bytes are the driver's memory, valid until it is freed.
func mapMemory(d vk.Device, m vk.DeviceMemory, size int64, out *[]byte) int32 {
	var p unsafe.Pointer
	r := vk.MapMemory(d, m, 0, vk.DeviceSize(size), 0, &p)
	if r == vk.Success {
		*out = unsafe.Slice((*byte)(p), size)
	}
	return int32(r)
}

func (d *Device) createModule(label string, code []uint32, out *vk.ShaderModule) error {
	defer pin(code)()
	info := vk.ShaderModuleCreateInfo{SType: vk.StructureTypeShaderModuleCreateInfo, CodeSize: uint(4 * len(code)), PCode: code}
	return createObject(d, "shader module", "vkCreateShaderModule", label, &info, out, vk.CreateShaderModule)
}

func (d *Device) createCache(data []byte, out *vk.PipelineCache) error {
	defer pin(data)()
	info := vk.PipelineCacheCreateInfo{SType: vk.StructureTypePipelineCacheCreateInfo,
		InitialDataSize: uint(len(data)), PInitialData: unsafe.Pointer(unsafe.SliceData(data))}
	return createObject(d, "pipeline cache", "vkCreatePipelineCache", "", &info, out, vk.CreatePipelineCache)
}

// cacheData returns the pipeline cache's contents, nil when the driver gives none.
func cacheData(d vk.Device, c vk.PipelineCache) []byte {
	var size uint
	if vk.GetPipelineCacheData(d, c, &size, nil) != vk.Success || size == 0 || size > maxCacheBytes {
		return nil
	}
	data := make([]byte, size)
	if vk.GetPipelineCacheData(d, c, &size, unsafe.Pointer(unsafe.SliceData(data))) != vk.Success {
		return nil
	}
	return data[:size]
}

func pushConstants(c vk.CommandBuffer, layout vk.PipelineLayout, push []byte) {
	vk.CmdPushConstants(c, layout, vk.ShaderStageFlags(vk.ShaderStageComputeBit), 0, uint32(len(push)), unsafe.Pointer(unsafe.SliceData(push)))
}

// queryResults reads 64-bit timestamps; the work must be over.
func queryResults(d vk.Device, pool vk.QueryPool, out []uint64) int32 {
	return int32(vk.GetQueryPoolResults(d, pool, 0, uint32(len(out)), uint(8*len(out)), unsafe.Pointer(unsafe.SliceData(out)), 8,
		vk.QueryResultFlags(vk.QueryResult64Bit)))
}
