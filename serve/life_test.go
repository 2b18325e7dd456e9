package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/engine"
)

// eventually waits for something that comes soon.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not come", what)
		}
	}
}

// While the model is loaded the server is live and not ready, and refuses work with the time after which to ask again.
func TestLoading(t *testing.T) {
	f, open := newFake(), make(chan struct{})
	r := start(t, func(o *Options) {
		o.Open = nil
		o.open = func(ctx context.Context) (detector, glipvk.Info, glipvk.DeviceInfo, error) {
			select {
			case <-open:
				return f.opening(ctx)
			case <-ctx.Done():
				return nil, glipvk.Info{}, glipvk.DeviceInfo{}, ctx.Err()
			}
		}
	})
	kind, body := form(t, read(t, scene), "text", "a dog")
	for path, want := range map[string]int{"/v2/health/live": 200, "/v2/health/ready": 503, "/v2/models/glip/ready": 503, "/v1/info": 200, "/metrics": 200, "/": 200} {
		if status, _, answer := r.call(t, "GET", path, "", nil); status != want {
			t.Errorf("%s: %d %v, want %d", path, status, answer, want)
		}
	}
	status, header, answer := r.call(t, "POST", "/v1/detect", kind, body)
	if status != 503 || answer["code"] != "loading" || header.Get("Retry-After") != "1" {
		t.Error(status, answer, header)
	}
	close(open)
	eventually(t, "ready", func() bool { status, _, _ := r.call(t, "GET", "/v2/health/ready", "", nil); return status == 200 })
	if status, _, answer := r.call(t, "POST", "/v1/detect", kind, body); status != 200 {
		t.Error(status, answer)
	}
	if err := r.stop(); err != nil || f.closed != 1 {
		t.Error(err, f.closed)
	}
}

// A server that cannot open its model ends with the reason.
func TestNoModel(t *testing.T) {
	s, err := New(t.Context(), Options{Name: "glip", Listen: "127.0.0.1:0", Open: func(context.Context) (*glipvk.Detector, error) { return nil, errors.New("no such weights") }})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || err.Error() != "no such weights" {
		t.Error(err)
	}
}

// A taken address is a sentence.
func TestTakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	s, err := New(t.Context(), Options{Name: "glip", Listen: l.Addr().String(), Open: world})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use: stop what listens there") {
		t.Error(err)
	}
}

// releases is what closes a channel that a detector waits for; a test that fails does that too, or its server would wait for ever.
func releases(t testing.TB, c chan struct{}) func() {
	release := sync.OnceFunc(func() { close(c) })
	t.Cleanup(release)
	return release
}

// Ending lets nobody in, answers who is in, and closes the detector.
func TestDrain(t *testing.T) {
	f, entered, leave := newFake(), make(chan struct{}, 8), make(chan struct{})
	f.fail = func() error {
		entered <- struct{}{}
		<-leave
		return nil
	}
	r := start(t, func(o *Options) { o.open, o.DrainDelay = f.opening, 500*time.Millisecond })
	release := releases(t, leave)
	var group sync.WaitGroup
	for i := range 3 {
		kind, body := form(t, read(t, scene), "text", fmt.Sprint("dog number ", i))
		group.Go(func() {
			if status, _, answer := r.call(t, "POST", "/v1/detect", kind, body); status != 200 {
				t.Error(status, answer)
			}
		})
	}
	<-entered
	eventually(t, "the others' place", func() bool { s := r.queue.Stats(); return s.Waiting[0]+s.Waiting[1] == 2 })
	ended := make(chan error, 1)
	go func() { ended <- r.stop() }()
	eventually(t, "not ready", func() bool { return r.unready() != nil })
	kind, body := form(t, read(t, scene), "text", "one more dog")
	status, header, answer := r.call(t, "POST", "/v1/detect", kind, body)
	if status != 503 || answer["code"] != "draining" || header.Get("Retry-After") != "1" {
		t.Error(status, answer, header)
	}
	if status, _, _ := r.call(t, "GET", "/v2/health/live", "", nil); status != 200 {
		t.Error("not live while draining:", status)
	}
	release()
	group.Wait()
	if err := <-ended; err != nil || f.closed != 1 {
		t.Error(err, f.closed)
	}
	if a, err := http.Get(r.url + "/v2/health/live"); err == nil {
		_ = a.Body.Close()
		t.Error("it answers still")
	}
}

// What takes longer than --drain is cut, and the end says so.
func TestDrainTooLong(t *testing.T) {
	f, entered := newFake(), make(chan struct{}, 1)
	leave := make(chan struct{})
	f.fail = func() error {
		entered <- struct{}{}
		<-leave
		return nil
	}
	r := start(t, func(o *Options) { o.open, o.Drain = f.opening, 400*time.Millisecond })
	release := releases(t, leave)
	kind, body := form(t, read(t, scene), "text", "a dog")
	answered := make(chan int)
	go func() {
		status, _, _ := r.call(t, "POST", "/v1/detect", kind, body)
		answered <- status
	}()
	<-entered
	ended := make(chan error, 1)
	go func() { ended <- r.stop() }()
	if status := <-answered; status != 503 {
		t.Error(status)
	}
	release()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "--drain") {
		t.Error(err)
	}
}

// A lost device is opened again; meanwhile the server is not ready, and says why.
func TestDeviceLost(t *testing.T) {
	f := newFake()
	f.fail = func() error { return fmt.Errorf("vkQueueSubmit: %w", engine.ErrDeviceLost) }
	r := start(t, func(o *Options) { o.open = f.opening })
	kind, body := form(t, read(t, scene), "text", "a dog")
	status, header, answer := r.call(t, "POST", "/v1/detect", kind, body)
	if status != 503 || answer["code"] != "device_lost" || header.Get("Retry-After") == "" {
		t.Error(status, answer, header)
	}
	if status, _, answer = r.call(t, "GET", "/v2/health/ready", "", nil); status != 503 || answer["code"] != "device_lost" {
		t.Error(status, answer)
	}
	f.mu.Lock()
	f.fail = nil
	f.mu.Unlock()
	eventually(t, "ready again", func() bool { return r.unready() == nil })
	if status, _, answer := r.call(t, "POST", "/v1/detect", kind, body); status != 200 {
		t.Error(status, answer)
	}
	if n := metric(t, r, "glip_device_lost_total"); n != 1 {
		t.Errorf("lost %g times", n)
	}
	if err := r.stop(); err != nil || f.closed != 2 {
		t.Error(err, f.closed)
	}
}

// Out of memory: what is remembered goes, and the question is asked once more; then it alone is refused.
func TestOutOfMemory(t *testing.T) {
	f := newFake()
	calls := 0
	f.fail = func() error {
		calls++
		if calls%2 == 1 || calls > 2 {
			return fmt.Errorf("vkAllocateMemory: %w", engine.ErrOutOfMemory)
		}
		return nil
	}
	r := start(t, func(o *Options) { o.open = f.opening })
	for i, want := range []int{200, 503, 503} {
		kind, body := form(t, read(t, scene), "text", fmt.Sprint("dog number ", i))
		if status, _, answer := r.call(t, "POST", "/v1/detect", kind, body); status != want {
			t.Error(i, status, answer)
		}
	}
	if r.unready() != nil {
		t.Error("the server is not ready")
	}
}

// Beyond the queue requests are refused at once, before their bodies are read.
func TestOverload(t *testing.T) {
	f, leave := newFake(), make(chan struct{})
	f.fail = func() error { <-leave; return nil }
	r := start(t, func(o *Options) { o.open, o.Queue = f.opening, 2 })
	release := releases(t, leave)
	image := read(t, scene)
	var group sync.WaitGroup
	for i := range 3 {
		kind, body := form(t, image, "text", fmt.Sprint("dog number ", i))
		group.Go(func() {
			if status, _, answer := r.call(t, "POST", "/v1/detect", kind, body); status != 200 {
				t.Error(status, answer)
			}
		})
		eventually(t, "a place", func() bool { // the first is no longer among those that wait before the next comes
			s := r.queue.Stats()
			return s.Waiting[0]+s.Waiting[1] == i && s.Computing[0]+s.Computing[1] == 1
		})
	}
	kind, body := form(t, image, "text", "one dog too many")
	status, header, answer := r.call(t, "POST", "/v1/detect", kind, body)
	if status != 429 || answer["code"] != "overloaded" || header.Get("Retry-After") == "" {
		t.Error(status, answer, header)
	}
	release()
	group.Wait()
	eventually(t, "an empty queue", func() bool { s := r.queue.Stats(); return s.Held == 0 && s.Reading == 0 })
}

// A client that leaves gives its place back.
func TestClientLeaves(t *testing.T) {
	f, leave, entered := newFake(), make(chan struct{}), make(chan struct{}, 4)
	f.fail = func() error { entered <- struct{}{}; <-leave; return nil }
	r := start(t, func(o *Options) { o.open = f.opening })
	release := releases(t, leave)
	image := read(t, scene)
	kind, first := form(t, image, "text", "the first dog")
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { r.call(t, "POST", "/v1/detect", kind, first) })
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	kind2, second := form(t, image, "text", "the second dog")
	q, err := http.NewRequestWithContext(ctx, "POST", r.url+"/v1/detect", strings.NewReader(string(second)))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", kind2)
	gone := make(chan error)
	go func() {
		a, err := http.DefaultClient.Do(q)
		if err == nil {
			_ = a.Body.Close()
		}
		gone <- err
	}()
	eventually(t, "a place", func() bool { return r.queue.Stats().Waiting[0] == 1 })
	cancel()
	if err := <-gone; err == nil {
		t.Error("it was answered")
	}
	eventually(t, "its place free", func() bool { return r.queue.Stats().Waiting[0] == 0 })
	release()
	eventually(t, "the line in the log", func() bool { return strings.Contains(r.log.String(), `"code":"cancelled"`) })
}

// The time of a request ends it, wherever it is.
func TestDeadline(t *testing.T) {
	f, leave := newFake(), make(chan struct{})
	f.fail = func() error { <-leave; return nil }
	r := start(t, func(o *Options) { o.open, o.Limits.Timeout = f.opening, 300*time.Millisecond })
	release := releases(t, leave)
	kind, body := form(t, read(t, scene), "text", "a dog")
	status, _, answer := r.call(t, "POST", "/v1/detect", kind, body)
	if status != 504 || answer["code"] != "deadline" {
		t.Error(status, answer)
	}
	release()
}
