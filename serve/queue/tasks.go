package queue

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// settings are the options, with jobs of any kind and without zeros.
type settings struct {
	queue, spare, batch, devices, preparing int
	bytes                                   int64
	delay, expect                           time.Duration

	prepare func(context.Context, any) (any, error)
	compute func(context.Context, int, []*task) ([]outcome, error)
	known   func(Key) bool
}

// outcome is what a computation made of one task.
type outcome struct {
	value any
	err   error
}

// run is one batch on a device.
type run struct {
	device int
	batch  []*task
	begun  time.Time
	orphan bool // its device was lost
}

// flow moves tasks from the line through preparation and computation to the units that wait for them. All of it is behind one
// lock; the functions that do the work run without it, each in a goroutine of its own, so that an idle queue has none.
type flow struct {
	settings
	context context.Context // of what runs
	cancel  context.CancelFunc
	group   sync.WaitGroup

	mu       sync.Mutex
	line     line
	tasks    map[Key]*task // that a unit may share
	calls    map[*call]struct{}
	sights   map[Key]*sight
	order    []*unit // kept for its memory, as the choice is
	choice   choice
	number   uint64
	ahead    int   // tasks in the line, of which so many
	waiting  int   // wait
	ready    int   // are ready; the others are being prepared
	running  int   // preparations, those of tasks that were called off too
	idle     []int // devices
	runs     []*run
	timer    *time.Timer // for the delay
	stopped  api.Code    // why nothing is taken and nothing computed for now; "" when ready
	draining bool
	closed   bool
	reading  int           // requests
	held     int64         // bytes
	quiet    chan struct{} // closed when nothing is left; nil if nobody asked
	mean     time.Duration
	stats    Stats // the counters of it
}

// keep makes a task known to others that ask the same, or of the same picture.
func (f *flow) keep(t *task) {
	if (t.whole != Key{}) {
		f.tasks[t.whole] = t
	}
	if (t.picture != Key{}) {
		if t.sight = f.sights[t.picture]; t.sight == nil {
			t.sight = &sight{}
			f.sights[t.picture] = t.sight
		}
		t.sight.tasks++
	}
}

// empty says whether nothing is left to do.
func (f *flow) empty() bool {
	return f.reading == 0 && len(f.calls) == 0 && len(f.runs) == 0 && f.running == 0
}

// ordered begins a choice among all that wait.
func (f *flow) ordered() *choice {
	f.order = f.line.order(f.order[:0])
	f.remember()
	f.choice.begin(f.order)
	return &f.choice
}

// remember asks which pictures are remembered, where there is a choice.
func (f *flow) remember() {
	if f.known == nil || len(f.order) < 2 {
		return
	}
	defer func() {
		if recover() != nil {
			f.stats.Panics++
			for _, s := range f.sights {
				s.remembered = false
			}
		}
	}()
	for _, u := range f.order {
		if t := u.task; t.sight != nil && t.units[0] == u {
			t.sight.remembered = false
			t.sight.remembered = f.known(t.picture)
		}
	}
}

// shelf is how many tasks may be ready.
func (f *flow) shelf() int { return 2 * f.batch * f.devices }

// room says whether another preparation may begin.
func (f *flow) room() bool { return f.running+max(0, f.ready-f.shelf()) < f.preparing }

// observe takes a task's time into the moving average: an eighth of it, and all of the first.
func (f *flow) observe(took time.Duration) {
	if f.mean == 0 {
		f.mean = took
	} else {
		f.mean += (took - f.mean) / 8
	}
}

// estimate is how long a unit waits that comes now.
func (f *flow) estimate() time.Duration {
	return time.Duration(f.ahead) * f.mean / time.Duration(f.devices)
}

// answer gives a unit its reply.
func (f *flow) answer(u *unit, r reply) {
	c := u.call
	c.replies[u.at] = r
	c.left--
	f.stats.Answered++
	if u.shared {
		f.stats.Shared++
	}
	if c.left == 0 {
		f.end(c, nil)
	}
}

// fail ends a task that cannot be done, and the calls that wait for it.
func (f *flow) fail(t *task, err error) {
	f.forget(t)
	for _, u := range slices.Clone(t.units) {
		if !u.call.over {
			f.stats.Failed++
			f.end(u.call, &UnitError{u.at, err})
		}
	}
}

// end ends a call; what its units wanted is called off where nobody else wants it.
func (f *flow) end(c *call, err error) {
	c.over, c.err = true, err
	delete(f.calls, c)
	for _, u := range c.units {
		f.leave(u)
	}
	close(c.done)
}

// leave takes a unit away from its task.
func (f *flow) leave(u *unit) {
	t := u.task
	i := slices.Index(t.units, u)
	if i < 0 {
		return // answered
	}
	t.units = slices.Delete(t.units, i, i+1)
	if u.queued {
		f.line.remove(u)
	}
	if len(t.units) == 0 && t.state < Computing {
		f.forget(t)
	}
}

// forget ends a task: nobody may share it any more, and what prepares it may stop.
func (f *flow) forget(t *task) {
	if t.state < Computing {
		f.ahead--
	}
	switch t.state {
	case Waiting:
		f.waiting--
	case Preparing:
		t.stop()
	case Ready:
		f.ready--
		t.prepared = nil
	}
	t.state = States
	if f.tasks[t.whole] == t {
		delete(f.tasks, t.whole)
	}
	if t.sight != nil {
		if t.sight.tasks--; t.sight.tasks == 0 {
			delete(f.sights, t.picture)
		}
	}
}

// guard runs a function that was given, and returns its panic as an error.
func (f *flow) guard(work func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.stats.Panics++
		}
	}()
	return work()
}
