package engine

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlanBarriers(t *testing.T) {
	read := func(b string, lo, hi int64) use { return use{b, lo, hi, false} }
	write := func(b string, lo, hi int64) use { return use{b, lo, hi, true} }
	compute := func(u ...use) step { return step{computeStage, u} }
	transfer := func(u ...use) step { return step{transferStage, u} }
	for _, c := range []struct {
		name  string
		steps []step
		want  []barrier
	}{
		{"nothing", nil, nil},
		{"read after write", []step{compute(write("a", 0, 8)), compute(read("a", 0, 8))},
			[]barrier{{1, computeStage, computeStage, computeStage}}},
		{"write after read", []step{compute(read("a", 0, 8)), compute(write("a", 0, 8))},
			[]barrier{{1, computeStage, computeStage, 0}}},
		{"write after write", []step{compute(write("a", 0, 8)), compute(write("a", 4, 12))},
			[]barrier{{1, computeStage, computeStage, computeStage}}},
		{"read after read", []step{compute(read("a", 0, 8)), compute(read("a", 0, 8))}, nil},
		{"ranges that touch", []step{compute(write("a", 0, 8)), compute(read("a", 8, 16))}, nil},
		{"one byte shared", []step{compute(write("a", 0, 9)), compute(read("a", 8, 16))},
			[]barrier{{1, computeStage, computeStage, computeStage}}},
		{"another buffer", []step{compute(write("a", 0, 8)), compute(read("b", 0, 8))}, nil},
		{"in place", []step{compute(read("a", 0, 8), write("a", 0, 8))}, nil},
		{"copy then shader", []step{transfer(write("a", 0, 8), read("h", 0, 8)), compute(read("a", 0, 8))},
			[]barrier{{1, transferStage, computeStage, transferStage}}},
		{"shader then copy", []step{compute(write("a", 0, 8)), transfer(read("a", 0, 8), write("h", 0, 8))},
			[]barrier{{1, computeStage, transferStage, computeStage}}},
		{"one barrier serves both", []step{compute(write("a", 0, 8)), compute(write("b", 0, 8)), compute(read("a", 0, 8)), compute(read("b", 0, 8))},
			[]barrier{{2, computeStage, computeStage, computeStage}}},
		{"a later stage is held back too", []step{compute(write("a", 0, 8)), compute(read("a", 0, 8)), transfer(read("a", 0, 8), write("h", 0, 8))},
			[]barrier{{1, computeStage, computeStage | transferStage, computeStage}}},
		{"a write two steps back", []step{compute(write("a", 0, 8)), compute(write("b", 0, 8)), compute(write("c", 0, 8)), compute(read("a", 0, 1))},
			[]barrier{{3, computeStage, computeStage, computeStage}}},
		{"the list is emptied", []step{compute(write("a", 0, 8)), compute(read("a", 0, 8)), compute(read("a", 0, 8)), compute(write("a", 0, 8))},
			[]barrier{{1, computeStage, computeStage, computeStage}, {3, computeStage, computeStage, 0}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, planBarriers(c.steps), cmp.AllowUnexported(barrier{})); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestPlanBarriersProperty checks, pair by pair, that every conflict has a barrier of the
// right stages in between, and that every barrier is asked for by some conflict.
func TestPlanBarriersProperty(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		steps := make([]step, 1+rng.IntN(20))
		for i := range steps {
			steps[i].stage = computeStage << rng.IntN(2)
			for range 1 + rng.IntN(3) {
				lo := rng.Int64N(30)
				steps[i].uses = append(steps[i].uses, use{rng.IntN(3), lo, lo + 1 + rng.Int64N(10), rng.IntN(3) == 0})
			}
		}
		barriers := planBarriers(steps)
		needed := map[int]bool{}
		for j := range steps {
			for i := range j {
				raw, any := conflictOf(steps[i], steps[j])
				if !any {
					continue
				}
				if !separated(barriers, steps, i, j, raw) {
					t.Fatalf("seed %d: steps %d and %d conflict, barriers are %+v", seed, i, j, barriers)
				}
				needed[j] = true
			}
		}
		for _, b := range barriers {
			if !needed[b.before] {
				t.Errorf("seed %d: no conflict asks for %+v", seed, b)
			}
		}
	}
}

// conflictOf compares all pairs; wrote says that the earlier step wrote what conflicts.
func conflictOf(first, second step) (wrote, any bool) {
	for _, a := range first.uses {
		for _, b := range second.uses {
			if a.buffer == b.buffer && a.lo < b.hi && b.lo < a.hi && (a.write || b.write) {
				any = true
				wrote = wrote || a.write
			}
		}
	}
	return wrote, any
}

func separated(barriers []barrier, steps []step, i, j int, wrote bool) bool {
	for _, b := range barriers {
		if b.before > i && b.before <= j && b.src&steps[i].stage != 0 && b.dst&steps[j].stage != 0 &&
			(!wrote || b.write&steps[i].stage != 0) {
			return true
		}
	}
	return false
}
