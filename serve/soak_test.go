package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/internal/soak"
)

// soaks is how long the soak lasts in ordinary tests; GLIPVK_SOAK=1h for the long one.
const soaks = 4 * time.Second

// Under mixed load - good, slow, broken, cancelled, oversized, of several kinds at a time - every request is answered or refused, and
// memory, goroutines and the device's objects stay where they are.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("a soak takes seconds")
	}
	last, err := soak.Last(soaks)
	if err != nil {
		t.Fatal(err)
	}
	device := os.Getenv("GLIPVK_SOAK_DEVICE") // cpu unless another is named
	if device == "" {
		device = "cpu"
	}
	before := runtime.NumGoroutine()
	var detector *glipvk.Detector
	r := start(t, func(o *Options) {
		o.Open = func(ctx context.Context) (d *glipvk.Detector, err error) {
			d, err = glipvk.OpenDetector(ctx, "glip-world", glipvk.DetectorOptions{Options: glipvk.Options{Device: device}, Threshold: 0.3, Pictures: 4, Captions: 16})
			detector = d
			return d, err
		}
		o.Queue, o.Limits.Body = 8, 1<<20
		o.Log = nil
	})
	load := &load{r: r, t: t, image: [][]byte{read(t, scene), read(t, "../testdata/world/novel2.png"), read(t, "../testdata/world/novel3.png")}}
	list, err := soak.Watch(last, func(at soak.Sample) { t.Logf("%v; on %s: %s", at, device, load) }, func(d time.Duration) (int, error) {
		load.run(d)
		for range 20 { // a connection is idle a moment after its last answer was read
			http.DefaultClient.CloseIdleConnections()
			time.Sleep(10 * time.Millisecond)
		}
		return detector.Executor().Live(), nil
	})
	if err == nil { // what is remembered, and how many programs it takes, comes and goes
		err = soak.Grown(list, soak.Slack{Heap: 8 << 20, Resident: 64 << 20, Goroutines: 4, Objects: list[len(list)/3].Objects/4 + 8})
	}
	if err != nil {
		t.Errorf("%v\n%s", err, soak.Stacks())
	}
	if load.unanswered.Load() > 0 {
		t.Errorf("%d requests were neither answered nor refused", load.unanswered.Load())
	}
	eventually(t, "an empty queue", func() bool { s := r.queue.Stats(); return s.Held == 0 && s.Reading == 0 && s.Tasks == 0 })
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if n := detector.Executor().Live(); n != 0 {
		t.Errorf("%d objects are left on the device", n)
	}
	eventually(t, "the end of the goroutines", func() bool { return runtime.NumGoroutine() <= before+2 })
}

// load are clients of all kinds.
type load struct {
	r     *running
	t     *testing.T
	image [][]byte

	unanswered atomic.Int64
	mu         sync.Mutex
	status     map[string]int
}

// String is how often what was answered.
func (l *load) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprint(l.status)
}

func (l *load) count(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.status == nil {
		l.status = map[string]int{}
	}
	l.status[what]++
}

// run has all clients at work for a time.
func (l *load) run(d time.Duration) {
	ctx, cancel := context.WithTimeout(l.t.Context(), d)
	defer cancel()
	var group sync.WaitGroup
	for i, client := range []func(context.Context, *rand.Rand){l.good, l.good, l.good, l.oversized, l.broken, l.leaves, l.slow, l.keeps, l.infers} {
		group.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(i)))
			for ctx.Err() == nil {
				client(ctx, random)
				select {
				case <-ctx.Done():
				case <-time.After(time.Duration(random.IntN(20)) * time.Millisecond):
				}
			}
		})
	}
	group.Wait()
}

// ask sends a request and wants one of the statuses.
func (l *load) ask(kind, path string, body []byte, want ...int) {
	q, err := http.NewRequest("POST", l.r.url+path, bytes.NewReader(body))
	if err != nil {
		l.t.Error(err)
		return
	}
	q.Header.Set("Content-Type", kind)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		l.unanswered.Add(1)
		l.t.Log(err)
		return
	}
	defer func() { _ = a.Body.Close() }()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		l.unanswered.Add(1)
		l.t.Log(err)
		return
	}
	l.count(fmt.Sprint(path, " ", a.StatusCode))
	for _, s := range append(want, 429) {
		if a.StatusCode == s {
			return
		}
	}
	l.t.Errorf("%s: %d %.300s", path, a.StatusCode, text)
}

var sentences = []string{"a red apple and two dogs", "a blue key", "dogs", "a yellow crown and a heart", "an orange clock", "four pigs"}

func (l *load) good(_ context.Context, r *rand.Rand) {
	fields := []string{"text", sentences[r.IntN(len(sentences))]}
	if r.IntN(2) == 0 {
		fields = append(fields, "threshold", fmt.Sprint(0.1*float64(r.IntN(9))))
	}
	path := "/v1/detect"
	if r.IntN(4) == 0 {
		path = "/v1/align"
	}
	kind, body := form(l.t, l.image[r.IntN(len(l.image))], fields...)
	l.ask(kind, path, body, 200)
}

// oversized has a picture that is too large by its header, or a body that is too long.
func (l *load) oversized(_ context.Context, r *rand.Rand) {
	if r.IntN(2) == 0 {
		kind, body := form(l.t, headed(20000, 20000), "text", "a dog")
		l.ask(kind, "/v1/detect", body, 413)
		return
	}
	q, err := http.NewRequest("POST", l.r.url+"/v1/images", bytes.NewReader(make([]byte, 2<<20)))
	if err != nil {
		l.t.Error(err)
		return
	}
	q.Header.Set("Content-Type", "image/png")
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		l.count("cut while sending too much") // which is how net/http ends a body that nobody reads
		return
	}
	_ = a.Body.Close()
	l.count(fmt.Sprint("/v1/images ", a.StatusCode))
	if a.StatusCode != 413 && a.StatusCode != 429 {
		l.t.Errorf("a long body: %d", a.StatusCode)
	}
}

// broken has a picture that is damaged somewhere.
func (l *load) broken(_ context.Context, r *rand.Rand) {
	data := bytes.Clone(l.image[r.IntN(len(l.image))])
	for range 1 + r.IntN(40) {
		data[r.IntN(len(data))] ^= byte(1 << r.IntN(8))
	}
	kind, body := form(l.t, data[:1+r.IntN(len(data))], "text", sentences[r.IntN(len(sentences))])
	if r.IntN(8) == 0 {
		body = body[:r.IntN(len(body))]
	}
	l.ask(kind, "/v1/detect", body, 200, 400, 413)
}

// leaves asks and does not wait.
func (l *load) leaves(ctx context.Context, r *rand.Rand) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(15))*time.Millisecond)
	defer cancel()
	kind, body := form(l.t, l.image[r.IntN(len(l.image))], "text", sentences[r.IntN(len(sentences))])
	q, err := http.NewRequestWithContext(ctx, "POST", l.r.url+"/v1/detect", bytes.NewReader(body))
	if err != nil {
		l.t.Error(err)
		return
	}
	q.Header.Set("Content-Type", kind)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			l.unanswered.Add(1)
			l.t.Log(err)
		}
		l.count("left")
		return
	}
	_ = a.Body.Close()
}

// slow sends a body in pieces and perhaps never ends it.
func (l *load) slow(ctx context.Context, r *rand.Rand) {
	c, err := net.Dial("tcp", strings.TrimPrefix(l.r.url, "http://"))
	if err != nil {
		l.unanswered.Add(1)
		return
	}
	defer func() { _ = c.Close() }()
	kind, body := form(l.t, l.image[0], "text", "a dog")
	if _, err := fmt.Fprintf(c, "POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", kind, len(body)); err != nil {
		return
	}
	stops := r.IntN(2 * len(body))
	for sent := 0; sent < min(stops, len(body)) && ctx.Err() == nil; {
		n, err := c.Write(body[sent:min(sent+1+r.IntN(4096), len(body))])
		if err != nil {
			return
		}
		sent += n
		time.Sleep(time.Millisecond)
	}
	l.count("slow")
}

// keeps keeps a picture and may ask about it.
func (l *load) keeps(_ context.Context, r *rand.Rand) {
	l.ask("image/png", "/v1/images", l.image[r.IntN(len(l.image))], 201)
}

// infers asks by the Open Inference Protocol.
func (l *load) infers(_ context.Context, r *rand.Rand) {
	body := fmt.Appendf(nil, `{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["%s"]},{"name":"text","shape":[1],"datatype":"BYTES","data":["%s"]}]}`,
		base64Of(l.image[r.IntN(len(l.image))]), sentences[r.IntN(len(sentences))])
	l.ask("application/json", "/v2/models/glip/infer", body, 200)
}
