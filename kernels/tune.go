package kernels

import (
	"context"
	"time"

	"github.com/glipvk/glipvk/engine"
)

// Tuning says how tiles of matrix products are chosen.
type Tuning struct {
	Off     bool
	Dir     string
	Budget  time.Duration
	Observe func(Trial)
}

// Trial is one candidate that was measured.
type Trial struct {
	Shape     string
	Candidate string
	Duration  time.Duration
	GFLOPS    float64
	Won       bool
}

func (l *lowerer) tune(_ context.Context, _ *engine.Device, _ []step, _ Tuning) error { return nil }
