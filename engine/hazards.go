package engine

// stage is a set of the pipeline stages the engine uses.
type stage uint32

const (
	computeStage stage = 1 << iota
	transferStage
)

// use is one access of a step to a range of a buffer.
type use struct {
	buffer any   // identity of the buffer, comparable
	lo, hi int64 // bytes [lo, hi)
	write  bool
}

// step is one recorded dispatch or copy, as far as ordering is concerned.
type step struct {
	stage stage
	uses  []use
}

// barrier stands before step number before. Everything recorded ahead of it in the
// stages of src, whose writes are write, happens before what follows in dst.
type barrier struct {
	before   int
	src, dst stage
	write    stage // stages of src that wrote since the last barrier; may be none
}

// planBarriers derives the barriers of a recording. It keeps the accesses since the
// last barrier; a step that reads or writes what one of them wrote, or writes what one
// of them read, needs a barrier first, which orders everything before it and so empties
// the list. Two reads of the same bytes never conflict, and neither do a step's own
// accesses with each other.
func planBarriers(steps []step) []barrier {
	var barriers []barrier
	open := map[any][]use{}
	var src, write stage
	for i, s := range steps {
		if conflict(open, s.uses) {
			barriers = append(barriers, barrier{before: i, src: src, write: write})
			clear(open)
			src, write = 0, 0
		}
		src |= s.stage
		for _, u := range s.uses {
			open[u.buffer] = append(open[u.buffer], u)
			if u.write {
				write |= s.stage
			}
		}
	}
	// What follows a barrier is known only now: it must hold back every later stage.
	var later stage
	next := len(steps)
	for b := len(barriers) - 1; b >= 0; b-- {
		for ; next > barriers[b].before; next-- {
			later |= steps[next-1].stage
		}
		barriers[b].dst = later
	}
	return barriers
}

func conflict(open map[any][]use, uses []use) bool {
	for _, u := range uses {
		for _, o := range open[u.buffer] {
			if (u.write || o.write) && u.lo < o.hi && o.lo < u.hi {
				return true
			}
		}
	}
	return false
}
