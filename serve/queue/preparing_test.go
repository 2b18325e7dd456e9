package queue

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// What is prepared is what will be computed next, beside the device, so many at a time and so many ahead.
func TestPreparing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Queue: 100, Batch: 2, Preparing: 3})
		for i := range 30 {
			r := of(one("a", fmt.Sprint(i)), i%2, "")
			r.Units[0].Job.decode = 200 * time.Millisecond
			f.ask(r)
		}
		pass(900 * time.Millisecond)
		f.mu.Lock()
		most := f.most
		f.mu.Unlock()
		if n := f.queue.Stats(); n.Prepared != 4+3 || n.Preparing != 0 || most != 3 {
			t.Errorf("%d at a time, %+v", most, n)
		}
		pass(29*time.Second + 400*time.Millisecond)
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
		pass(900 * time.Millisecond)
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
		pass(900 * time.Millisecond)
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
