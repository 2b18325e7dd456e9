package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
	"gonum.org/v1/gonum/stat"
	"slices"
)

// measure runs the rounds. A job that failed is not run again.
func measure(ctx context.Context, jobs []job, rounds int, r *report, m *meter) error {
	failed := make([]bool, len(jobs))
	for round := range rounds {
		for i, j := range jobs {
			m.show(fmt.Sprintf("round %d of %d: %s %s, %s", round+1, rounds, j.engine.name, j.engine.precision, j.works[0].name))
			if !failed[i] {
				failed[i] = !j.run(ctx, r)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// run runs a job once and adds what it found; false when there is no sense in running it again.
func (j job) run(ctx context.Context, r *report) bool {
	if j.why != "" {
		r.failed(j, j.why)
		return false
	}
	stdout, stderr, err := execute(ctx, j.limit, j.argv)
	switch {
	case errors.Is(err, errSlow):
		r.failed(j, err.Error())
		return false
	case err != nil:
		why := j.reason(stderr)
		if why == "" {
			why = err.Error()
		}
		r.failed(j, why)
		return false
	}
	found, err := j.read(j, stdout)
	if err != nil {
		r.failed(j, err.Error())
		return false
	}
	r.add(j, found)
	return true
}

// median of figures; of an even number, the mean of the middle two. There must be one.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return stat.Mean([]float64{sorted[(n-1)/2], sorted[n/2]}, nil)
}

// meter shows progress on a terminal; elsewhere it is silent.
type meter struct{ bar *progressbar.ProgressBar }

func newMeter(w io.Writer, total int) *meter {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return &meter{}
	}
	return &meter{progressbar.NewOptions(total, progressbar.OptionSetWriter(f), progressbar.OptionSetWidth(20),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(true))}
}

// show begins the next step. An error is one of the terminal: the work goes on without a bar.
func (m *meter) show(what string) {
	if m.bar == nil {
		return
	}
	m.bar.Describe(what)
	if err := m.bar.Add(1); err != nil {
		m.bar = nil
	}
}

func (m *meter) done() {
	if m.bar != nil {
		_ = m.bar.Clear() // of the terminal again
	}
}
