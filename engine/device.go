//go:build cgo

package engine

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	vk "github.com/vulkan-go/vulkan"

	"github.com/glipvk/glipvk/internal/turn"
)

// Device is an open Vulkan device with one queue. It owns its memory, its pipelines and
// every buffer and commands made from it. All its methods may be called from several
// goroutines.
type Device struct {
	opts   Options
	info   Info
	in     *instance
	phys   vk.PhysicalDevice
	vk     vk.Device
	queue  vk.Queue
	family uint32
	types  []memoryType
	extras extras
	live   counter

	queueMu sync.Mutex // a queue takes one submission at a time
	lost    atomic.Bool

	mu       sync.Mutex // guards what follows
	idle     *sync.Cond // signalled when active falls
	closed   bool
	active   int // calls under way
	buffers  map[*Buffer]struct{}
	commands map[*Commands]struct{}

	memory    memory
	staging   staging
	pipelines pipelines
}

// Devices lists all Vulkan devices, usable or not, in the driver's order. The error is
// [ErrNoDevice] when there is no loader or no driver; a driver without devices is an
// empty list.
func Devices() ([]Info, error) {
	d := &Device{}
	defer d.teardown()
	if err := d.openInstance(); err != nil {
		return nil, err
	}
	all, err := d.scan()
	if err != nil {
		return nil, err
	}
	return infosOf(all), nil
}

// Open opens a device. The caller closes it with [Device.Close], after the buffers and
// commands made from it. Errors: [ErrNoDevice], [ErrUnsupported] (no validation layer),
// [ErrOutOfMemory], [ErrValidation].
func Open(o Options) (*Device, error) {
	d := &Device{opts: o, buffers: map[*Buffer]struct{}{}, commands: map[*Commands]struct{}{}, staging: staging{turn: turn.New()}}
	d.idle = sync.NewCond(&d.mu)
	err := d.open()
	if err = errors.Join(err, d.messages("")); err != nil {
		d.teardown()
		return nil, err
	}
	return d, nil
}

func (d *Device) open() error {
	if err := d.openInstance(); err != nil {
		return err
	}
	all, err := d.scan()
	if err != nil {
		return err
	}
	at, err := choose(infosOf(all), d.opts.Device)
	if err != nil {
		return err
	}
	f := all[at]
	d.info, d.phys, d.types, d.family = f.info, f.phys, f.types, uint32(f.family)
	if d.extras = f.extras; !d.opts.PipelineStatistics {
		d.extras.executables = 0
	}
	if m := d.opts.MaxStorageBufferRange; m > 0 {
		d.info.Caps.MaxStorageBufferRange = min(m, d.info.Caps.MaxStorageBufferRange)
	}
	if d.sameViews() {
		d.info.Caps.MaxAllocationBytes -= 2 * viewRoom
	}
	if d.opts.ForceStaging {
		d.info.Caps.UnifiedMemory = false
	}
	if err := d.createDevice(); err != nil {
		return err
	}
	queue := new(vk.Queue)
	vk.GetDeviceQueue(d.vk, d.family, 0, queue)
	d.queue = *queue
	return d.pipelines.open(d)
}

func (d *Device) openInstance() error {
	resolver, err := openLoader()
	if err != nil {
		return err
	}
	if d.opts.Validation && !hasLayer(resolver) {
		return fmt.Errorf("engine: the layer %s is not installed (%s): %w", validationLayer, layerHelp, ErrUnsupported)
	}
	if d.in, err = d.newInstance(resolver); errors.Is(err, ErrNoDevice) {
		return fmt.Errorf("engine: there is a Vulkan loader but no driver that works (%s): %w", driverHelp, err)
	}
	return err
}

// Info describes the device, with the limits as lowered by its options.
func (d *Device) Info() Info {
	info := d.info
	info.Heaps, info.Queues = slices.Clone(info.Heaps), slices.Clone(info.Queues)
	info.Caps.SubgroupOperations = slices.Clone(info.Caps.SubgroupOperations)
	info.Caps.CooperativeMatrices = slices.Clone(info.Caps.CooperativeMatrices)
	return info
}

// Live returns the number of Vulkan objects that exist because of this device, the
// device and its instance included; 0 after Close.
func (d *Device) Live() int { return d.live.total() }

// LiveByKind is [Device.Live] by kind of object ("buffer", "memory", "pipeline", ...).
func (d *Device) LiveByKind() map[string]int { return d.live.byKind() }

// ---- calls: injection, results, counting, messages ----

// call makes one Vulkan call that may fail.
func (d *Device) call(name, label string, f func() int32) error {
	r := int32(resultSuccess)
	if d.opts.fail != nil {
		r = d.opts.fail(name)
	}
	if r == resultSuccess {
		r = f()
	}
	if r == resultDeviceLost {
		d.lost.Store(true)
	}
	return resultError(name, label, r)
}

// create is call for one that makes an object of the kind.
func (d *Device) create(kind, name, label string, f func() int32) error {
	err := d.call(name, label, f)
	if err == nil {
		d.live.add(kind, 1)
	}
	return err
}

// createObject is create for a call of the binding that takes a structure.
func createObject[I interface{ Free() }, H any](d *Device, kind, name, label string, info I, out *H,
	f func(vk.Device, I, *vk.AllocationCallbacks, *H) vk.Result) error {
	defer info.Free()
	return d.create(kind, name, label, func() int32 {
		h := new(H) // C may not be handed an address inside a Go structure that holds other Go pointers
		r := f(d.vk, info, nil, h)
		if r == vk.Success { // else it is undefined
			*out = *h
		}
		return int32(r)
	})
}

// destroyObject destroys an object of the kind, unless it was never made.
func destroyObject[H comparable](d *Device, kind string, h H, f func(vk.Device, H, *vk.AllocationCallbacks)) {
	if none := *new(H); h != none {
		f(d.vk, h, nil)
		d.destroyed(kind)
	}
}

// destroyed notes that an object of the kind is gone.
func (d *Device) destroyed(kind string) { d.live.add(kind, -1) }

// messages returns what the validation layer said since it was last asked.
func (d *Device) messages(label string) error {
	return errors.Join(d.in.takeMessages(label)...)
}

// enter begins a call that uses the device, leave ends it. Close waits for all of them.
func (d *Device) enter() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return fmt.Errorf("engine: device %q: %w", d.info.Name, ErrClosed)
	}
	if d.lost.Load() {
		return fmt.Errorf("engine: device %q: close it and open it again: %w", d.info.Name, ErrDeviceLost)
	}
	d.active++
	return nil
}

// computes refuses what a device that only compiles cannot do.
func (d *Device) computes(what string) error {
	if d.opts.CompileOnly {
		return fmt.Errorf("engine: %s: device %q was opened to compile pipelines only (Options.CompileOnly): %w", what, d.info.Name, ErrUnsupported)
	}
	return nil
}

func (d *Device) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.active--
	d.idle.Broadcast()
}

// Close waits for calls under way and for the device, writes the pipeline cache file, and
// releases everything. Buffers and commands that were not closed are released too, but
// named in the error: they are leaks. Calling it again does nothing.
func (d *Device) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	for d.active > 0 {
		d.idle.Wait()
	}
	d.mu.Unlock()

	var errs []error
	lost := d.lost.Load() // its caller knows already
	// A device that only compiles was given nothing to do; RADV without hardware crashes here.
	if !d.opts.CompileOnly {
		d.queueMu.Lock()
		if err := d.call("vkDeviceWaitIdle", d.info.Name, func() int32 { return int32(vk.DeviceWaitIdle(d.vk)) }); !lost {
			errs = append(errs, err)
		}
		d.queueMu.Unlock()
	}
	errs = append(errs, d.releaseLeaks(), d.messages(""))
	errs = append(errs, d.teardown()...)
	return errors.Join(errs...)
}

// releaseLeaks frees the buffers and commands that their owners forgot.
func (d *Device) releaseLeaks() error {
	d.staging.close(d)
	var names []string
	for c := range d.commands {
		names = append(names, fmt.Sprintf("commands %q", c.label))
		c.release()
	}
	for b := range d.buffers {
		names = append(names, fmt.Sprintf("buffer %q", b.label))
		b.release()
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return fmt.Errorf("engine: not closed before the device: %s", strings.Join(names, ", "))
}

// teardown destroys what the device owns, newest first; it also serves an Open that failed
// half way. It returns the last messages.
func (d *Device) teardown() []error {
	if d.vk != nil {
		d.pipelines.close(d)
		d.memory.close(d)
		vk.DestroyDevice(d.vk, nil)
		d.destroyed("device")
		d.vk = nil
	}
	if d.in == nil {
		return nil
	}
	errs := d.in.takeMessages("")
	if d.in.messenger != 0 {
		d.in.destroyMessenger()
		d.destroyed("messenger")
	}
	vk.DestroyInstance(d.in.vk, nil)
	d.destroyed("instance")
	errs = append(errs, d.in.takeMessages("")...)
	d.in.free()
	d.in = nil
	if n := d.live.total(); n != 0 {
		errs = append(errs, fmt.Errorf("engine: %d Vulkan objects outlived their device: %v", n, d.live.byKind()))
	}
	return errs
}

// cachePath returns where the pipeline cache file is, "" for none.
func (d *Device) cachePath(key cacheKey) string {
	if d.opts.NoCache {
		return ""
	}
	dir := d.opts.CacheDir
	if dir == "" {
		if dir = defaultCacheDir(); dir == "" {
			return ""
		}
	}
	return filepath.Join(dir, key.fileName())
}

func (d *Device) cacheKey() cacheKey {
	var props vk.PhysicalDeviceProperties
	vk.GetPhysicalDeviceProperties(d.phys, &props)
	defer props.Free()
	props.Deref()
	return cacheKey{Vendor: props.VendorID, Device: props.DeviceID, Driver: props.DriverVersion, UUID: props.PipelineCacheUUID}
}
