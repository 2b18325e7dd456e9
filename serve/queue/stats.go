package queue

import (
	"math/bits"
	"time"
)

// Reason is why a request was not taken.
type Reason int

// The reasons.
const (
	Full     Reason = iota // too many requests
	Heavy                  // too many bytes
	TooLate                // its deadline is shorter than the wait
	Draining               // the server ends
	NotReady               // it loads, or its device is lost
	Reasons                // how many there are
)

// String is the word that metrics have.
func (r Reason) String() string {
	return [...]string{"queue", "bytes", "deadline", "draining", "loading", "none"}[r]
}

// Sizes are the batch sizes up to which [Stats.Batches] counts.
var Sizes = [...]int{1, 2, 4, 8, 16, 32}

// Stats is what the queue has done and has to do, at one moment.
type Stats struct {
	Reading   int      // requests whose body is being read or looked through
	Waiting   [2]int   // units in the line by [Priority], those being prepared and ready ones too
	Bytes     [2]int64 // of these units, as encoded
	Held      int64    // bytes of all requests that are not answered
	Tasks     int      // in the line: units that ask the same are one
	Prepared  int      // tasks that are ready, or whose preparation has ended and waits for room
	Preparing int      // tasks whose preparation runs
	Computing [2]int   // tasks by [Priority]

	Mean     time.Duration // of a computed task, a moving average
	Estimate time.Duration // until a unit that comes now is computed

	// Since the queue was made.
	Rejected  [Reasons]uint64        // requests by [Reason]
	Cancelled [States]uint64         // requests whose client left, by the [State] of the unit that was least far
	Expired   [States]uint64         // requests whose deadline passed, likewise
	Answered  uint64                 // units
	Shared    uint64                 // of these, units whose task was another's already
	Failed    uint64                 // requests that a preparation, a computation or a lost device failed
	Computed  uint64                 // tasks
	Panics    uint64                 // of functions that the queue was given
	Dropped   uint64                 // preparations that were given up for units whose turn came first
	Batches   [len(Sizes) + 1]uint64 // by size: up to each of [Sizes], and beyond
}

// bucket is where a batch is counted in [Stats.Batches].
func bucket(size int) int {
	return min(bits.Len(uint(size-1)), len(Sizes))
}
