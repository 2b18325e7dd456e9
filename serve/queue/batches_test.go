package queue

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

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
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f = open(t, options{Preparing: 1, Known: func(k Key) bool { return f.remembers(k) }})
		f.ask(of(one("a", "p0"), 1, "p"))
		for _, n := range []string{"q1", "r1", "s1", "p1"} { // p1 is the second to be decoded, as p will be remembered
			r := of(one("a", n), 1, n[:1])
			r.Units[0].Job.decode = 300 * time.Millisecond
			f.ask(r)
		}
		settle()
		f.want("p0, p1, q1, r1, s1")
	})
}

// Rule 4: nobody is overtaken by more than eight, whether they share the head's extent or their picture is remembered.
func TestOvertaken(t *testing.T) {
	for batch, want := range map[int]string{
		4:  "first, x0 x1 x2 x3, y, x4 x5 x6 x7, x8 x9 x10 x11, x12 x13 x14",
		12: "first, x0 x1 x2 x3 x4 x5 x6 x7 x8, y, x9 x10 x11 x12 x13 x14",
	} {
		synctest.Test(t, func(t *testing.T) {
			f := open(t, options{Batch: batch, Queue: 100})
			f.ask(of(one("a", "first"), 1, ""))
			f.ask(of(one("a", "x0"), 7, ""))
			f.ask(of(one("a", "y"), 8, ""))
			for i := range 14 {
				f.ask(of(one("a", fmt.Sprint("x", i+1)), 7, ""))
			}
			settle()
			f.want(want)
		})
	}
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
		slow := of(one("b", "slow"), 2, "")
		slow.Units[0].Job.decode = time.Hour / 2
		f.ask(slow) // of another extent: older, and of no account
		pass(80 * time.Millisecond)
		first := f.ask(of(one("a", "1"), 1, ""))
		pass(60 * time.Millisecond)
		second := f.ask(of(one("a", "2"), 1, ""))
		pass(time.Minute)
		if f.want("1 2"); first.took != 2100*time.Millisecond || second.took != 2040*time.Millisecond {
			t.Errorf("took %v and %v", first.took, second.took)
		}
		for i := range 3 {
			first = f.ask(of(one("a", fmt.Sprint("full", i)), 1, ""))
		}
		settle()
		if f.want("1 2, full0 full1 full2, slow"); first.took != 3*time.Second {
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
		pass(1500 * time.Millisecond) // it is being computed
		asked = append(asked, f.ask(whole("d", "same", "s")))
		settle()
		f.want("first, same, other, none1, none2")
		for i, a := range asked {
			if a.err != nil || len(a.answers) != 1 || a.answers[0].Value != "boxes of same" || a.answers[0].Shared != (i > 0) {
				t.Errorf("%d: %v, %+v", i, a.err, a.answers)
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
