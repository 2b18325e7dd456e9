package engine

import "slices"

// span is a free range [offset, offset+size) of a block, in bytes.
type span struct{ offset, size int64 }

// spans hands out ranges of one block of memory, first fit. The free ranges are
// kept in order of offset, never empty, never touching: a range given back joins
// its neighbours. It is plain arithmetic; no memory is touched.
type spans struct {
	size int64
	free []span
}

func newSpans(size int64) *spans {
	return &spans{size: size, free: []span{{0, size}}}
}

// take cuts size bytes from the first free range that holds them at a multiple of
// align (a positive number), and reports whether there was one.
func (s *spans) take(size, align int64) (offset int64, ok bool) {
	if size <= 0 || size > s.size {
		return 0, false
	}
	for i, f := range s.free {
		offset := (f.offset + align - 1) / align * align
		before := offset - f.offset
		after := f.size - before - size
		if after < 0 {
			continue
		}
		var rest []span
		if before > 0 {
			rest = append(rest, span{f.offset, before})
		}
		if after > 0 {
			rest = append(rest, span{offset + size, after})
		}
		s.free = slices.Replace(s.free, i, i+1, rest...)
		return offset, true
	}
	return 0, false
}

// give returns a range that take handed out.
func (s *spans) give(offset, size int64) {
	i, _ := slices.BinarySearchFunc(s.free, offset, func(f span, o int64) int { return int(min(max(f.offset-o, -1), 1)) })
	s.free = slices.Insert(s.free, i, span{offset, size})
	if i+1 < len(s.free) && s.free[i].offset+s.free[i].size == s.free[i+1].offset {
		s.free[i].size += s.free[i+1].size
		s.free = slices.Delete(s.free, i+1, i+2)
	}
	if i > 0 && s.free[i-1].offset+s.free[i-1].size == s.free[i].offset {
		s.free[i-1].size += s.free[i].size
		s.free = slices.Delete(s.free, i, i+1)
	}
}

// empty reports whether nothing is handed out.
func (s *spans) empty() bool {
	return len(s.free) == 1 && s.free[0].size == s.size
}
