package serve

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/glipvk/glipvk"
)

// probe asks grpc.health.v1 by a method, as Kubernetes does, and is the status of the first answer, 1 SERVING or 2 NOT_SERVING, and gRPC's
// number of an error. The answer's body is left open: a watch goes on until it is closed.
func (r *running) probe(t *testing.T, method string) (serving byte, status string, body io.Closer) {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	q, err := http.NewRequestWithContext(t.Context(), "POST", r.url+"/grpc.health.v1.Health/"+method, bytes.NewReader(make([]byte, 5)))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/grpc")
	a, err := transport.RoundTrip(q)
	if err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 7) // not compressed, two bytes long, field 1, the status
	if n, _ := io.ReadFull(a.Body, message); n == 7 && method == "Watch" {
		return message[6], "", a.Body
	}
	if _, err := io.Copy(io.Discard, a.Body); err != nil {
		t.Fatal(err)
	}
	if status = a.Trailer.Get("Grpc-Status"); status == "" {
		status = a.Header.Get("Grpc-Status")
	}
	return message[6], status, a.Body
}

// What is asked of a server's health by gRPC is answered while it loads, is full and ends, and takes no place of a question.
func TestHealthByGRPC(t *testing.T) {
	f, open, leave := newFake(), make(chan struct{}), make(chan struct{})
	f.fail = func() error { <-leave; return nil }
	r := start(t, func(o *Options) {
		o.Open, o.Queue = nil, 1
		o.open = func(ctx context.Context) (detector, glipvk.Info, glipvk.DeviceInfo, error) {
			<-open
			return f.opening(ctx)
		}
	})
	answer := releases(t, leave)
	if serving, status, _ := r.probe(t, "Check"); serving != 2 || status != "0" {
		t.Errorf("loading: serving %d, status %s", serving, status)
	}
	serving, status, watch := r.probe(t, "Watch")
	if serving != 2 || status != "" {
		t.Errorf("loading, watched: serving %d, status %s", serving, status)
	}
	if s := r.queue.Stats(); s.Reading != 0 {
		t.Errorf("a watch takes %d places", s.Reading)
	}
	if err := watch.Close(); err != nil {
		t.Error(err)
	}
	close(open)
	eventually(t, "ready", func() bool { status, _, _ := r.call(t, "GET", "/v2/health/ready", "", nil); return status == 200 })
	answered := make(chan int, 2)
	for _, text := range []string{"a dog", "a cat"} {
		kind, body := form(t, read(t, scene), "text", text)
		go func() {
			status, _, _ := r.call(t, "POST", "/v1/detect", kind, body)
			answered <- status
		}()
		eventually(t, "a place", func() bool {
			s := r.queue.Stats()
			return s.Reading == 0 && s.Computing[0]+s.Computing[1] == 1 && s.Waiting[0]+s.Waiting[1] == map[string]int{"a dog": 0, "a cat": 1}[text]
		})
	}
	kind, body := form(t, read(t, scene), "text", "an apple")
	if status, _, _ := r.call(t, "POST", "/v1/detect", kind, body); status != 429 {
		t.Errorf("it is not full: %d", status)
	}
	if serving, status, _ := r.probe(t, "Check"); serving != 1 || status != "0" {
		t.Errorf("full: serving %d, status %s", serving, status)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.stop() }()
	eventually(t, "draining", func() bool { return r.unready() != nil })
	if serving, status, _ := r.probe(t, "Check"); serving != 2 || status != "0" {
		t.Errorf("draining: serving %d, status %s", serving, status)
	}
	answer()
	for range 2 {
		if status := <-answered; status != 200 {
			t.Error(status)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
