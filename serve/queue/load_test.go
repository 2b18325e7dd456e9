package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// load is requests that come whether or not others are answered.
type load struct {
	*fake
	took, read time.Duration // a picture's computation, a body's way

	mu     sync.Mutex
	group  sync.WaitGroup
	asked  int
	unread int // refused before the body was read
	wasted int // refused after
	served map[string][]time.Duration
}

// Four times what the device can bear, in an open loop, for ten minutes: what is refused is refused at once, the device never idles, what is
// taken is answered within the queue's bound, and clients who ask little do not wait for the one who asks for all there is. Without spare
// places no body is read for nothing; with many, most are, as readers are quicker than the device.
func TestOverload(t *testing.T) {
	for _, spare := range []int{-1, 0} {
		t.Run(fmt.Sprint("spare=", spare), func(t *testing.T) { overload(t, spare) })
	}
}

func overload(t *testing.T, spare int) {
	synctest.Test(t, func(t *testing.T) {
		const places, length = 64, 10 * time.Minute
		l := &load{took: 50 * time.Millisecond, read: 80 * time.Millisecond, served: map[string][]time.Duration{}}
		l.fake = open(t, options{Queue: places, Spare: spare, Expect: l.took})
		l.client("greedy", time.Second/76, length)
		for i := range 4 {
			l.client(fmt.Sprint("modest", i), time.Second, length)
		}
		time.Sleep(length)
		if busy := time.Duration(l.queue.Stats().Computed) * l.took; busy < length-length/100 {
			t.Errorf("the device was busy for %v of %v", busy, length)
		}
		l.group.Wait()
		all := 0
		for _, times := range l.served {
			all += len(times)
		}
		t.Logf("of %d asked %d were served, %d refused unread, %d read for nothing", l.asked, all, l.unread, l.wasted)
		if all+l.unread+l.wasted != l.asked || spare < 0 && l.wasted > 0 {
			t.Errorf("of %d asked %d were served, %d refused unread, %d read for nothing", l.asked, all, l.unread, l.wasted)
		}
		alone := l.read + l.took + l.took/10
		for client, times := range l.served {
			slices.Sort(times)
			p99, bound := times[len(times)*99/100], alone+(places+1)*l.took*20/16 // the others' four a second go before
			if client != "greedy" {
				bound = alone + 6*l.took // one of each other client, and what is being computed
			}
			if len(times) < 100 || p99 > bound {
				t.Errorf("%s: 99 of 100 of %d within %v, want %v", client, len(times), p99, bound)
			}
		}
	})
}

// client asks at random moments for a while.
func (l *load) client(name string, mean, length time.Duration) {
	dice := rand.New(rand.NewPCG(uint64(len(name)), uint64(name[len(name)-1])))
	begun := time.Now()
	l.group.Go(func() {
		for i := 0; time.Since(begun) < length; i++ {
			time.Sleep(time.Duration(dice.ExpFloat64() * float64(mean)))
			l.group.Go(func() { l.request(name, fmt.Sprint(name, i)) })
		}
	})
}

// request is one of a client's.
func (l *load) request(client, name string) {
	begun := time.Now()
	count := func(n *int) {
		l.mu.Lock()
		defer l.mu.Unlock()
		*n++
	}
	count(&l.asked)
	place, err := l.queue.Admit(context.Background(), 1000)
	if err != nil {
		count(&l.unread)
		l.refused(err, begun)
		return
	}
	defer place.Leave()
	time.Sleep(l.read)
	r := one(client, name)
	r.Units[0].Job.take, r.Units[0].Job.decode = l.took, l.took/10
	if _, err := place.Do(context.Background(), r); err != nil {
		count(&l.wasted)
		l.refused(err, begun.Add(l.read))
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.served[client] = append(l.served[client], time.Since(begun))
}

// refused looks at a refusal.
func (l *load) refused(err error, begun time.Time) {
	if r, ok := err.(*api.Refusal); !ok || r.Code != api.Overloaded || r.Seconds() > 4 || !time.Now().Equal(begun) {
		l.t.Errorf("refused with %v after %v", err, time.Since(begun))
	}
}
