package serve

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/guard"
	"github.com/glipvk/glipvk/serve/oip"
)

// notes are what the Open Inference Protocol counts of questions.
type notes struct {
	sync.Mutex
	oip.Statistics
}

// answered counts a question that was answered.
func (n *notes) answered(t api.Timing) {
	n.Lock()
	defer n.Unlock()
	n.Last = time.Now()
	for to, d := range map[*oip.Spent]time.Duration{
		&n.Success: t.Total, &n.Queue: t.Queue, &n.Input: t.Decode, &n.Infer: t.Picture + t.Caption + t.Grounding,
	} {
		spend(to, d)
	}
	if slices.Contains(t.Known, "whole") {
		spend(&n.Hit, t.Total)
	} else {
		spend(&n.Miss, t.Total)
	}
}

// failed counts one that was not.
func (n *notes) failed(took time.Duration) {
	n.Lock()
	defer n.Unlock()
	spend(&n.Fail, took)
}

func spend(to *oip.Spent, d time.Duration) {
	to.Count++
	to.Total += d
}

// line is what a request's line in the log says of its questions, beside what the guard knows.
type line struct {
	mu                   sync.Mutex
	timing               api.Timing
	pictures, detections int
	asked                bool
}

// lineOf is the line of a request's context; nil without one.
func lineOf(ctx context.Context) *line {
	l, _ := guard.VisitOf(ctx).Note.(*line)
	return l
}

// add notes an answer.
func (l *line) add(a api.Answer) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked, l.timing = true, a.Timing
	l.pictures += len(a.Pictures)
	for _, p := range a.Pictures {
		l.detections += len(p.Detections)
	}
}
