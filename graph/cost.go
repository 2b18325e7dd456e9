package graph

import "time"

// Timing is what one step of an executed graph took: a dispatch on a device, a task on the CPU.
type Timing struct {
	Part     string // of the model
	Path     string // of the node
	Kernel   string // shader variant, or the step and instructions of package cpu
	Duration time.Duration
	FLOPs    int64 // floating-point operations of products, two for a multiply-add
	Bytes    int64 // read and written at least
}

// Stats says what the program for a graph is made of. Sizes are bytes. On the CPU there are no
// barriers and no staging; on the CPU reference everything about memory is 0.
type Stats struct {
	Dispatches   int   `json:"dispatches"` // or steps
	Barriers     int   `json:"barriers"`
	Submissions  int   `json:"submissions"`             // that a run is cut into, without those that only copy
	ArenaBytes   int64 `json:"arena_bytes"`             // memory for intermediate values
	LiveBytes    int64 `json:"live_bytes"`              // the least any arena could take
	WeightBytes  int64 `json:"weight_bytes"`            // shared by all programs of a model
	StagingBytes int64 `json:"staging_bytes"`           // host-visible copies of inputs and results: none where memory is unified, unless two callers overlap
	ScratchBytes int64 `json:"scratch_bytes,omitempty"` // memory of the CPU's workers
	FLOPs        int64 `json:"flops"`                   // of products, two for a multiply-add
	BytesMoved   int64 `json:"bytes_moved"`             // every operand of every dispatch once
}

// Add counts another run of the same model; again says that its program was counted before.
func (s Stats) Add(t Stats, again bool) Stats {
	s.Dispatches += t.Dispatches
	s.Barriers += t.Barriers
	s.Submissions += t.Submissions
	s.WeightBytes = max(s.WeightBytes, t.WeightBytes)
	s.FLOPs += t.FLOPs
	s.BytesMoved += t.BytesMoved
	if !again {
		s.ArenaBytes += t.ArenaBytes
		s.LiveBytes += t.LiveBytes
		s.StagingBytes += t.StagingBytes
		s.ScratchBytes += t.ScratchBytes
	}
	return s
}
