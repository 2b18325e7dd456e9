package executor

import (
	"fmt"
	"strings"

	"github.com/glipvk/glipvk/engine"
)

// DeviceInfo says where a model runs.
type DeviceInfo struct {
	Name     string       `json:"name"`
	Vulkan   *engine.Info `json:"vulkan,omitempty"`   // nil on the CPU
	Fallback string       `json:"fallback,omitempty"` // why it is the CPU, where "auto" looked for a GPU
	Lost     string       `json:"lost,omitempty"`     // why it is the CPU, where [Options.OnDeviceLost] had it go on there

	Precision       Precision `json:"precision"`                  // in use: F32 or F16
	PrecisionReason string    `json:"precision_reason,omitempty"` // why it is not the one asked for, or what "auto" went by
}

// OnLost says what becomes of an executor whose device is lost.
type OnLost string

// What becomes of an executor whose device is lost.
const (
	LostStop OnLost = "stop" // calls fail with [engine.ErrDeviceLost] from then on
	LostCPU  OnLost = "cpu"  // it goes on on the CPU
)

// ParseOnLost reads one of them; "" is [LostStop]. The error wraps [ErrInput].
func ParseOnLost(s string) (OnLost, error) {
	switch o := OnLost(strings.ToLower(s)); o {
	case "":
		return LostStop, nil
	case LostStop, LostCPU:
		return o, nil
	}
	return "", Blame(fmt.Errorf("glipvk: %q on a lost device: want %s or %s", s, LostCPU, LostStop))
}
