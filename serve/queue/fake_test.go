package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// job is what the fake detector is asked.
type job struct {
	name         string
	decode, take time.Duration
	prepare      func(context.Context) error // in addition; nil for nothing
	compute      func() error                // likewise
}

// fake is a detector that sleeps, remembers pictures, and notes what it was asked. It finds fault with batches that no queue may make.
type fake struct {
	t     *testing.T
	queue *Queue[*job, string, string]
	size  int

	mu        sync.Mutex
	batches   []string // names, "a b"
	known     map[Key]bool
	busy      map[int]bool
	preparing int
	most      int        // preparations at a time
	started   func(*job) // when a job's computation begins; nil for nothing
}

// open is a queue with a fake detector, ready. It is closed with the test, which must be a bubble of fake time.
func open(t *testing.T, o Options[*job, string, string]) *fake {
	t.Helper()
	f := &fake{t: t, known: map[Key]bool{}, busy: map[int]bool{}, size: max(o.Batch, 1)}
	o.Prepare, o.Compute = f.prepare, f.compute
	q, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.queue = q
	q.Ready()
	t.Cleanup(func() {
		q.Close()
		f.check()
		if n := f.queue.Stats(); n.Reading+n.Waiting[High]+n.Waiting[Low]+n.Tasks+n.Prepared+n.Preparing+n.Computing[High]+n.Computing[Low] != 0 || n.Held != 0 || n.Bytes != [2]int64{} {
			t.Errorf("closed, and not empty: %+v", n)
		}
	})
	return f
}

func (f *fake) remembers(k Key) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.known[k]
}

func (f *fake) prepare(ctx context.Context, j *job) (string, error) {
	f.mu.Lock()
	f.preparing++
	f.most = max(f.most, f.preparing)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.preparing--
		f.mu.Unlock()
	}()
	if j.prepare != nil {
		if err := j.prepare(ctx); err != nil {
			return "", err
		}
	}
	if j.decode > 0 {
		select {
		case <-time.After(j.decode):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	return "pixels of " + j.name, nil
}

func (f *fake) compute(_ context.Context, device int, batch []Item[*job, string]) ([]Result[string], error) {
	f.check()
	f.mu.Lock()
	if f.busy[device] {
		f.t.Errorf("two batches at a time on device %d", device)
	}
	if len(batch) == 0 || len(batch) > f.size {
		f.t.Errorf("a batch of %d where %d is the most", len(batch), f.size)
	}
	f.busy[device] = true
	var names []string
	seen := map[Key]bool{}
	for i, item := range batch {
		if item.Prepared != "pixels of "+item.Job.name {
			f.t.Errorf("%s comes with %q", item.Job.name, item.Prepared)
		}
		if i > 0 && batch[i-1].Picture != item.Picture && seen[item.Picture] {
			f.t.Errorf("in %v a picture stands in two places", names)
		}
		seen[item.Picture] = item.Picture != Key{}
		names = append(names, item.Job.name)
		if f.started != nil {
			f.started(item.Job)
		}
	}
	f.batches = append(f.batches, strings.Join(names, " "))
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.busy[device] = false
		f.mu.Unlock()
	}()
	var total time.Duration
	results := make([]Result[string], len(batch))
	for i, item := range batch {
		total += item.Job.take
		results[i].Value = "boxes of " + item.Job.name
		if item.Job.compute != nil {
			results[i].Err = item.Job.compute()
		}
	}
	if total > 0 {
		time.Sleep(total)
	}
	f.mu.Lock()
	for _, item := range batch {
		f.known[item.Picture] = item.Picture != Key{}
	}
	f.mu.Unlock()
	return results, nil
}

// order is what was computed so far, batches apart by commas.
func (f *fake) order() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.batches, ", ")
}

// asking is a request that was made.
type asking struct {
	cancel  context.CancelFunc
	answers []Answer[string]
	err     error
	took    time.Duration
	over    atomic.Bool
}

// code is how a request was refused, "" if it was not.
func (a *asking) code() api.Code {
	if r, ok := errors.AsType[*api.Refusal](a.err); ok {
		return r.Code
	}
	return ""
}

// ask makes a request and returns once it waits.
func (f *fake) ask(r Request[*job]) *asking { return f.within(0, r) }

// within makes a request with a deadline.
func (f *fake) within(d time.Duration, r Request[*job]) *asking {
	ctx, cancel := context.WithCancel(context.Background())
	if d > 0 {
		ctx, cancel = context.WithTimeout(context.Background(), d)
	}
	a := &asking{cancel: cancel}
	begun := time.Now()
	go func() {
		defer cancel()
		defer func() { a.took = time.Since(begun); a.over.Store(true) }()
		place, err := f.queue.Admit(ctx, 0)
		if err != nil {
			a.err = err
			return
		}
		defer place.Leave()
		place.Checked()
		a.answers, a.err = place.Do(ctx, r)
		if a.err != nil {
			return
		}
		for i, u := range r.Units {
			if want := "boxes of " + u.Job.name; len(a.answers) != len(r.Units) || a.answers[i].Value != want && (u.Whole == Key{}) {
				f.t.Errorf("unit %d has %+v, want %q", i, a.answers, want)
			}
		}
	}()
	synctest.Wait()
	return a
}

// one is a request of one unit that takes a second, of a client.
func one(client, name string) Request[*job] {
	return Request[*job]{Client: client, Priority: api.High, Units: []Unit[*job]{{Job: &job{name: name, take: time.Second}}}}
}

// low is the same of low priority.
func low(client, name string) Request[*job] {
	r := one(client, name)
	r.Priority = api.Low
	return r
}

// key is a key that text stands for.
func key(text string) (k Key) {
	copy(k[:], text)
	return k
}

// settle lets all that waits be computed.
func settle() { pass(time.Hour) }

// pass lets time pass, and all that happens at its end.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// want compares what was computed, and in which order.
func (f *fake) want(batches string) {
	f.t.Helper()
	if got := f.order(); got != batches {
		f.t.Errorf("computed %q, want %q", got, batches)
	}
}

// check looks at the inside of the queue for what must hold at any moment.
func (f *fake) check() {
	w := f.queue.flow
	w.mu.Lock()
	defer w.mu.Unlock()
	count, tasks := [States + 1]int{}, map[*task]bool{}
	units, bytes := 0, [2]int64{}
	for class := range w.line.classes {
		t := w.line.classes[class]
		if len(t.of) != len(t.ring) {
			f.t.Errorf("%d clients in the ring, %d known", len(t.ring), len(t.of))
		}
		for _, c := range t.ring {
			if !slices.IsSortedFunc(c.units, func(a, b *unit) int { return int(a.number) - int(b.number) }) {
				f.t.Error("a client's units are not as they came")
			}
			for _, u := range c.units {
				units++
				bytes[u.priority] += u.size
				if u.overtaken > overtakes {
					f.t.Errorf("a unit was overtaken by %d", u.overtaken)
				}
				if !tasks[u.task] {
					tasks[u.task] = true
					count[u.task.state]++
				}
				if !slices.Contains(u.task.units, u) {
					f.t.Error("a unit in the line that its task does not know")
				}
			}
		}
	}
	is := fmt.Sprint(count[Waiting], count[Ready], len(tasks), units, bytes)
	if has := fmt.Sprint(w.waiting, w.ready, w.ahead, w.line.length(), w.line.bytes); is != has {
		f.t.Errorf("waiting, ready, tasks, units, bytes: counted %s, noted %s", is, has)
	}
	if units > w.queue || w.held > w.bytes {
		f.t.Errorf("%d units of %d, %d bytes of %d", units, w.queue, w.held, w.bytes)
	}
	if w.running+max(0, w.ready-w.shelf()) > w.preparing {
		f.t.Errorf("%d preparations and %d ready", w.running, w.ready)
	}
	if tasks := len(w.tasks) + len(w.sights); len(w.calls) == 0 && len(w.runs) == 0 && tasks > 0 {
		f.t.Errorf("%d tasks and pictures known of nobody", tasks)
	}
	if w.reading < 0 || w.held < 0 || w.running < 0 || len(w.idle)+len(w.runs) != w.devices {
		f.t.Errorf("reading %d, held %d, running %d, idle %v, runs %d", w.reading, w.held, w.running, w.idle, len(w.runs))
	}
}
