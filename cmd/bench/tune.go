package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/glipvk/glipvk"
)

// trials collects what the tuning tried.
type trials struct {
	mu   sync.Mutex
	list []glipvk.Trial
}

func (t *trials) observe(x glipvk.Trial) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = append(t.list, x)
}

func (t *trials) all() []glipvk.Trial {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.list
}

// tuneBudget is for how long --tune measures, also on drivers where nothing is measured unless asked.
const tuneBudget = 4 * time.Second

// retune makes the tuning measure everything again and tell t: it keeps its results
// in a folder of this run's, which the caller removes.
func retune(o *glipvk.Tuning, t *trials) (remove func() error, err error) {
	dir, err := os.MkdirTemp("", "bench-tune-*")
	if err != nil {
		return nil, fmt.Errorf("--tune: %w", err)
	}
	o.Dir, o.Observe, o.Budget = dir, t.observe, tuneBudget
	return func() error { return os.RemoveAll(dir) }, nil
}

// printTrials writes a table of the candidates, in the order in which they were tried.
func printTrials(w io.Writer, list []glipvk.Trial) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "tuning: product\tcandidate\ttime\tGFLOP/s\t")
	for _, t := range list {
		mark := ""
		if t.Won {
			mark = "won"
		}
		fmt.Fprintf(tw, "%s\t%s\t%v\t%.1f\t%s\n", t.Shape, t.Candidate, t.Duration.Round(time.Microsecond), t.GFLOPS, mark)
	}
	fmt.Fprintln(tw)
	return tw.Flush()
}
