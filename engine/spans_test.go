package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSpansProperty takes and gives ranges at random and checks after each move that no two
// ranges overlap, that free and taken ranges add up, and that free ranges are joined.
func TestSpansProperty(t *testing.T) {
	const size = 1 << 16
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := newSpans(size)
		var taken []span
		for range 2000 {
			if len(taken) > 0 && rng.IntN(5) < 2 {
				i := rng.IntN(len(taken))
				s.give(taken[i].offset, taken[i].size)
				taken = slices.Delete(taken, i, i+1)
			} else {
				n, align := 1+rng.Int64N(5000), int64(1)<<rng.IntN(9)
				offset, ok := s.take(n, align)
				if ok && offset%align != 0 {
					t.Fatalf("seed %d: offset %d is not a multiple of %d", seed, offset, align)
				}
				if !ok && fits(s, n, align) {
					t.Fatalf("seed %d: no room for %d at %d in %v", seed, n, align, s.free)
				}
				if ok {
					taken = append(taken, span{offset, n})
				}
			}
			checkSpans(t, s, taken)
		}
		for _, x := range taken {
			s.give(x.offset, x.size)
		}
		if !s.empty() {
			t.Fatalf("seed %d: everything was given back, left is %v", seed, s.free)
		}
	}
}

// fits looks for room the slow way: at every aligned offset.
func fits(s *spans, n, align int64) bool {
	for _, f := range s.free {
		for o := int64(0); o+n <= f.offset+f.size; o += align {
			if o >= f.offset {
				return true
			}
		}
	}
	return false
}

func checkSpans(t *testing.T, s *spans, taken []span) {
	t.Helper()
	all := append(slices.Clone(s.free), taken...)
	slices.SortFunc(all, func(a, b span) int { return int(a.offset - b.offset) })
	at := int64(0)
	for _, x := range all {
		if x.offset != at || x.size <= 0 {
			t.Fatalf("range %v begins where %d was expected; free %v", x, at, s.free)
		}
		at += x.size
	}
	if at != s.size {
		t.Fatalf("ranges end at %d of %d", at, s.size)
	}
	for i := 1; i < len(s.free); i++ {
		if s.free[i-1].offset+s.free[i-1].size >= s.free[i].offset {
			t.Fatalf("free ranges touch or are out of order: %v", s.free)
		}
	}
}

func TestSpansRefuses(t *testing.T) {
	s := newSpans(100)
	for _, n := range []int64{0, -1, 101, 1 << 62} {
		if _, ok := s.take(n, 1); ok {
			t.Errorf("took %d of 100", n)
		}
	}
	if _, ok := s.take(100, 64); !ok {
		t.Error("the whole block was refused")
	}
	if _, ok := s.take(1, 1); ok {
		t.Error("took from a full block")
	}
}
