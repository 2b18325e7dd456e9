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
			if r == nil || r.Code != api.Overloaded || r.Seconds() != want || !strings.Contains(r.Text, fmt.Sprintf("in %d s", want)) {
				t.Errorf("refused with %#v, want %d s", r, want)
			}
		}
		retry(60)
		f.queue.flow.mean = 5 * time.Second
		retry(60)
		f.queue.flow.mean = 500 * time.Millisecond
		retry(8) // 7.5
		f.queue.flow.mean = time.Millisecond
		retry(1)
		f.queue.flow.mean = 4 * time.Second
		time.Sleep(time.Second + 1)
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
		if a := f.within(3*time.Second-1, one("a", "short")); !a.over || a.code() != api.Overloaded || a.err.(*api.Refusal).Seconds() != 3 {
			t.Errorf("%+v", a)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
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
		if got := f.queue.Stats().Rejected; got != [Reasons]uint64{TooLate: 2} {
			t.Errorf("rejected %v", got)
		}
		if a := f.within(time.Millisecond, one("a", "idle")); a.over {
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
		time.Sleep(4500 * time.Millisecond)
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
		time.Sleep(1500 * time.Millisecond) // a1 is computed
		f.ask(one("d", "d1"))
		settle()
		f.want("a0, a1, b1, c1, a2, d1, b2, c2, a3, a4")
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
		time.Sleep(4900 * time.Millisecond)
		f.ask(low("a", "young"))
		f.ask(one("a", "high"))
		settle()
		f.want("first, 0, 1, 2, 3, 4, old, 5, high, 6, 7, young, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19")
		if old.took != 7*time.Second {
			t.Errorf("took %v", old.took)
		}
	})
}

// of gives a request's units an extent and a picture.
func of(r Request[*job], width int, picture string) Request[*job] {
	for i := range r.Units {
		r.Units[i].Extent = Extent{Height: 320, Width: width, Tokens: 16, Labels: 8}
		r.Units[i].Picture = key(picture)
	}
	return r
}

// Rule 4: a batch is the head and what shares its extent, in order, as many as there may be.
func TestBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Batch: 3})
		f.ask(of(one("a", "first"), 1, ""))
		for _, n := range []string{"x1", "y1", "x2", "x3", "y2", "x4"} {
			f.ask(of(one("a", n), int(n[0]), ""))
		}
		settle()
		f.want("first, x1 x2 x3, y1 y2, x4")
	})
}

// Rule 4: each number of an extent counts.
func TestExtents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Batch: 8})
		f.ask(one("a", "first"))
		for i, e := range []Extent{{Height: 1}, {Width: 1}, {Tokens: 1}, {Labels: 1}, {Width: 1}} {
			r := one("a", fmt.Sprint(i))
			r.Units[0].Extent = e
			f.ask(r)
		}
		settle()
		f.want("first, 0, 1 4, 2, 3")
	})
}

// Rule 4: in a batch those come first whose picture is the head's or remembered; pictures stand side by side.
func TestNearFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		o := options{Batch: 4, Known: func(k Key) bool { return f.remembers(k) }}
		f = open(t, o)
		f.ask(of(one("a", "first"), 1, "known"))
		for _, n := range []string{"p1", "q1", "r1", "p2", "known2", "q2"} {
			f.ask(of(one("a", n), 7, strings.TrimRight(n, "12")))
		}
		settle()
		f.want("first, known2 p1 q1 r1, p2 q2")
	})
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Batch: 3})
		f.ask(of(one("a", "first"), 1, "known"))
		for _, n := range []string{"p1", "q1", "r1", "p2", "q2", "p3"} {
			f.ask(of(one("a", n), 7, n[:1]))
		}
		settle()
		f.want("first, p1 p2 p3, q1 q2 r1")
	})
}

// Rules 4 and 8: one at a time, a remembered picture goes before others of its priority, but not before those of a higher.
func TestRememberedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f = open(t, options{Known: func(k Key) bool { return f.remembers(k) }})
		f.ask(of(one("a", "p0"), 1, "p"))
		f.ask(of(one("a", "q1"), 1, "q"))
		f.ask(of(one("a", "r1"), 1, "r"))
		f.ask(of(one("a", "p1"), 1, "p"))
		f.ask(of(one("b", "q2"), 1, "q"))
		f.ask(of(low("b", "p2"), 1, "p"))
		settle()
		f.want("p0, p1, q2, q1, r1, p2")
	})
}

// Rule 4: nobody is overtaken by more than eight, whether they share the head's extent or their picture is remembered.
func TestOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Batch: 4, Queue: 100})
		f.ask(of(one("a", "first"), 1, ""))
		f.ask(of(one("a", "x0"), 7, ""))
		f.ask(of(one("a", "y"), 8, ""))
		for i := range 14 {
			f.ask(of(one("a", fmt.Sprint("x", i+1)), 7, ""))
		}
		settle()
		f.want("first, x0 x1 x2 x3, y, x4 x5 x6 x7, x8 x9 x10 x11, x12 x13 x14")
	})
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Batch: 12, Queue: 100})
		f.ask(of(one("a", "first"), 1, ""))
		f.ask(of(one("a", "x0"), 7, ""))
		f.ask(of(one("a", "y"), 8, ""))
		for i := range 14 {
			f.ask(of(one("a", fmt.Sprint("x", i+1)), 7, ""))
		}
		settle()
		f.want("first, x0 x1 x2 x3 x4 x5 x6 x7 x8, y, x9 x10 x11 x12 x13 x14")
	})
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f = open(t, options{Queue: 100, Known: func(k Key) bool { return f.remembers(k) }})
		f.ask(of(one("a", "p0"), 1, "p"))
		f.ask(of(one("a", "q"), 1, "q"))
		for i := range 12 {
			f.ask(of(one("a", fmt.Sprint("p", i+1)), 1, "p"))
		}
		settle()
		f.want("p0, p1, p2, p3, p4, p5, p6, p7, p8, q, p9, p10, p11, p12")
	})
}

// Rule 5: without a delay a free device does not wait; with one it does, until the batch is full or its oldest is old enough.
func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Batch: 2})
		a := f.ask(one("a", "alone"))
		settle()
		if a.took != time.Second {
			t.Errorf("took %v", a.took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Batch: 3, Delay: 100 * time.Millisecond})
		first := f.ask(of(one("a", "1"), 1, ""))
		time.Sleep(60 * time.Millisecond)
		second := f.ask(of(one("a", "2"), 1, ""))
		settle()
		if f.want("1 2"); first.took != 2100*time.Millisecond || second.took != 2040*time.Millisecond {
			t.Errorf("took %v and %v", first.took, second.took)
		}
		for i := range 3 {
			first = f.ask(of(one("a", fmt.Sprint("full", i)), 1, ""))
		}
		settle()
		if f.want("1 2, full0 full1 full2"); first.took != 3*time.Second {
			t.Errorf("took %v", first.took)
		}
	})
}

// Rule 6: units that are equal in all are computed once, also when that has begun; what differs is not shared.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Queue: 100})
		whole := func(client, name, whole string) Request[*job] {
			r := one(client, name)
			r.Units[0].Whole = key(whole)
			return r
		}
		f.ask(one("z", "first"))
		var asked []*asking
		for _, c := range []string{"a", "b", "c"} {
			asked = append(asked, f.ask(whole(c, "same", "s")))
		}
		f.ask(whole("a", "other", "o"))
		f.ask(one("a", "none1"))
		f.ask(one("a", "none2"))
		if n := f.queue.Stats(); n.Waiting[High] != 6 || n.Tasks != 4 {
			t.Errorf("%+v", n)
		}
		time.Sleep(1500 * time.Millisecond) // it is being computed
		asked = append(asked, f.ask(whole("d", "same", "s")))
		settle()
		f.want("first, same, other, none1, none2")
		for i, a := range asked {
			if a.err != nil || len(a.answers) != 1 || a.answers[0].Value != "boxes of same" || a.answers[0].Shared != (i > 0) {
				t.Errorf("%d: %+v", i, a)
			}
		}
		if n := f.queue.Stats(); n.Answered != 8 || n.Shared != 3 || n.Computed != 5 {
			t.Errorf("%+v", n)
		}
		f.ask(whole("d", "again", "s"))
		settle()
		f.want("first, same, other, none1, none2, again")
	})
}

// Rule 6: what is shared is computed at the best of its callers' turns, and called off when the last of them has left.
func TestSharedTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Queue: 100})
		f.ask(one("z", "first"))
		for i := range 4 {
			r := low("a", fmt.Sprint("a", i))
			r.Units[0].Whole = key(fmt.Sprint("a", i))
			f.ask(r)
		}
		r := one("b", "a3")
		r.Units[0].Whole = key("a3")
		f.ask(r)
		f.ask(low("b", "b0"))
		r = low("c", "gone")
		r.Units[0].Whole = key("gone")
		one, two := f.ask(r), f.ask(r)
		one.cancel()
		synctest.Wait()
		if n := f.queue.Stats(); n.Waiting != [2]int{1, 6} || n.Tasks != 6 {
			t.Errorf("%+v", n)
		}
		two.cancel()
		synctest.Wait()
		if n := f.queue.Stats(); n.Waiting != [2]int{1, 5} || n.Tasks != 5 {
			t.Errorf("%+v", n)
		}
		settle()
		f.want("first, a3, b0, a0, a1, a2")
	})
}

// What is prepared is what will be computed next, beside the device, so many at a time and so many ahead.
func TestPreparing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Queue: 100, Batch: 2, Preparing: 3})
		for i := range 30 {
			r := of(one("a", fmt.Sprint(i)), i%2, "")
			r.Units[0].Job.decode = 200 * time.Millisecond
			f.ask(r)
		}
		time.Sleep(900 * time.Millisecond)
		if n := f.queue.Stats(); n.Prepared != 4+3 || n.Preparing != 0 || f.most != 3 {
			t.Errorf("%d at a time, %+v", f.most, n)
		}
		time.Sleep(29*time.Second + 400*time.Millisecond)
		if n := f.queue.Stats(); n.Tasks != 0 || n.Computed != 30 {
			t.Errorf("all are computed in 30.2 s, as the device waits for the first alone: %+v", n)
		}
	})
}

// A preparation gives way to one whose turn comes first; no device waits for one that is behind, nor one of high priority for one of low.
func TestPreparingTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Queue: 100, Preparing: 1})
		for i := range 6 {
			f.ask(low("a", fmt.Sprint(i)))
		}
		if n := f.queue.Stats(); n.Prepared != 3 || n.Dropped != 0 {
			t.Errorf("%+v", n)
		}
		high := one("b", "high")
		high.Units[0].Job.decode = 500 * time.Millisecond
		a := f.ask(high)
		time.Sleep(900 * time.Millisecond)
		if n := f.queue.Stats(); n.Prepared != 3 || n.Dropped != 1 {
			t.Errorf("%+v", n)
		}
		settle()
		if f.want("0, high, 1, 2, 3, 4, 5"); a.took != 2*time.Second {
			t.Errorf("took %v", a.took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Preparing: 4})
		f.ask(one("a", "first"))
		time.Sleep(900 * time.Millisecond)
		slow := one("a", "slow")
		slow.Units[0].Job.decode = time.Second
		f.ask(slow)
		f.ask(one("a", "quick"))
		f.ask(low("a", "low"))
		settle()
		f.want("first, quick, slow, low")
	})
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Preparing: 4})
		slow := one("a", "slow")
		slow.Units[0].Job.decode = time.Second
		f.ask(slow)
		f.ask(low("a", "low"))
		settle()
		f.want("slow, low")
	})
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Preparing: 2, Queue: 100})
		slow := one("a", "slow")
		slow.Units[0].Job.decode = time.Minute
		f.ask(slow)
		for i := range 12 {
			f.ask(one("a", fmt.Sprint(i)))
		}
		settle()
		f.want("0, 1, 2, 3, 4, 5, 6, 7, slow, 8, 9, 10, 11")
	})
}

// Several devices have a batch each.
func TestDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Devices: 3})
		var asked []*asking
		for i := range 6 {
			asked = append(asked, f.ask(one("a", fmt.Sprint(i))))
		}
		settle()
		for i, a := range asked {
			if a.err != nil || a.took != time.Duration(1+i/3)*time.Second {
				t.Errorf("%d took %v: %v", i, a.took, a.err)
			}
		}
	})
}
