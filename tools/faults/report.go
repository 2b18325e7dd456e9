package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/glipvk/glipvk/tools/poser/pose"
)

// report is the table of a sweep.
type report struct {
	mu       sync.Mutex
	subjects []string
	calls    []counts                  // of a run of each subject without a fault
	became   map[string]map[string]int // of the faults of a function, by how the run ended
	ended    map[string]int            // of all
	moves    int                       // runs whose device was lost and that were to go on
	stuck    int                       // of these, that did not
}

// begin begins a subject.
func (r *report) begin(subject string, c counts) {
	r.subjects, r.calls = append(r.subjects, subject), append(r.calls, c)
	if r.became == nil {
		r.became, r.ended = map[string]map[string]int{}, map[string]int{}
	}
}

// add notes what became of a fault.
func (r *report) add(f fault, v verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.became[f.Function] == nil {
		r.became[f.Function] = map[string]int{}
	}
	r.became[f.Function][v.Ended]++
	r.ended[v.Ended]++
}

// print writes the table, and is an error where a run did not end as it should or nothing was tried.
func (r *report) print(out io.Writer, took time.Duration) error {
	fmt.Fprintf(out, "| call | %s | failed | tolerated | ended |\n| --- |%s --- | --- | --- |\n", strings.Join(r.subjects, " | "), strings.Repeat(" --- |", len(r.subjects)))
	for _, f := range pose.Functions() {
		b := r.became[f]
		if b == nil {
			continue
		}
		fmt.Fprintf(out, "| %s |", f)
		for _, c := range r.calls {
			fmt.Fprintf(out, " %d |", c[f])
		}
		fmt.Fprintf(out, " %d | %d | %d |\n", b[tolerated]+b[ended]+b[wrong], b[tolerated], b[ended])
	}
	fired := r.ended[tolerated] + r.ended[ended] + r.ended[wrong]
	fmt.Fprintf(out, "\nfaults: %d calls failed in %d functions, %d tolerated with the same results, %d ended with a sentence, %d wrong; %d were not reached; %.0f s\n",
		fired, len(r.became), r.ended[tolerated], r.ended[ended], r.ended[wrong], r.ended[notReached], took.Seconds())
	fmt.Fprintf(out, "faults: %d of %d runs went on when their device was lost\n", r.moves-r.stuck, r.moves)
	switch {
	case r.ended[wrong]+r.stuck > 0:
		return fmt.Errorf("%d runs did not end as they should", r.ended[wrong]+r.stuck)
	case fired+r.moves == 0:
		return fmt.Errorf("no call failed")
	}
	return nil
}
