package queue

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

type options = Options[*job, string, string]

// spare is how many requests may be read beyond the queue.
const spare = 16

// Rule 1: more than the queue and 16 to be read, or more bytes than may be held, are refused before anything is read.
func TestAdmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Queue: 2, Bytes: 1000})
		var places []*Place[*job, string, string]
		for range 2 + spare {
			p, err := f.queue.Admit(t.Context(), 10)
			if err != nil {
				t.Fatal(err)
			}
			places = append(places, p)
		}
		refused := func(bytes int64, code api.Code, says string) {
			t.Helper()
			_, err := f.queue.Admit(t.Context(), bytes)
			r, ok := err.(*api.Refusal)
			if !ok || r.Code != code || code == api.Overloaded && r.Seconds() != 1 || !strings.Contains(r.Text, says) {
				t.Errorf("refused with %#v, want %s", err, code)
			}
		}
		refused(10, api.Overloaded, "queue is full")
		places[0].Leave()
		places[0].Leave() // does nothing
		if n := f.queue.Stats(); n.Reading != 1+spare || n.Held != 10*(1+spare) {
			t.Errorf("%+v", n)
		}
		refused(831, api.Overloaded, "170 bytes")
		refused(1001, api.TooLarge, "1000")
		if err := places[1].Resize(841); err == nil {
			t.Error("a body grows beyond what may be held")
		}
		if err := places[1].Resize(840); err != nil {
			t.Error(err)
		}
		refused(1, api.Overloaded, "1000 bytes")
		if err := places[1].Resize(0); err != nil {
			t.Error(err)
		}
		p, err := f.queue.Admit(t.Context(), 831)
		if err != nil {
			t.Fatal(err)
		}
		p.Leave()
		for _, p := range places {
			p.Leave()
		}
		if got := f.queue.Stats().Rejected; got != [Reasons]uint64{Full: 1, Heavy: 4} {
			t.Errorf("rejected %v", got)
		}
	})
}

// Rule 1: what was read has a place in the queue or is refused, all its units or none; those that wait count when others come.
func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Queue: 3})
		f.ask(one("a", "computing"))
		f.ask(one("a", "1"))
		f.ask(one("a", "2"))
		two := one("b", "3")
		two.Units = append(two.Units, one("b", "4").Units...)
		if a := f.ask(two); a.code() != api.Overloaded || a.took != 0 {
			t.Errorf("two units for one place: %v", a.err)
		}
		if a := f.ask(one("b", "5")); a.err != nil {
			t.Error(a.err)
		}
		if a := f.ask(one("b", "6")); a.code() != api.Overloaded {
			t.Errorf("one unit for no place: %v", a.err)
		}
		two.Units = append(two.Units, two.Units...)
		if a := f.ask(two); a.code() != api.TooLarge {
			t.Errorf("four units for three places: %v", a.err)
		}
		for range spare {
			p, err := f.queue.Admit(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Leave()
		}
		if _, err := f.queue.Admit(t.Context(), 0); err == nil {
			t.Error("those that wait do not count")
		}
		settle()
		f.want("computing, 1, 5, 2")
	})
}

// Rule 2: Retry-After is what waits, times a moving average, by devices, within a second and a minute.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Queue: 30, Devices: 2, Expect: 4 * time.Second})
		for i := range 32 {
			f.ask(one("a", fmt.Sprint(i)))
		}
		if n := f.queue.Stats(); n.Tasks != 30 || n.Estimate != time.Minute || n.Mean != 4*time.Second {
			t.Fatalf("%+v", n)
		}
		retry := func(want int) {
			t.Helper()
			r, _ := f.ask(one("a", "over")).err.(*api.Refusal)
			if r == nil || r.Code != api.Overloaded || r.Seconds() != want || r.Retry < time.Second || r.Retry > time.Minute || !strings.Contains(r.Text, fmt.Sprintf("in %d s", want)) {
				t.Errorf("refused with %#v, want %d s", r, want)
			}
		}
		mean := func(d time.Duration) {
			f.queue.flow.mu.Lock()
			defer f.queue.flow.mu.Unlock()
			f.queue.flow.mean = d
		}
		retry(60)
		mean(5 * time.Second)
		retry(60)
		mean(500 * time.Millisecond)
		retry(8) // 7.5
		mean(time.Millisecond)
		retry(1)
		mean(4 * time.Second)
		pass(time.Second + 1)
		// Two of a second each: 4 s, 3.625 s, 3.296875 s.
		if n := f.queue.Stats(); n.Mean != 3296875*time.Microsecond || n.Estimate != 28*n.Mean/2 {
			t.Errorf("%+v", n)
		}
	})
}

// Rule 2: the first computation says more than nothing, and a batch is as many.
func TestMean(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Batch: 4, Delay: time.Second})
		for i := range 4 {
			f.ask(one("a", fmt.Sprint(i)))
		}
		settle()
		f.want("0 1 2 3")
		if n := f.queue.Stats(); n.Mean != time.Second || n.Batches != [7]uint64{2: 1} || n.Computed != 4 || n.Answered != 4 {
			t.Errorf("%+v", n)
		}
	})
}

// Rule 2: a deadline that is shorter than the wait is refused at once, before and after reading.
func TestShortDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Expect: time.Second})
		for i := range 4 {
			f.ask(one("a", fmt.Sprint(i)))
		}
		if a := f.within(3*time.Second-1, one("a", "short")); !a.over.Load() || a.code() != api.Overloaded || a.err.(*api.Refusal).Seconds() != 3 {
			t.Errorf("%v after %v", a.err, a.took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, err := f.queue.Admit(ctx, 0); err == nil || err.(*api.Refusal).Code != api.Overloaded {
			t.Errorf("%v", err)
		}
		p, err := f.queue.Admit(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Do(ctx, one("a", "shorter")); err == nil || err.(*api.Refusal).Code != api.Overloaded {
			t.Errorf("%v", err)
		}
		long := f.within(5*time.Second+1, one("a", "long"))
		settle()
		if long.err != nil {
			t.Error(long.err)
		}
		f.want("0, 1, 2, 3, long")
		if got := f.queue.Stats().Rejected; got != [Reasons]uint64{TooLate: 3} {
			t.Errorf("rejected %v", got)
		}
		if a := f.within(time.Millisecond, one("a", "idle")); a.over.Load() {
			t.Errorf("refused where nothing waits: %v", a.err)
		}
	})
}

// Rule 3: high before low, by what the request says or how many units it has.
func TestPriorities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{})
		f.ask(one("a", "first"))
		f.ask(low("a", "low"))
		pair := Request[*job]{Client: "a", Units: append(one("a", "p1").Units, one("a", "p2").Units...)}
		f.ask(pair)
		single := one("a", "single")
		single.Priority = api.Default
		f.ask(single)
		f.ask(one("a", "high"))
		pair.Units = append(one("a", "q1").Units, one("a", "q2").Units...)
		pair.Priority = api.High
		f.ask(pair)
		if n := f.queue.Stats(); n.Waiting != [2]int{4, 3} || n.Computing != [2]int{1, 0} {
			t.Errorf("%+v", n)
		}
		pass(4500 * time.Millisecond)
		f.want("first, single, high, q1, q2")
		settle()
		f.want("first, single, high, q1, q2, low, p1, p2")
	})
}

// Rule 3: clients take turns, and a client's units stay as they came.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Queue: 100})
		f.ask(one("a", "a0"))
		for i := range 4 {
			f.ask(one("a", fmt.Sprint("a", i+1)))
		}
		for i := range 2 {
			f.ask(one("b", fmt.Sprint("b", i+1)))
			f.ask(one("c", fmt.Sprint("c", i+1)))
		}
		pass(1500 * time.Millisecond) // a1 is computed
		f.ask(one("d", "d1"))
		settle()
		f.want("a0, a1, b1, c1, a2, d1, b2, c2, a3, a4")
	})
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Batch: 4})
		f.ask(one("a", "a0"))
		for _, n := range []string{"a1", "a2", "a3", "a4", "b1", "b2"} {
			f.ask(one(n[:1], n))
		}
		settle()
		f.want("a0, a1 b1 a2 b2, a3 a4")
	})
}

// Rule 3: after five seconds a unit counts as one of high priority, in its client's order.
func TestAgeing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Queue: 100})
		f.ask(one("b", "first"))
		old := f.ask(low("a", "old"))
		for i := range 20 {
			f.ask(one("b", fmt.Sprint(i)))
		}
		pass(4900 * time.Millisecond)
		f.ask(low("a", "young"))
		f.ask(one("a", "high"))
		settle()
		f.want("first, 0, 1, 2, 3, 4, old, 5, high, 6, 7, young, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19")
		if old.took != 7*time.Second {
			t.Errorf("took %v", old.took)
		}
	})
}
