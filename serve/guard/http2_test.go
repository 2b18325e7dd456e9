package guard

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// frames is a client of HTTP/2 that sends what it likes.
type frames struct {
	net.Conn
	t testing.TB
}

type setting struct {
	id    uint16
	value uint32
}

const initialWindow = 4 // RFC 9113 6.5.2

// frames connects and says how the server is to send.
func (s *site) frames(t testing.TB, settings ...setting) *frames {
	c := &frames{s.dial(t), t}
	if _, err := io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	var payload []byte
	for _, s := range settings {
		payload = binary.BigEndian.AppendUint16(payload, s.id)
		payload = binary.BigEndian.AppendUint32(payload, s.value)
	}
	_ = c.frame(4, 0, 0, payload)
	return c
}

// frame sends one (RFC 9113 4.1).
func (c *frames) frame(kind, flags byte, stream uint32, payload []byte) error {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	b = append(binary.BigEndian.AppendUint32(b, stream), payload...)
	_, err := c.Write(b)
	return err
}

// read reads what comes until the connection ends, and answers to pings as a client that lives.
func (c *frames) read() {
	var head [9]byte
	for {
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(c, payload); err != nil {
			return
		}
		if head[3] == 6 && head[4]&1 == 0 {
			_ = c.frame(6, 1, 0, payload)
		}
	}
}

// headers begins a request, with literals that no table remembers (RFC 7541 6.2.2).
func (c *frames) headers(stream uint32, last bool, method, path, host string) error {
	var b []byte
	for _, f := range [][2]string{{":method", method}, {":scheme", "http"}, {":path", path}, {":authority", host}} {
		b = append(b, 0, byte(len(f[0])))
		b = append(append(append(b, f[0]...), byte(len(f[1]))), f[1]...)
	}
	flags := byte(4) // END_HEADERS
	if last {
		flags |= 1
	}
	return c.frame(1, flags, stream, b)
}

// hold is a route that answers when it is told or left, and how many ran at a time.
func hold() (r Route, most *atomic.Int64, release chan struct{}) {
	most, release = new(atomic.Int64), make(chan struct{})
	var running atomic.Int64
	return Route{Pattern: "GET /hold", Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		n := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})}, most, release
}

// Rule 13.14: one connection has a hundred streams at a time and no more.
func TestRule13_14_Streams(t *testing.T) {
	attack := func(t *testing.T, o Options) bool {
		route, most, release := hold()
		defer close(release)
		s := open(t, o, route)
		c := s.frames(t)
		defer c.Close()
		go func() { _, _ = io.Copy(io.Discard, c) }()
		for i := range 200 {
			if err := c.headers(uint32(2*i+1), true, "GET", "/hold", "localhost"); err != nil {
				break
			}
		}
		if !s.await(func() bool { return most.Load() >= 100 }) {
			t.Errorf("only %d streams at a time", most.Load())
		}
		time.Sleep(2 * short)
		return most.Load() > 100
	}
	if attack(t, Options{}) {
		t.Error("more than a hundred streams")
	}
	if !attack(t, Options{weak: weak{server: true}}) {
		t.Error("a hundred streams at most without the rule, so the test says nothing of it")
	}
}

// Streams that are begun and reset at once (CVE-2023-44487) and headers without an end (CVE-2023-45288) cost no more than
// a hundred handlers, and others are served meanwhile and afterwards.
func TestRule13_14_Resets(t *testing.T) {
	route, most, release := hold()
	defer close(release)
	s := open(t, Options{}, route)
	before := runtime.NumGoroutine()
	for name, attack := range map[string]func(*frames, uint32) error{
		"rapid reset": func(c *frames, stream uint32) error {
			if err := c.headers(stream, true, "GET", "/hold", "localhost"); err != nil {
				return err
			}
			return c.frame(3, 0, stream, []byte{0, 0, 0, 8})
		},
		"endless headers": func(c *frames, stream uint32) error {
			if stream == 1 {
				return c.frame(1, 1, 1, nil)
			}
			return c.frame(9, 0, 1, make([]byte, 1000))
		},
		"settings": func(c *frames, _ uint32) error { return c.frame(4, 0, 0, nil) },
		"pings":    func(c *frames, _ uint32) error { return c.frame(6, 0, 0, make([]byte, 8)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := s.frames(t)
			go func() { _, _ = io.Copy(io.Discard, c) }()
			for i := range uint32(5000) {
				if err := attack(c, 2*i+1); err != nil {
					break // the server has ended it
				}
			}
			if status, _, body := s.raw(t, request("GET /v1/info", "")); status != 200 {
				t.Errorf("another client: %d %s", status, body)
			}
			c.Close()
			if most.Load() > 100 {
				t.Errorf("%d handlers at a time", most.Load())
			}
		})
	}
	if !s.await(func() bool { return runtime.NumGoroutine() <= before }) {
		t.Errorf("%d goroutines before and %d after", before, runtime.NumGoroutine())
	}
}

// A slow body of HTTP/2 is let go as one of HTTP/1 is, and a stream that is watched for longer than any time-out stays.
func TestHTTP2Times(t *testing.T) {
	watch := Route{Pattern: "GET /watch", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			_, _ = io.WriteString(w, "still here\n")
			w.(http.Flusher).Flush()
			time.Sleep(4 * short)
		}
		_, _ = io.WriteString(w, "done\n")
	})}
	s := open(t, Options{Times: Times{Body: 3 * short, Write: 3 * short, Idle: short}}, watch)
	client := h2c(t)
	answer, err := client.Get("http://" + s.at + "/watch")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if want := "still here\nstill here\nstill here\ndone\n"; err != nil || string(body) != want {
		t.Errorf("%q, %v", body, err)
	}
	r, w := io.Pipe()
	defer w.Close()
	begun := time.Now()
	answer, err = client.Post("http://"+s.at+"/v1/detect", "application/json", r)
	if err != nil {
		t.Fatal(err)
	}
	body, _ = io.ReadAll(answer.Body)
	answer.Body.Close()
	if answer.StatusCode != 408 || code(string(body)) != "slow" || time.Since(begun) < 3*short {
		t.Errorf("%d %s after %v", answer.StatusCode, body, time.Since(begun))
	}
	r, w = io.Pipe()
	defer w.Close()
	if status, message, _ := s.grpc(t, "/inference.GRPCInferenceService/ServerLive", func(q *http.Request) { q.Body, q.ContentLength = r, -1 }); status != "4" {
		t.Errorf("gRPC: %s %s", status, message)
	}
}
