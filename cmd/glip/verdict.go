package main

import (
	"fmt"
	"io"

	"github.com/glipvk/glipvk"
)

// judged is what became of an input.
type judged interface {
	failure() error // nil where it was computed
	verified() bool // false where its numbers were found wrong
}

// verdict names the inputs that failed. Failures of ours weigh most, then wrong numbers, then bad input.
func verdict[T judged](stderr io.Writer, results []T) error {
	var failed, wrong int
	var worst error
	for _, r := range results {
		if err := r.failure(); err != nil {
			failed++
			fmt.Fprintf(stderr, "glip: %v\n", err)
			if worst == nil || exitCode(err) == exitFailure {
				worst = err
			}
		}
		if !r.verified() {
			wrong++
		}
	}
	summary := fmt.Errorf("%d of %d inputs failed", failed, len(results))
	switch {
	case failed > 0 && exitCode(worst) == exitFailure:
		return summary
	case wrong > 0:
		return fmt.Errorf("%w: %d of %d inputs differ from the CPU reference by more than the precision explains", errVerification, wrong, len(results))
	case failed > 0:
		return usageError{summary}
	}
	return nil
}

// allOK is false if something was compared and found wrong.
func allOK(checks []glipvk.Difference) bool {
	for _, d := range checks {
		if !d.OK() {
			return false
		}
	}
	return true
}
