// Package engine computes with Vulkan: devices, memory, pipelines, recorded commands. It
// is the only package of the project that sees Vulkan; no Vulkan type appears in its
// exported names. Of the project's packages it imports only the lock whose waiters may leave
// and the way to read and write a file.
// vulkan builds on it, kernels knows its types, and the commands list its devices.
//
// # Life of a dispatch, in ten lines
//
//  1. Open finds a device, makes one queue and reads the pipeline cache file.
//  2. NewBuffer cuts a range out of a large block of device memory.
//  3. Upload writes it: directly where the host sees the memory, else through a staging ring.
//  4. Pipeline compiles SPIR-V once; equal specs share one pipeline.
//  5. NewRecorder and Dispatch note what is to run, with the access of every binding; nothing
//     reaches the device yet, and the first mistake is kept for Finish.
//  6. Finish derives barriers from the accesses and records one command buffer.
//  7. Start submits it; Wait waits for its fence, looking at the context every 2 ms. Run does both.
//  8. Run again, as often as wanted: no Vulkan object is made, and no memory is allocated.
//  9. Download reads the result; Times says how long each dispatch took.
//  10. Close commands, then buffers, then the device, which names whatever was forgotten.
//
// # Who owns and closes what
//
// The caller closes Buffers, Commands and the Device, in the reverse order of making: a
// Buffer refuses to close while Commands use it, and Device.Close reports what is still
// open as a leak, after releasing it. Pipelines, layouts, memory blocks, the staging ring and
// the cache file belong to the Device. A Recorder owns nothing. Every Close waits for the
// device where needed and may be called twice. Device.Live counts the Vulkan objects there
// are; after Close it is 0.
//
// # Goroutines
//
// Everything may be used from several goroutines, except one Recorder and one Commands,
// which belong to one goroutine at a time. Commands of one device share one queue: they
// run in the order of submission, each after the one before, and any number of them may be
// in flight. The barriers at either end of Commands make the device see what earlier ones
// wrote; the host may touch a buffer again when Wait has returned.
//
// # Compiling without running
//
// Options.CompileOnly opens a device that need not have memory, and Options.PipelineStatistics
// lets a pipeline tell what the driver's compiler made of it: registers, spills, instructions.
// Both together show shaders on hardware that is not there (tools/shaderstats).
//
// # What is known of drivers
//
// Mesa's software driver (llvmpipe, seen in 22.3.6) ends the loops of an invocation after
// 65,535 iterations over all its loops together, silently: keep loops of shaders short, or
// unroll them. It compiles in a pipeline's first run, so the first Run is slow. The
// validation layer 1.3.239 overlooks a missing barrier between two dispatches that both write
// (or read and write) a range, and what comes in another submission; it sees all other kinds.
// From 1.3.280 on it looks into shaders only when asked to, which Options.Validation does.
// Mesa 26.2's llvmpipe gives a pipeline cache that is shorter than its own header: it is dropped.
// Mesa's RADV has devices without hardware up to some version before 26.2 (RADV_FORCE_FAMILY),
// without memory, and crashes in vkDeviceWaitIdle on them; later ones take Mesa's DRM shim.
//
// Without cgo, or on another system than Linux, the package builds and every call says
// ErrNoDevice. Neither Vulkan headers nor its library are needed to build: the library is
// loaded when the first device is asked for.
package engine
