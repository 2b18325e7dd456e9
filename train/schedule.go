package train

import (
	"fmt"
	"math"
)

// Warmup is how the learning rate begins.
type Warmup struct {
	Steps    int
	Factor   float64 // of the rate, at the first step
	Constant bool    // the factor stays until the last of the steps, instead of growing in proportion
}

// factor after j steps (maskrcnn_benchmark/solver/lr_scheduler.py).
func (w Warmup) factor(j int) float64 {
	if j >= w.Steps {
		return 1
	}
	if w.Constant {
		return w.Factor
	}
	share := float64(j) / float64(w.Steps)
	return w.Factor*(1-share) + share
}

// Schedule gives the learning rate of each step from the base rate. Its JSON is what a run keeps of it.
type Schedule struct {
	Kind   Kind
	Warmup Warmup

	Milestones []float64 // of Steps: after how many steps the rate falls to a tenth; below 1 of a share of all
	Length     int       // steps of the whole training
	Weaken     float64   // of Steps: the decay of weights falls to a tenth at this share of each milestone (GLIP-L: 0.667); 0 for nowhere

	Patience int      // of Auto: how many validations may be no better
	State    Progress // of Auto, so far
}

// Kind is the kind of a schedule.
type Kind string

// The kinds.
const (
	Steps  Kind = "steps"  // falls to a tenth at milestones
	Cosine Kind = "cosine" // falls to least along half a cosine
	Auto   Kind = "auto"   // falls to a tenth where validations are no better
)

// least is where falling ends.
const least = 1e-6

// Progress is what an Auto schedule has seen.
type Progress struct {
	Best    float64 // AP
	Seen    bool    // any
	Bad     int     // validations without a better one
	Falls   int     // of the rates
	Counted int     // steps and validations, by which warm-up goes
}

// Rate of step k, from 0.
func (s *Schedule) Rate(base float64, k int) float64 {
	switch s.Kind {
	case Cosine:
		if k < s.Warmup.Steps {
			return base * s.Warmup.factor(k)
		}
		return least + (base-least)*(1+math.Cos(math.Pi*float64(k-s.Warmup.Steps)/float64(s.Length)))/2
	case Auto:
		return s.auto(base)
	}
	return s.fallen(base*s.Warmup.factor(k), k, 1)
}

// Decay of weights at step k, from 0 (WEIGHT_DECAY_SCHEDULE of the original).
func (s *Schedule) Decay(base float64, k int) float64 {
	if s.Kind != Steps || s.Weaken == 0 {
		return base
	}
	return s.fallen(base, k, s.Weaken)
}

// fallen is a value that falls to a tenth at a share of each milestone.
func (s *Schedule) fallen(value float64, k int, share float64) float64 {
	for _, at := range s.Milestones {
		if at < 1 {
			at = math.RoundToEven(at * float64(s.Length))
		}
		if float64(k) >= share*at {
			value *= 0.1
		}
	}
	return value
}

// auto is the rate after the falls so far, each to no less than the least and only where that is less.
func (s *Schedule) auto(base float64) float64 {
	if n := s.State.Counted; n > 0 && n < s.Warmup.Steps {
		return base * s.Warmup.factor(n-1)
	}
	for range s.State.Falls {
		if next := max(0.1*base, least); base-next > 1e-8 {
			base = next
		}
	}
	return base
}

// Stepped notes a step, which moves an Auto schedule's warm-up on.
func (s *Schedule) Stepped() { s.State.Counted++ }

// Validated notes the AP of a validation after a step. An AP of 0 is passed over, as in the original,
// which takes it for none; one that is better by no more than a ten-thousandth is no better.
func (s *Schedule) Validated(ap float64) {
	p := &s.State
	if s.Kind != Auto || ap == 0 {
		return
	}
	if p.Counted++; p.Counted < s.Warmup.Steps {
		return
	}
	if !p.Seen || ap > p.Best*(1+1e-4) {
		p.Best, p.Seen, p.Bad = ap, true, 0
		return
	}
	if p.Bad++; p.Bad > s.Patience {
		p.Bad, p.Falls = 0, p.Falls+1
	}
}

// check refuses what is no schedule.
func (s *Schedule) check() error {
	switch {
	case s.Kind != Steps && s.Kind != Cosine && s.Kind != Auto:
		return fmt.Errorf("train: %w: schedule %q, want one of %q", ErrOptions, s.Kind, []Kind{Steps, Cosine, Auto})
	case s.Kind != Auto && s.Length < 1:
		return fmt.Errorf("train: %w: a schedule of %d steps, want at least 1", ErrOptions, s.Length)
	case !(s.Weaken >= 0 && s.Weaken <= 1):
		return fmt.Errorf("train: %w: the decay falls at %g of each milestone, want 0 to 1", ErrOptions, s.Weaken)
	case s.Warmup.Steps < 0 || !(s.Warmup.Factor >= 0 && s.Warmup.Factor <= 1):
		return fmt.Errorf("train: %w: a warm-up of %d steps from %g of the rate on, want at least 0, and 0 to 1", ErrOptions, s.Warmup.Steps, s.Warmup.Factor)
	}
	return nil
}
