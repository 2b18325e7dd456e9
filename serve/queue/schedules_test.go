package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// Whatever comes, in whatever order, and leaves or fails at whatever moment: every request is answered once and rightly or refused, limits
// hold, nothing is computed for those who left while they waited, a client's units stay in order, and at the end nothing is left.
func TestSchedules(t *testing.T) {
	count := schedules
	if testing.Short() {
		count /= 10
	}
	before := runtime.NumGoroutine()
	for seed := range count {
		synctest.Test(t, func(t *testing.T) { newSchedule(t, uint64(seed)).run() })
		if t.Failed() {
			t.Fatalf("with schedule %d", seed)
		}
	}
	after := runtime.NumGoroutine()
	for tries := 0; after > before && tries < 100; tries++ {
		time.Sleep(10 * time.Millisecond) // one that has done its work may still be on its way out
		after = runtime.NumGoroutine()
	}
	if after > before {
		t.Errorf("%d goroutines, and %d before", after, before)
	}
}

// schedule is one that dice made.
type schedule struct {
	*fake
	dice   *rand.Rand
	strict bool // nothing may depart from the order
	group  sync.WaitGroup

	// Behind the fake's lock.
	live    map[string]int // callers by the name of what they wait for
	left    map[string]time.Time
	begun   map[string]time.Time // when the computation of a name began
	wishes  []wish
	ended   map[api.Code]int
	replied int // units
}

// wish is a unit that entered the line.
type wish struct{ client, name string }

func newSchedule(t *testing.T, seed uint64) *schedule {
	s := &schedule{dice: rand.New(rand.NewPCG(seed, 15)), live: map[string]int{}, left: map[string]time.Time{}, begun: map[string]time.Time{}, ended: map[api.Code]int{}}
	s.strict = s.one(3)
	o := options{Queue: 1 + s.dice.IntN(20), Bytes: int64(100 + s.dice.IntN(2000)), Batch: 1, Devices: 1, Preparing: 1}
	if !s.strict {
		o.Batch, o.Devices, o.Preparing = 1+s.dice.IntN(4), 1+s.dice.IntN(2), 1+s.dice.IntN(3)
		if s.one(2) {
			o.Known = func(k Key) bool { return s.remembers(k) }
		}
		if s.one(3) {
			o.Delay = s.time(time.Second)
		}
	}
	s.fake = open(t, o)
	s.started = s.start
	return s
}

// one is true once in n times.
func (s *schedule) one(n int) bool { return s.dice.IntN(n) == 0 }

// time is a random one.
func (s *schedule) time(most time.Duration) time.Duration {
	return time.Duration(s.dice.Int64N(int64(most)))
}

// run has requests come and go, and ends with a drain or a close.
func (s *schedule) run() {
	for i := range 5 + s.dice.IntN(25) {
		s.request(fmt.Sprint(i, "."))
	}
	if s.one(5) {
		s.group.Go(s.lose(s.time(10*time.Second), s.time(5*time.Second)))
	}
	time.Sleep(s.time(15 * time.Second))
	if s.one(3) {
		s.queue.Close()
	} else if err := s.queue.Drain(context.Background()); err != nil {
		s.t.Error(err)
	}
	s.group.Wait()
	s.judge()
}

// lose loses the device for a while.
func (s *schedule) lose(after, back time.Duration) func() {
	return func() {
		time.Sleep(after)
		s.queue.Lost()
		time.Sleep(back)
		s.mu.Lock()
		clear(s.busy)
		s.mu.Unlock()
		s.queue.Ready()
	}
}

// request makes one that comes at some time.
func (s *schedule) request(name string) {
	arrives, reads := s.time(12*time.Second), s.time(300*time.Millisecond)
	r := Request[*job]{Client: fmt.Sprint("client", s.dice.IntN(3)), Priority: s.dice.IntN(3)}
	for range 1 + s.dice.IntN(6)*s.dice.IntN(2)/2 {
		r.Units = append(r.Units, s.unit(fmt.Sprint(name, len(r.Units))))
	}
	bytes := s.dice.Int64N(300)
	late, leaves := s.time(20*time.Second), s.time(5*time.Second)
	hasDeadline, cancels, never := s.one(4), s.one(5), s.one(20)
	s.group.Go(func() {
		time.Sleep(arrives)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if hasDeadline {
			ctx, cancel = context.WithTimeout(ctx, late)
			defer cancel()
		}
		if cancels {
			time.AfterFunc(leaves, cancel)
		}
		s.check()
		place, err := s.queue.Admit(ctx, bytes)
		if err != nil {
			s.end(err)
			return
		}
		defer place.Leave()
		time.Sleep(reads)
		place.Checked()
		if never {
			return
		}
		if err := place.Resize(bytes + 20); err != nil {
			s.end(err)
			return
		}
		s.ask(ctx, place, r)
		s.check()
	})
}

// unit is some picture with some prompt; in a third of them they are another's too.
func (s *schedule) unit(name string) Unit[*job] {
	picture := s.dice.IntN(4)
	u := Unit[*job]{
		Extent: Extent{Width: picture % 3, Tokens: 16}, Picture: key(fmt.Sprint("picture", picture)), Bytes: s.dice.Int64N(100),
		Job: &job{name: name, take: s.time(time.Second)},
	}
	if !s.strict && s.one(2) {
		u.Job.decode = s.time(400 * time.Millisecond)
	}
	if !s.strict && s.one(3) {
		u.Job.name = fmt.Sprint("shared", picture, s.dice.IntN(2))
		u.Whole = key(u.Job.name)
		return u
	}
	switch s.dice.IntN(40) {
	case 0:
		u.Job.prepare = func(context.Context) error { return errors.New("no picture") }
	case 1:
		u.Job.prepare = func(context.Context) error { panic("decoder") }
	case 2:
		u.Job.compute = func() error { return errors.New("a NaN") }
	case 3:
		u.Job.compute = func() error { panic("detector") }
	}
	return u
}

// ask has a request answered and looks at the answer.
func (s *schedule) ask(ctx context.Context, place *Place[*job, string, string], r Request[*job]) {
	s.mu.Lock()
	for _, u := range r.Units {
		s.live[u.Job.name]++
		s.wishes = append(s.wishes, wish{fmt.Sprint(r.Client, r.Priority == api.High || r.Priority == api.Default && len(r.Units) == 1), u.Job.name})
	}
	s.mu.Unlock() // no time passes from here to Do, and nobody else comes at this very nanosecond
	answers, err := place.Do(ctx, r)
	s.mu.Lock()
	for _, u := range r.Units {
		s.live[u.Job.name]--
		s.left[u.Job.name] = time.Now()
	}
	s.mu.Unlock()
	if err != nil {
		s.end(err)
		return
	}
	if len(answers) != len(r.Units) {
		s.t.Errorf("%d answers to %d units", len(answers), len(r.Units))
	}
	for i, a := range answers {
		if want := "boxes of " + r.Units[i].Job.name; a.Value != want {
			s.t.Errorf("%q, want %q", a.Value, want)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replied += len(answers)
	s.ended[""]++
}

// end counts how a request was refused.
func (s *schedule) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, ok := errors.AsType[*UnitError](err); ok {
		if r, ok := errors.AsType[*api.Refusal](u); ok && r.Code != api.DeviceLost {
			s.t.Errorf("a unit failed with %v", r)
		}
		s.ended["failed"]++
	} else if r, ok := errors.AsType[*api.Refusal](err); ok {
		s.ended[r.Code]++
	} else {
		s.t.Errorf("%v", err)
	}
}

// start sees a computation begin; the fake's lock is held.
func (s *schedule) start(j *job) {
	if s.live[j.name] == 0 && s.left[j.name].Before(time.Now()) {
		s.t.Errorf("%s is computed for nobody", j.name)
	}
	if _, again := s.begun[j.name]; !again {
		s.begun[j.name] = time.Now()
	}
}

// judge looks at all once it is over.
func (s *schedule) judge() {
	s.check()
	n := s.queue.Stats()
	if n.Tasks+n.Reading+n.Preparing+n.Waiting[High]+n.Waiting[Low] != 0 || n.Held != 0 || n.Bytes != [2]int64{} {
		s.t.Errorf("left: %+v", n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := func(counts []uint64) (total int) {
		for _, c := range counts {
			total += int(c)
		}
		return total
	}
	if rejected, want := sum(n.Rejected[:]), s.ended[api.Overloaded]+s.ended[api.TooLarge]+s.ended[api.Draining]+s.ended[api.DeviceLost]; rejected != want {
		s.t.Errorf("%d rejected, counted %v", want, n.Rejected)
	}
	if cancelled := sum(n.Cancelled[:]); cancelled < s.ended[api.Cancelled] {
		s.t.Errorf("%d left, counted %v", s.ended[api.Cancelled], n.Cancelled)
	}
	if expired := sum(n.Expired[:]); expired < s.ended[api.Deadline] {
		s.t.Errorf("%d late, counted %v", s.ended[api.Deadline], n.Expired)
	}
	if int(n.Failed) != s.ended["failed"] || int(n.Answered) < s.replied {
		s.t.Errorf("%v, %d units answered, counted %+v", s.ended, s.replied, n)
	}
	for i, u := range s.wishes {
		own, computed := s.begun[u.name]
		passed := 0
		for _, v := range s.wishes[i+1:] {
			if other, ok := s.begun[v.name]; ok && computed && v.client == u.client && u.name[0] != 's' && v.name[0] != 's' && other.Before(own) {
				passed++
			}
		}
		if passed > overtakes || s.strict && passed > 0 {
			s.t.Errorf("%s was overtaken by %d of its client: %v; computed %q", u.name, passed, s.wishes, s.batches)
		}
	}
}
