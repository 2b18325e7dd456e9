package executor

import (
	"cmp"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/vulkan"
)

// Options of [Open]. The zero value takes the fastest device and measures what suits it.
type Options struct {
	// Device is "auto" or "" for a GPU through Vulkan, or the CPU where there is none;
	// "cpu" for the CPU (package cpu); "reference" for the CPU reference, the slow oracle
	// that judges both (package cpuref); "vulkan" for any Vulkan device, a software driver
	// too; else the index of a Vulkan device as [engine.Devices] lists it, or a part of its
	// name.
	Device string

	// Precision is [F32] or "", [F16] or [AutoPrecision]. Where the device cannot do what
	// is asked for the model runs in F32, and [DeviceInfo] says so and why.
	Precision Precision

	// Tuning says how kernels are chosen for the device by measuring.
	Tuning Tuning

	// NoFusion runs every operation of the graph by itself: slower, for finding out
	// which one is to blame.
	NoFusion bool

	// Programs is the number of compiled programs that are kept, one for each size of
	// pictures, of captions, and of both, the least recently used one going first; 0 is 16.
	// ProgramMemory bounds the bytes that programs work in, apart from the weights: those
	// that are kept, of which the latest three stay whatever they take, and those in use,
	// where a call waits until there is room (one alone may take more); 0 is 1 GiB, or
	// half of what a card's driver leaves this process where that is less, below 0 no bound. A program of GLIP-T for pictures of 800x1333 takes about 120 MB.
	Programs      int
	ProgramMemory int64

	// SubmissionWork is about how many floating-point operations the device is given at a
	// time: systems take a device away that works too long on one submission (Windows after
	// two seconds, phones sooner). 0 is by kind of device, below 0 sets no bound. Results
	// are the same.
	SubmissionWork int64

	// Validation switches the Vulkan validation layers on, for tests; NoCache the
	// file of compiled pipelines off.
	Validation, NoCache bool

	// OnDeviceLost says what happens where a Vulkan device is lost, which drivers do to programs that they think hang, and broken hardware: [LostStop]
	// or "", calls fail with [engine.ErrDeviceLost] until the executor is opened again; [LostCPU], it reads its weights again and goes on on the
	// CPU, in f32, see [Executor.Recover]. Moved, if set, is told why and where it goes on, once.
	OnDeviceLost OnLost
	Moved        func(why error, now DeviceInfo)

	// Progress, if set, is told how far a stage ("weights", "compile", "verify") has come,
	// in units of its own. It is called from one goroutine at a time for each stage.
	Progress func(stage string, done, total int64)
}

// Tuning says how shader variants and tile sizes are chosen on a Vulkan device:
// measured when a shape is first met, kept in a file per device and driver. The
// result is right whatever is chosen. The zero value tunes.
type Tuning = vulkan.Tuning

// Trial is one candidate of the tuning.
type Trial = vulkan.Trial

// Defaults of [Options].
const (
	defaultPrograms      = 16
	defaultProgramMemory = 1 << 30
	keptWhatever         = 3 // programs: what one detection takes
)

// room is what programs may take.
func (o Options) room() *room {
	return &room{
		limit: cmp.Or(max(o.Programs, 0), defaultPrograms), bytes: max(cmp.Or(o.ProgramMemory, defaultProgramMemory), 0), atLeast: keptWhatever,
	}
}

// progress tells the caller how far a stage has come.
func (o Options) progress(stage string) func(done, total int64) {
	if o.Progress == nil {
		return func(int64, int64) {}
	}
	return func(done, total int64) { o.Progress(stage, done, total) }
}

// Timing is what one dispatch of a program took.
type Timing = graph.Timing

// Stats says what a program is made of.
type Stats = graph.Stats
