package queue

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// At each state a caller who leaves, or whose deadline passes, is free at once, is counted there, and nothing of the request is
// left but what is being computed.
func TestLeaving(t *testing.T) {
	for _, late := range []bool{false, true} {
		for state := range States {
			t.Run(map[bool]string{false: "cancelled/", true: "deadline/"}[late]+state.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { leaving(t, state, late) })
			})
		}
	}
}

func leaving(t *testing.T, state State, late bool) {
	f := open(t, options{Preparing: 1})
	if state >= Waiting && state < Computing {
		f.ask(one("a", "first"))
	}
	if state == Waiting {
		r := one("a", "slow")
		r.Units[0].Job.decode = 10 * time.Second
		f.ask(r)
	}
	const after = 300 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	if late {
		ctx, cancel = context.WithTimeout(context.Background(), after)
	} else {
		time.AfterFunc(after, cancel)
	}
	defer cancel()
	var prepared error
	gone := one("b", "gone")
	if state == Preparing {
		gone.Units[0].Job.prepare = func(ctx context.Context) error {
			<-ctx.Done()
			prepared = ctx.Err()
			return prepared
		}
	}
	gone.Units[0].Bytes = 50
	begun := time.Now()
	place, err := f.queue.Admit(ctx, 100)
	if err != nil {
		t.Fatal(err)
	}
	if state >= Checked {
		place.Checked()
	}
	if state < Waiting {
		<-ctx.Done()
		place.Leave()
	} else {
		_, err := place.Do(ctx, gone)
		code, word := api.Cancelled, "left"
		if late {
			code, word = api.Deadline, "passed"
		}
		if r, ok := errors.AsType[*api.Refusal](err); !ok || r.Code != code || !strings.Contains(r.Text, word) || !strings.Contains(r.Text, state.String()) {
			t.Errorf("%v", err)
		}
	}
	if took := time.Since(begun); took != after {
		t.Errorf("free after %v", took)
	}
	synctest.Wait()
	n := f.queue.Stats()
	want := Stats{}
	if late {
		want.Expired[state]++
	} else {
		want.Cancelled[state]++
	}
	if n.Cancelled != want.Cancelled || n.Expired != want.Expired || n.Held != 0 || n.Reading != 0 || n.Bytes != [2]int64{} {
		t.Errorf("%+v", n)
	}
	if state == Preparing && !errors.Is(prepared, context.Canceled) {
		t.Errorf("its preparation goes on: %v", prepared)
	}
	if computing := n.Computing[High] == 1; computing != (state >= Waiting) {
		t.Errorf("%+v", n)
	}
	f.ask(one("a", "next"))
	settle()
	f.want(map[State]string{Reading: "next", Checked: "next", Waiting: "first, slow, next", Preparing: "first, next", Ready: "first, next", Computing: "gone, next"}[state])
}

// Of several units those are called off that wait, and what one of them shares with others stays.
func TestLeavingWithSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{})
		f.ask(one("b", "first"))
		r := Request[*job]{Client: "a"}
		for _, n := range []string{"0", "1", "2"} {
			r.Units = append(r.Units, one("a", n).Units...)
		}
		r.Units[2].Whole = key("2")
		a := f.ask(r)
		other := one("b", "2")
		other.Units[0].Whole = key("2")
		other.Priority = api.Low
		f.ask(other)
		pass(1500 * time.Millisecond)
		a.cancel()
		settle()
		f.want("first, 0, 2")
		if n := f.queue.Stats(); a.code() != api.Cancelled || n.Cancelled != [States]uint64{Ready: 1} || n.Answered != 2 {
			t.Errorf("%v %+v", a.err, n)
		}
	})
}

// A context that has ended before its request comes to the line gets no place there, and is counted once.
func TestLeftBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{})
		ctx, cancel := context.WithCancel(t.Context())
		p, err := f.queue.Admit(ctx, 7)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := p.Do(ctx, one("a", "x")); err == nil || err.(*api.Refusal).Code != api.Cancelled {
			t.Error(err)
		}
		p.Leave()
		if _, err := p.Do(t.Context(), one("a", "x")); !errors.Is(err, errLeft) {
			t.Error(err)
		}
		if err := p.Resize(3); !errors.Is(err, errLeft) {
			t.Error(err)
		}
		p, err = f.queue.Admit(t.Context(), 7)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Do(t.Context(), Request[*job]{}); !errors.Is(err, errNone) {
			t.Error(err)
		}
		if n := f.queue.Stats(); n.Cancelled != [States]uint64{Reading: 1} || n.Held != 0 || n.Reading != 0 {
			t.Errorf("%+v", n)
		}
		f.want("")
	})
}

// A fault or a panic of a preparation or a computation fails the requests that it was for, and no others.
func TestFaults(t *testing.T) {
	fault := errors.New("no picture")
	for name, spoil := range map[string]func(*job){
		"prepare/error": func(j *job) { j.prepare = func(context.Context) error { time.Sleep(time.Second / 10); return fault } },
		"prepare/panic": func(j *job) {
			j.prepare = func(context.Context) error { time.Sleep(time.Second / 10); panic("in the decoder") }
		},
		"compute/error": func(j *job) { j.compute = func() error { return fault } },
		"compute/panic": func(j *job) { j.compute = func() error { panic("in the detector") } },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := open(t, options{Queue: 20})
				f.ask(one("a", "first"))
				bad := Request[*job]{Client: "a", Priority: api.High, Units: append(one("a", "good").Units, one("a", "bad").Units...)}
				bad.Units = append(bad.Units, one("a", "never").Units...)
				spoil(bad.Units[1].Job)
				bad.Units[1].Whole = key("bad")
				a := f.ask(bad)
				b := f.ask(Request[*job]{Client: "b", Units: bad.Units[1:2]})
				after := f.ask(one("a", "after"))
				settle()
				u, ok := errors.AsType[*UnitError](a.err)
				if !ok || u.Unit != 1 || after.err != nil {
					t.Fatalf("%v, %v", a.err, after.err)
				}
				if v, ok := errors.AsType[*UnitError](b.err); !ok || v.Unit != 0 {
					t.Errorf("who shared it: %v", b.err)
				}
				n := f.queue.Stats()
				if strings.HasSuffix(name, "panic") {
					p, ok := errors.AsType[*Panic](a.err)
					if !ok || !strings.Contains(string(p.Stack), "leave_test.go") || !strings.Contains(p.Error(), "in the de") || n.Panics != 1 {
						t.Errorf("%v, %+v", a.err, n)
					}
				} else if !errors.Is(a.err, fault) || n.Panics != 0 || a.err.Error() != "unit 1: no picture" {
					t.Errorf("%v, %+v", a.err, n)
				}
				if n.Failed != 2 || strings.Contains(f.order(), "never") || !strings.HasSuffix(f.order(), "after") {
					t.Errorf("computed %q, %+v", f.order(), n)
				}
			})
		})
	}
}

// A fault of one result fails one of a batch; a panic or too few results all of it, and the device goes on.
func TestFaultsInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Batch: 3, Delay: time.Second})
		three := func(spoil func() error) (bad, good *asking) {
			good = f.ask(one("a", "1"))
			r := one("a", "2")
			r.Units[0].Job.compute = spoil
			bad = f.ask(r)
			f.ask(one("a", "3"))
			settle()
			return bad, good
		}
		fault := errors.New("a NaN")
		if bad, good := three(func() error { return fault }); !errors.Is(bad.err, fault) || good.err != nil {
			t.Errorf("%v, %v", bad.err, good.err)
		}
		if bad, good := three(func() error { panic("all") }); bad.err == nil || good.err == nil {
			t.Errorf("%v, %v", bad.err, good.err)
		}
		if bad, good := three(nil); bad.err != nil || good.err != nil {
			t.Errorf("%v, %v", bad.err, good.err)
		}
		f.want("1 2 3, 1 2 3, 1 2 3")
		if n := f.queue.Stats(); n.Mean != time.Second || n.Computed != 6 || n.Failed != 4 {
			t.Errorf("%+v", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		fault := errors.New("out of memory")
		few := true
		q, err := New(Options[int, int, int]{
			Prepare: func(context.Context, int) (int, error) { return 0, nil },
			Compute: func(context.Context, int, []Item[int, int]) ([]Result[int], error) {
				if few {
					return nil, nil
				}
				return nil, fault
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		q.Ready()
		for range 2 {
			p, err := q.Admit(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Do(t.Context(), Request[int]{Units: make([]Unit[int], 1)})
			if err == nil || few == errors.Is(err, fault) {
				t.Errorf("few %v: %v", few, err)
			}
			few = false
		}
	})
}

// A panic of Known remembers nothing.
func TestKnownPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Known: func(Key) bool { panic("no memory") }})
		for _, n := range []string{"1", "2", "3"} {
			f.ask(of(one("a", n), 1, n))
		}
		settle()
		if f.want("1, 2, 3"); f.queue.Stats().Panics == 0 {
			t.Error("not counted")
		}
	})
}
