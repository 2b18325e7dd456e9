package engine

import (
	"errors"
	"fmt"
	"strings"
)

// Errors that a caller may act upon; test with [errors.Is].
var (
	// ErrNoDevice: no Vulkan device can be used. Cause: no Vulkan loader (libvulkan.so.1),
	// no driver, no device that suits, or a program built without cgo. Remedy: install a
	// driver (Debian's mesa-vulkan-drivers brings one that runs on the CPU), choose another
	// device, or use the CPU fallback.
	ErrNoDevice = errors.New("no usable Vulkan device")

	// ErrDeviceLost: the device stopped answering. Cause: a driver reset, a hang longer than
	// the system allows, or hardware trouble. Remedy: close everything and open the device again.
	ErrDeviceLost = errors.New("the device was lost")

	// ErrOutOfMemory: the device or the host has no memory left. Remedy: a smaller batch or
	// picture, fewer models at once, or a device with more memory.
	ErrOutOfMemory = errors.New("out of memory")

	// ErrUnsupported: the device, its driver or the installation lacks something that was
	// asked for, or a request passes a limit in [Caps]. Remedy: the message names what is
	// missing; choose another device or ask for less.
	ErrUnsupported = errors.New("not supported by this device or installation")

	// ErrValidation: a validation layer had something to say; see [Options.Validation].
	// Cause: a mistake in the program, not in its input. Remedy: fix what the message names.
	ErrValidation = errors.New("the Vulkan validation layer objects")

	// ErrClosed: the device, or an object that belongs to it, was closed before the call.
	ErrClosed = errors.New("already closed")
)

// Error is a Vulkan call that failed; find it with [errors.As].
type Error struct {
	Call   string // the Vulkan function, or the layer that spoke
	Result string // name of the VkResult, or the identifier of the layer's message
	Label  string // label of the object the call was about, "" where there is none
	Detail string // more about it, "" where there is nothing to add

	kind error
}

// Error says what failed, on what, and why.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("engine: ")
	b.WriteString(e.Call)
	if e.Label != "" {
		fmt.Fprintf(&b, " for %q", e.Label)
	}
	fmt.Fprintf(&b, ": %s", e.Result)
	if e.Detail != "" {
		fmt.Fprintf(&b, ": %s", e.Detail)
	}
	if e.kind != nil {
		fmt.Fprintf(&b, ": %v", e.kind)
	}
	if help := e.remedy(); help != "" {
		fmt.Fprintf(&b, "; %s", help)
	}
	return b.String()
}

// remedy says what may help a user, "" where it is not theirs to do.
func (e *Error) remedy() string {
	switch e.kind {
	case ErrOutOfMemory:
		return "smaller pictures or batches take less, and fewer models at once; or choose another device (Options.Device)"
	case ErrDeviceLost:
		return "open it again, or choose another device (Options.Device)"
	case ErrValidation:
		return ""
	}
	return "another version of the driver may do better: update it, or choose another device (Options.Device)"
}

// Unwrap returns the sentinel that the result stands for, nil where there is none.
func (e *Error) Unwrap() error { return e.kind }

// Results of Vulkan calls that the engine looks at, as the specification numbers them.
const (
	resultSuccess           = 0
	resultTimeout           = 2
	resultOutOfHostMemory   = -1
	resultOutOfDeviceMemory = -2
	resultDeviceLost        = -4
)

// resultNames holds the results that compute programs can meet.
var resultNames = map[int32]string{
	0:           "VK_SUCCESS",
	1:           "VK_NOT_READY",
	2:           "VK_TIMEOUT",
	3:           "VK_EVENT_SET",
	4:           "VK_EVENT_RESET",
	5:           "VK_INCOMPLETE",
	-1:          "VK_ERROR_OUT_OF_HOST_MEMORY",
	-2:          "VK_ERROR_OUT_OF_DEVICE_MEMORY",
	-3:          "VK_ERROR_INITIALIZATION_FAILED",
	-4:          "VK_ERROR_DEVICE_LOST",
	-5:          "VK_ERROR_MEMORY_MAP_FAILED",
	-6:          "VK_ERROR_LAYER_NOT_PRESENT",
	-7:          "VK_ERROR_EXTENSION_NOT_PRESENT",
	-8:          "VK_ERROR_FEATURE_NOT_PRESENT",
	-9:          "VK_ERROR_INCOMPATIBLE_DRIVER",
	-10:         "VK_ERROR_TOO_MANY_OBJECTS",
	-11:         "VK_ERROR_FORMAT_NOT_SUPPORTED",
	-12:         "VK_ERROR_FRAGMENTED_POOL",
	-13:         "VK_ERROR_UNKNOWN",
	-1000069000: "VK_ERROR_OUT_OF_POOL_MEMORY",
	-1000161000: "VK_ERROR_FRAGMENTATION",
	-1000011001: "VK_ERROR_VALIDATION_FAILED_EXT",
	-1000012000: "VK_ERROR_INVALID_SHADER_NV",
	1000297000:  "VK_PIPELINE_COMPILE_REQUIRED",
}

func resultName(r int32) string {
	if name, ok := resultNames[r]; ok {
		return name
	}
	return fmt.Sprintf("VkResult %d", r)
}

// resultKind maps a result to the sentinel a caller can act upon, nil where there is none.
func resultKind(r int32) error {
	switch r {
	case -1, -2, -5, -10, -12, -1000069000, -1000161000:
		return ErrOutOfMemory
	case -3, -9:
		return ErrNoDevice
	case -4:
		return ErrDeviceLost
	case -6, -7, -8, -11, -1000012000:
		return ErrUnsupported
	}
	return nil
}

// resultError is nil for success, else an [*Error].
func resultError(call, label string, r int32) error {
	if r == resultSuccess {
		return nil
	}
	return &Error{Call: call, Result: resultName(r), Label: label, kind: resultKind(r)}
}
