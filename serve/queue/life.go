package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// newFlow is a flow that waits for its detector.
func newFlow(s settings) *flow {
	f := &flow{settings: s, tasks: map[Key]*task{}, sights: map[Key]*sight{}, calls: map[*call]struct{}{}, stopped: api.Loading, mean: s.expect}
	f.context, f.cancel = context.WithCancel(context.Background())
	for device := range s.devices {
		f.idle = append(f.idle, device)
	}
	return f
}

// resume takes and computes again.
func (f *flow) resume() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = ""
	f.advance()
}

// lose takes and computes nothing, and fails what the devices compute; what that ends with is not looked at.
func (f *flow) lose() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = api.DeviceLost
	for _, r := range f.runs {
		r.orphan = true
		f.idle = append(f.idle, r.device)
		for _, t := range r.batch {
			f.stats.Computing[t.priority]--
			lost := api.Refuse(api.DeviceLost, "the device was lost while it computed this: ask again in a moment")
			lost.Retry = time.Second
			f.fail(t, lost)
		}
	}
	f.runs = nil
	f.advance()
}

// drain waits until nothing is left, and takes nothing any more.
func (f *flow) drain(ctx context.Context) error {
	f.mu.Lock()
	f.draining = true
	quiet := make(chan struct{})
	if f.quiet != nil {
		quiet = f.quiet // somebody waits already
	}
	f.quiet = quiet
	f.advance()
	f.mu.Unlock()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("serve/queue: not all that was taken could be finished: %w", ctx.Err())
	}
}

// close refuses all that is under way.
func (f *flow) close() {
	f.mu.Lock()
	f.draining, f.closed = true, true
	for c := range f.calls {
		f.end(c, f.refuse(Draining, api.Draining))
	}
	if f.timer != nil {
		f.timer.Stop()
	}
	f.cancel()
	f.advance()
	f.mu.Unlock()
	f.group.Wait()
}

// snapshot is how it stands.
func (f *flow) snapshot() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.stats
	s.Reading, s.Held = f.reading, f.held
	s.Waiting, s.Bytes = f.line.units, f.line.bytes
	s.Tasks, s.Prepared, s.Preparing = f.ahead, f.ready, f.running
	s.Mean, s.Estimate = f.mean, f.estimate()
	return s
}
