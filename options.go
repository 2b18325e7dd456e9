package glipvk

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
)

// Options of [Open]. The zero value runs synthetic weights on the best device.
type Options struct {
	// Weights is the path of a checkpoint, or "synthetic" or "synthetic:SEED" for
	// weights by formula (package synthetic); "" is "synthetic", whose seed is 0.
	Weights string

	// Device is "auto" or "" for the best Vulkan device, or the CPU where there is
	// none; "cpu" for the CPU (package cpu); "reference" for the CPU reference, the
	// slow oracle that judges both (package cpuref); else the index of a Vulkan
	// device as [Devices] lists it, or a part of its name.
	Device string

	// Precision is [F32] or "", [F16] or [AutoPrecision]. Where the device cannot do what
	// is asked for the model runs in F32, and [DeviceInfo] says so and why.
	Precision Precision

	// Tuning says how kernels are chosen for the device by measuring.
	Tuning Tuning

	// NoFusion runs every operation of the graph by itself: slower, for finding out
	// which one is to blame.
	NoFusion bool

	// Arch replaces the architecture that belongs to the model's name; the name may
	// then be empty.
	Arch *swin.Config

	// OutIndices are the stages whose maps are wanted, ascending; nil is the
	// architecture's own, 1, 2, 3 for GLIP.
	OutIndices []int

	// PadSmallMap pads maps smaller than a window and shifts maps of one window, as
	// GLIP's detector does; mmpretrain, the default, refuses the former and does not
	// shift the latter.
	PadSmallMap bool

	// Size replaces the resizing of the model's default pipeline.
	Size Size

	// Limits bounds pictures and tensors before memory is taken for them.
	Limits picture.Limits

	// Programs is the number of input sizes (batch, height, width) whose programs
	// are kept, the least recently used one going first; 0 is 4. A program that is
	// running stays beyond it.
	Programs int

	// AllowNonFinite accepts NaN and infinities in weights and input tensors.
	AllowNonFinite bool

	// ResizeTables resizes relative position tables of a checkpoint that was made
	// for another window size; otherwise such a checkpoint is refused.
	ResizeTables bool

	// Validation switches the Vulkan validation layers on, for tests; NoCache the
	// file of compiled pipelines off.
	Validation, NoCache bool

	// Progress, if set, is told how far a stage ("weights", "verify") has come, in
	// units of its own. It is called from one goroutine at a time for each stage.
	Progress func(stage string, done, total int64)
}

// Tuning says how shader variants and tile sizes are chosen on a Vulkan device:
// measured when a shape is first met, kept in a file per device and driver. The
// result is right whatever is chosen. The zero value tunes.
type Tuning struct {
	Off     bool          // take what the kind of device suggests and measure nothing
	Dir     string        // folder of the files; "" is beside the pipeline cache, in the user's cache folder
	Budget  time.Duration // for one model and input size; 0 is the default of package kernels
	Observe func(Trial)   // if set, told of every candidate that was measured
}

// Trial is one candidate of the tuning.
type Trial struct {
	Shape     string        `json:"shape"` // the product, M x N x K
	Candidate string        `json:"candidate"`
	Duration  time.Duration `json:"ns"` // of one run
	GFLOPS    float64       `json:"gflops"`
	Won       bool          `json:"won"`
}

// Size says what size pictures are brought to. The zero value is the model's
// default pipeline, see [ModelInfo.Pipeline].
type Size struct {
	Height, Width int  // pixels; the ratio is not kept and nothing is cropped
	Original      bool // the picture's own size; Height and Width are 0
}

// ParseSize reads "HxW" (as in "800x1333"), "original", or "" for the default.
func ParseSize(s string) (Size, error) {
	switch strings.ToLower(s) {
	case "":
		return Size{}, nil
	case "original":
		return Size{Original: true}, nil
	}
	high, wide, ok := strings.Cut(strings.ToLower(s), "x")
	h, errH := strconv.Atoi(high)
	w, errW := strconv.Atoi(wide)
	if !ok || errH != nil || errW != nil || h < 1 || w < 1 {
		return Size{}, blame(fmt.Errorf("glipvk: size %q: want HEIGHTxWIDTH in pixels, as in 800x1333, or original", s))
	}
	return Size{Height: h, Width: w}, nil
}

// String is the form that ParseSize reads.
func (s Size) String() string {
	switch {
	case s.Original:
		return "original"
	case s == Size{}:
		return ""
	}
	return fmt.Sprintf("%dx%d", s.Height, s.Width)
}

// check refuses half a size.
func (s Size) check() error {
	if s.Height < 0 || s.Width < 0 || (s.Height == 0) != (s.Width == 0) || s.Original && s.Height != 0 {
		return fmt.Errorf("glipvk: Options.Size %+v: want both sides, or Original, or neither", s)
	}
	return nil
}

// progress tells the caller how far a stage has come.
func (o Options) progress(stage string, done, total int64) {
	if o.Progress != nil {
		o.Progress(stage, done, total)
	}
}
