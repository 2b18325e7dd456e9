package engine

// Options says which device [Open] takes and how. The zero value takes the best
// device, without validation, with a pipeline cache in the user's cache folder.
type Options struct {
	// Device chooses: "" or "auto" is the best usable one by kind (discrete, integrated,
	// virtual, cpu); a number is the Index that [Devices] shows; anything else is part of a
	// name, upper and lower case alike.
	Device string

	// Validation switches VK_LAYER_KHRONOS_validation on, with its synchronization checks.
	// Every warning or error becomes an error ([ErrValidation]) of the call during which it
	// came; with several goroutines, of one of the calls under way. It is slow: for tests.
	Validation bool

	// ForceStaging pretends that no memory is both device-local and host-visible, so that
	// [Device.Upload] and [Device.Download] take the long way. For tests.
	ForceStaging bool

	// MaxStorageBufferRange lowers the device's limit, in bytes; 0 keeps it. For tests.
	MaxStorageBufferRange int64

	// CacheDir is the folder of pipeline cache files, one per device and driver. "" is
	// glipvk in [os.UserCacheDir]. A folder that cannot be written is no error: pipelines
	// are then compiled anew each time.
	CacheDir string

	// NoCache switches the pipeline cache file off.
	NoCache bool

	// PipelineStatistics makes the compiler keep what [Pipeline.Statistics] and
	// [Pipeline.Representations] tell, where the driver can (Caps.CompilerStatistics).
	// Compiling takes longer then.
	PipelineStatistics bool

	// CompileOnly opens a device that need not have memory, to compile pipelines on and nothing
	// else: NewBuffer and NewRecorder say [ErrUnsupported]. Some drivers offer such devices for
	// hardware that is not there (RADV with RADV_FORCE_FAMILY).
	CompileOnly bool

	// blockBytes is the size of the memory blocks that buffers are cut from; 0 is 64 MiB.
	blockBytes int64

	// fail, when set, is asked before each Vulkan call that may run out of memory; a result
	// other than success is taken as the call's own and the call is not made.
	fail func(call string) int32
}

// Info describes a device as [Devices] lists it.
type Info struct {
	Index         int    // what Options.Device takes
	Name          string // as the driver names it
	Kind          string // "discrete", "integrated", "virtual", "cpu" or "other"
	Driver        string // driver's name, "" where it does not say
	DriverVersion string // driver's version, in its own words where it has any
	APIVersion    string // Vulkan version of the device, as "1.3.230"
	VendorID      uint32
	DeviceID      uint32
	Heaps         []Heap
	Queues        []Queue
	Caps          Caps
	Unusable      string // why the device cannot be used, "" where it can
	Note          string // what a user should know of the drivers beside it, "" for nothing
	Auto          bool   // this is the one "auto" takes
}

// Heap is one kind of memory of a device.
type Heap struct {
	Bytes       int64
	Left        int64 // what this process could take of it when it was looked at (VK_EXT_memory_budget); Bytes where the driver does not say
	DeviceLocal bool
}

// Queue is a queue family of a device.
type Queue struct {
	Count         int
	Compute       bool
	Graphics      bool
	TimestampBits int
	Chosen        bool // the engine submits to a queue of this family
}

// Caps holds the limits and features that the shaders of this project use or would use.
type Caps struct {
	MaxStorageBufferRange int64  // bytes of one storage buffer binding
	StorageAlignment      int64  // a binding's offset is a multiple of it, bytes
	MaxTexels             int64  // texels of one texel buffer binding
	MaxPushConstants      int    // bytes
	MaxSharedMemory       int    // bytes for one workgroup
	MaxInvocations        int    // invocations in one workgroup
	MaxWorkgroupSize      [3]int // invocations along x, y, z
	MaxWorkgroups         [3]int // workgroups of one dispatch along x, y, z
	MaxBindings           int    // storage buffers of one shader
	MaxTexelBindings      int    // texel buffers of one shader
	MaxResources          int    // buffers of both kinds of one shader
	MaxAllocations        int    // memory blocks alive at a time
	MaxAllocationBytes    int64  // one memory block, and so one buffer
	UnifiedMemory         bool   // memory that is device-local and host-visible: no staging copies

	TimestampBits   int     // valid bits of a timestamp on the chosen queue, 0 = none
	TimestampPeriod float64 // nanoseconds for one tick

	SubgroupSize        int
	SubgroupMin         int      // smallest selectable size, 0 where none can be selected
	SubgroupMax         int      // largest selectable size
	MaxSubgroups        int      // subgroups of a selected size in one workgroup, 0 where none can be selected
	SubgroupOperations  []string // "basic", "vote", "arithmetic", ... in compute shaders
	SubgroupSizeControl bool     // size selectable per pipeline

	Float16            bool // half precision arithmetic
	Int8               bool // byte arithmetic
	Int16              bool // 16-bit integer arithmetic
	Int64              bool // 64-bit integer arithmetic
	Storage16          bool // 16-bit values in storage buffers
	BufferAddress      bool // buffers have addresses for shaders (PipelineSpec.Addressed)
	Uniform16          bool // 16-bit values in uniform buffers too
	CooperativeMatrix  bool // VK_KHR_cooperative_matrix
	PipelineStatistics bool // counts of shader invocations
	CompilerStatistics bool // VK_KHR_pipeline_executable_properties: see Options.PipelineStatistics

	CooperativeMatrices []CooperativeMatrix // what the device multiplies, none without CooperativeMatrix
}

// CooperativeMatrix is a product that the invocations of a scope compute together:
// Result[M,N] = A[M,K]·B[K,N] + C[M,N].
type CooperativeMatrix struct {
	M, N, K         int
	A, B, C, Result string // types of the elements: "float16", "float32", "sint8", "bfloat16", ...
	Scope           string // "subgroup", "workgroup", "device" or "queue family"
}

// Memory says what a buffer is for.
type Memory int

const (
	// DeviceMemory is device-local. It is mapped only where that memory is also
	// host-visible, coherent and cached, and Options.ForceStaging is off.
	DeviceMemory Memory = iota
	// UploadMemory is host-visible and coherent: written by the host, read by the device.
	UploadMemory
	// ReadbackMemory is host-visible and coherent, cached where there is such memory:
	// written by the device, read by the host.
	ReadbackMemory
)

// String names the memory for messages.
func (m Memory) String() string {
	switch m {
	case DeviceMemory:
		return "device memory"
	case UploadMemory:
		return "upload memory"
	case ReadbackMemory:
		return "readback memory"
	}
	return "unknown memory"
}

// Access says what a shader does with a binding. Barriers are derived from it, so
// it must be true: a shader that writes what it declared as Read is a data race on the
// device, which Options.Validation reports. The zero value is refused.
type Access int

const (
	// Read: the shader only reads the range.
	Read Access = 1 << iota
	// Write: the shader only writes the range.
	Write
	// ReadWrite: the shader does both.
	ReadWrite = Read | Write
)

// PipelineSpec describes a compute pipeline; equal specs share one pipeline.
type PipelineSpec struct {
	Label     string   // for messages and debuggers; not part of the identity
	Code      []uint32 // SPIR-V words
	Entry     string   // entry point, "" = "main"
	Bindings  int      // buffers 0 to Bindings-1 of set 0
	Texels    uint32   // bit i: binding i is a uniform texel buffer, the others are storage buffers
	Addressed bool     // the bindings are no descriptors: the push constants begin with their 64-bit addresses
	PushBytes int      // size of the push constant block, a multiple of 4; 0 = none
	Constants []uint32 // specialization constants: element i is constant_id i

	// Subgroup is the number of invocations in a subgroup, a power of two from
	// Caps.SubgroupMin to Caps.SubgroupMax; it needs Caps.SubgroupSizeControl. Where the
	// workgroup's x is a multiple of it, all subgroups are full. 0 leaves the size to the driver.
	Subgroup int
}

// Statistic is a number that a driver's compiler tells about a pipeline; which ones there are
// is the driver's business.
type Statistic struct {
	Name        string
	Description string
	Value       float64 // exact for whole numbers below 2^53; 1 for true, 0 for false
}

// Representation is a form of a pipeline's code as text, for example the instructions of
// the device.
type Representation struct {
	Name        string
	Description string
	Text        string
}

// Binding is a range of a buffer bound to a storage buffer of a shader or, where the
// pipeline says so, to a uniform texel buffer, which is read only. A shader reads a texel
// as 32-bit floats, also where the buffer holds 16-bit ones.
type Binding struct {
	Buffer *Buffer
	Offset int64 // bytes, a multiple of Caps.StorageAlignment
	Size   int64 // bytes, at most Caps.MaxStorageBufferRange
	Access Access
	Texel  int  // floats in a texel, 1 or 4, of a uniform texel buffer; 0 for a storage buffer
	Half   bool // the four floats of a texel have 16 bits, two to a word: the shader reads a texel as two words (usamplerBuffer)
}

// Dispatch is one run of a compute pipeline.
type Dispatch struct {
	Label    string    // the graph path: names the dispatch in errors, profiles and debuggers
	Pipeline *Pipeline // from the same device as the buffers
	Bindings []Binding // binding i of set 0
	Push     []byte    // exactly PipelineSpec.PushBytes bytes, copied; of an addressed pipeline the first 8 for each binding are filled in
	Groups   [3]int    // workgroups along x, y, z, each at least 1
}

// RecorderOptions says how commands are recorded.
type RecorderOptions struct {
	// Timestamps makes [Commands.Times] possible. It costs a little time for each dispatch
	// and keeps neighbouring ones from overlapping on some devices.
	Timestamps bool

	unordered bool // without the barriers at the ends, for tests
}
