package glipvk_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/internal/soak"
)

// shortSoak is how long the soak lasts in ordinary tests; GLIPVK_SOAK=1h for the long one.
const shortSoak = 10 * time.Second

// soakSlack is what may be more at the end of a soak than at the beginning. The C library gives each thread an arena of its own, where
// pieces of what the driver frees stay: 5 MiB of each opening of lavapipe, 0.2 with one arena. So memory of the process is judged where
// there is one, as make soak sees to.
func soakSlack() soak.Slack {
	s := soak.Slack{Heap: 4 << 20, Resident: 1 << 40}
	if os.Getenv("MALLOC_ARENA_MAX") == "1" {
		s.Resident = 64 << 20
	}
	return s
}

// TestSoak asks the CPU and two Vulkan devices (one twice, where there is one) at the same time about pictures of mixed sizes, in all
// ways that there are, gives up in the midst, opens and closes: every answer has the bits of the first, and memory, goroutines and
// objects on devices stay where they are.
func TestSoak(t *testing.T) {
	if testing.Short() || !raceDetector && os.Getenv("GLIPVK_SOAK") == "" {
		t.Skip("a soak takes seconds: make soak runs it, and make test with the race detector")
	}
	last, err := soak.Last(shortSoak)
	if err != nil {
		t.Fatal(err)
	}
	before, begin := runtime.NumGoroutine(), time.Now()
	s := newSoaking(t, last >= time.Minute)
	list, err := soak.Watch(max(last-time.Since(begin), time.Second), func(at soak.Sample) { t.Logf("%v; %v", at, s) }, s.round)
	if err == nil {
		if err = soak.Grown(list, soakSlack()); err != nil {
			t.Log(soak.Stacks())
		}
	}
	for _, h := range s.houses {
		err = errors.Join(err, h.close())
	}
	if err != nil {
		t.Error(err)
	}
	if s.answered.Load() == 0 || s.gaveUp.Load()+s.answeredInTime.Load() == 0 || s.opened.Load() == 0 {
		t.Errorf("%v: not everything happened", s)
	}
	eventually(t, "the end of the goroutines", func() bool { return runtime.NumGoroutine() <= before })
}

// soakDevices are the CPU, and what the Vulkan loader lists: two devices, or one twice.
func soakDevices(t *testing.T) []string {
	infos, err := engine.Devices()
	list := []string{"cpu"}
	for i, info := range infos {
		if info.Unusable == "" {
			list = append(list, strconv.Itoa(i))
		}
	}
	switch {
	case len(list) == 2:
		list = append(list, list[1])
	case len(list) == 1 && os.Getenv("REQUIRE_VULKAN") == "1":
		t.Fatalf("no Vulkan device can be used: %v", err)
	case len(list) == 1:
		t.Logf("no Vulkan device can be used, the CPU is asked alone: %v", err)
	}
	return list
}

// soaking is a soak under way.
type soaking struct {
	t      *testing.T
	houses []*house
	list   []question
	seed   uint64

	mu     sync.Mutex // guards what follows
	ledger ledger
	failed error // joined, of this round

	answered, gaveUp, answeredInTime, opened, calledOff atomic.Int64
}

// newSoaking opens the houses and asks each everything once, so that what is made once is there.
func newSoaking(t *testing.T, all bool) *soaking {
	s := &soaking{t: t}
	if s.list = questionsOf(); !all {
		s.list = thinned(s.list)
	}
	var group sync.WaitGroup
	for _, device := range soakDevices(t) {
		h, err := openHouse(t.Context(), t, glipvk.Options{Device: device})
		if err != nil {
			t.Fatal(err)
		}
		s.houses = append(s.houses, h)
		group.Go(func() {
			for _, q := range s.list {
				s.ask(t.Context(), h, q, nil)
			}
		})
	}
	group.Wait()
	if s.failed != nil {
		t.Fatal(s.failed)
	}
	return s
}

// String says how often what happened.
func (s *soaking) String() string {
	return fmt.Sprintf("%d answers, %d calls given up and %d too late, %d opened and closed, %d openings called off",
		s.answered.Load(), s.gaveUp.Load(), s.answeredInTime.Load(), s.opened.Load(), s.calledOff.Load())
}

// ask asks a house, and compares. An error that is expected is no answer.
func (s *soaking) ask(ctx context.Context, h *house, q question, expected error) (answered bool) {
	got, err := q.ask(ctx, h)
	if err != nil && expected != nil && errors.Is(err, expected) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		err = s.ledger.check(h.device, got)
	}
	if err != nil {
		s.failed = errors.Join(s.failed, fmt.Errorf("%s on %s: %w", q.name, h.device, err))
		return false
	}
	s.answered.Add(1)
	return true
}

// round has everybody at work for a time, and then everything at rest.
func (s *soaking) round(d time.Duration) (objects int, err error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	defer cancel()
	var group sync.WaitGroup
	for i, h := range s.houses {
		for k, who := range []func(*house, *rand.Rand){s.asks, s.asks, s.givesUp, s.opens} {
			s.seed++
			random := rand.New(rand.NewPCG(s.seed, uint64(4*i+k)))
			group.Go(func() {
				for first := true; first || ctx.Err() == nil; first = false {
					who(h, random)
				}
			})
		}
	}
	group.Wait()
	for _, h := range s.houses {
		h.rest()
		objects += h.live()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return objects, s.failed
}

// pick is a question, seldom one that takes long.
func (s *soaking) pick(r *rand.Rand) question {
	q := s.list[r.IntN(len(s.list))]
	for q.rare && r.IntN(8) > 0 {
		q = s.list[r.IntN(len(s.list))]
	}
	return q
}

// asks waits for the answer.
func (s *soaking) asks(h *house, r *rand.Rand) { s.ask(s.t.Context(), h, s.pick(r), nil) }

// givesUp stops waiting in the midst, mostly.
func (s *soaking) givesUp(h *house, r *rand.Rand) {
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	defer time.AfterFunc(time.Duration(r.IntN(1<<(3+r.IntN(6))))*time.Millisecond, cancel).Stop()
	if s.ask(ctx, h, s.pick(r), context.Canceled) {
		s.answeredInTime.Add(1)
	} else {
		s.gaveUp.Add(1)
	}
}

// opens has a house of its own, in either precision, perhaps gives up opening it, and closes it while something is asked of it.
func (s *soaking) opens(of *house, r *rand.Rand) {
	o, ctx := glipvk.Options{Device: of.device}, s.t.Context()
	if r.IntN(3) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(r.IntN(200))*time.Millisecond)
		defer cancel()
	}
	if r.IntN(2) == 0 && !of.exact {
		o.Precision = glipvk.F16
	}
	h, err := openHouse(ctx, s.t, o)
	if err != nil {
		if ctx.Err() == nil {
			s.fail(fmt.Errorf("opening %s: %w", of.device, err))
		}
		s.calledOff.Add(1)
		return
	}
	h.device += string(o.Precision)
	var group sync.WaitGroup
	for range 1 + r.IntN(2) {
		q := s.pick(r)
		group.Go(func() { s.ask(s.t.Context(), h, q, glipvk.ErrClosed) })
	}
	if r.IntN(2) == 0 {
		group.Wait()
	} else {
		time.Sleep(time.Duration(r.IntN(50)) * time.Millisecond)
	}
	s.fail(h.close())
	group.Wait()
	if n := h.live(); n != 0 {
		s.fail(fmt.Errorf("%d objects are left on %s", n, h.device))
	}
	s.opened.Add(1)
}

// fail notes an error, and nothing of none.
func (s *soaking) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = errors.Join(s.failed, err)
}
