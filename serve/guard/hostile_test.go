package guard

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// Times for tests: what is to come may take until a loaded machine comes to it; what is not to come has long in which it would.
const (
	short = 100 * time.Millisecond
	long  = 10 * short
	ever  = 300 * short
)

// patience is how long to wait for what the rules bring about: where one is taken out it is not to come.
func (s *site) patience() time.Duration {
	if s.options.weak != (weak{}) {
		return long
	}
	return ever
}

// await tells whether something comes true within patience.
func (s *site) await(come func() bool) bool {
	for end := time.Now().Add(s.patience()); time.Now().Before(end); time.Sleep(short / 20) {
		if come() {
			return true
		}
	}
	return false
}

// ends tells whether a connection is ended by the server within patience, whatever it says before.
func (s *site) ends(conn net.Conn) bool {
	_ = conn.SetReadDeadline(time.Now().Add(s.patience()))
	_, err := io.Copy(io.Discard, conn)
	ne, ok := err.(net.Error)
	return !ok || !ne.Timeout()
}

// drip sends bytes one by one until it is stopped or the connection is gone.
func drip(conn net.Conn, text string) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			case <-time.After(short / 10):
			}
			if _, err := io.WriteString(conn, text[i%len(text):i%len(text)+1]); err != nil {
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// Rule 13.14: who sends slowly, takes nothing or only stays is let go.
func TestRule13_14_Slow(t *testing.T) {
	o := Options{Times: Times{Header: short, Body: short, MiB: short, Write: short, Idle: short}}
	const begun = "POST /v1/detect HTTP/1.1\r\nHost: localhost\r\n" + asJSON + "\r\n"
	for name, c := range map[string]struct{ first, rest string }{
		"nothing":                        {"", ""},
		"headers byte by byte":           {"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", "y"},
		"a connection without a request": {request("GET /", ""), ""},
		"headers of a second request":    {request("GET /", "") + "GET ", "y"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule(t, o, func(w *weak) { w.server = true }, func(t *testing.T, s *site) bool { return !ended(t, s, c.first, c.rest) })
		})
	}
	for name, c := range map[string]struct{ first, rest string }{
		"body byte by byte":   {begun + "Content-Length: 1000\r\n\r\n", "y"},
		"body that never is":  {begun + "Content-Length: 1000\r\n\r\n", ""},
		"chunks byte by byte": {begun + "Transfer-Encoding: chunked\r\n\r\n", "1\r\ny\r\n"},
		"body of a refused":   {strings.Replace(begun, "localhost", "evil.example", 1) + "Content-Length: 1000\r\n\r\n", "y"},
		"body after an error": {begun + "Content-Encoding: br\r\nContent-Length: 1000\r\n\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule(t, o, func(w *weak) { w.slow = true }, func(t *testing.T, s *site) bool { return !ended(t, s, c.first, c.rest) })
		})
	}
}

// ended tells whether the server ends a connection on which first is sent and then rest, byte by byte for ever.
func ended(t *testing.T, s *site, first, rest string) bool {
	conn := s.dial(t)
	defer conn.Close()
	if _, err := io.WriteString(conn, first); err != nil {
		t.Fatal(err)
	}
	if rest != "" {
		defer drip(conn, rest)()
	}
	return s.ends(conn)
}

// A body that is slow is told so; one that has the time its length gives is taken.
func TestSlowBody(t *testing.T) {
	s := open(t, Options{Times: Times{Body: 5 * short, MiB: 20 * short}})
	conn := s.dial(t)
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /v1/detect HTTP/1.1\r\nHost: localhost\r\n"+asJSON+"\r\nContent-Length: 1000\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	if status, _, body := answer(conn, bufio.NewReader(conn)); status != 408 || code(body) != "slow" {
		t.Errorf("%d %s", status, body)
	}
	// Four pieces, each within the time of those before, all of them not within the first.
	for _, chunked := range []bool{false, true} {
		r, w := io.Pipe()
		q, err := http.NewRequest("POST", "http://"+s.at+"/v1/detect", r)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", "application/json")
		if !chunked {
			q.ContentLength = 4 << 20
		}
		go func() {
			for range 4 {
				_, _ = w.Write(make([]byte, 1<<20))
				time.Sleep(2 * short)
			}
			w.Close()
		}()
		a, err := http.DefaultTransport.RoundTrip(q)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(a.Body)
		a.Body.Close()
		if a.StatusCode != 200 {
			t.Errorf("chunked %v: %d %s", chunked, a.StatusCode, body)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// The clock of a body ends with it: computing may take longer, and a client that leaves meanwhile is seen.
func TestLongAnswer(t *testing.T) {
	left := make(chan error, 2)
	takes := func(r *http.Request) time.Duration {
		if r.URL.RawQuery == "ever" {
			return ever
		}
		return 5 * short
	}
	answers := Route{Pattern: "POST /long", Types: JSON, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := api.Body(r, 1<<40); err != nil {
			t.Error(err)
		}
		select {
		case <-r.Context().Done():
			left <- r.Context().Err()
		case <-time.After(takes(r)):
			_, _ = io.WriteString(w, "done")
			left <- nil
		}
	})}
	s := open(t, Options{Times: Times{Body: 3 * short, Idle: short, Write: 3 * short}}, answers)
	for _, body := range []string{"{}", ""} {
		if status, _, text := s.raw(t, request("POST /long", body, asJSON)); status != 200 || text != "done" || <-left != nil {
			t.Errorf("%d %s", status, text)
		}
	}
	second, err := h2c(t).Post("http://"+s.at+"/long", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(second.Body)
	second.Body.Close()
	if string(text) != "done" || err != nil || <-left != nil {
		t.Errorf("HTTP/2: %s, %v", text, err)
	}
	conn := s.dial(t)
	if _, err := io.WriteString(conn, request("POST /long?ever", "{}", asJSON)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(short)
	conn.Close()
	if err := <-left; err == nil {
		t.Error("a client that left is answered")
	}
}

// flood is a route whose answer has no end, and what is known of those that run.
func flood(size int) (r Route, running *atomic.Int64) {
	running = new(atomic.Int64)
	return Route{Pattern: "GET /flood", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Add(-1)
		piece := make([]byte, size)
		for r.Context().Err() == nil {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})}, running
}

// Rule 13.14: a client that reads nothing does not hold the answer.
func TestRule13_14_ReadsNothing(t *testing.T) {
	var running *atomic.Int64
	attack := func(t *testing.T, o Options, send func(*site) net.Conn) bool {
		var route Route
		route, running = flood(64 << 10)
		s := open(t, o, route)
		conn := send(s)
		defer conn.Close()
		s.await(func() bool { return running.Load() == 1 })
		return !s.await(func() bool { return running.Load() == 0 })
	}
	for name, send := range map[string]func(*site) net.Conn{
		"HTTP/1": func(s *site) net.Conn {
			conn := s.dial(t)
			_, _ = io.WriteString(conn, request("GET /flood", ""))
			return conn
		},
		"a stream without a window": func(s *site) net.Conn {
			c := s.frames(t, setting{initialWindow, 0})
			c.headers(1, true, "GET", "/flood", "localhost")
			go c.read() // the connection itself moves
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Times: Times{Write: 2 * short}}
			if attack(t, o, send) {
				t.Error("the answer runs for ever")
			}
			o.weak.write = true
			if !attack(t, o, send) {
				t.Error("the answer ends without the rule, so the test says nothing of it")
			}
		})
	}
}

// Rule 13.14: headers are bounded.
func TestRule13_14_Headers(t *testing.T) {
	for name, attack := range map[string]string{
		"a long one":  request("GET /", "", "X: "+strings.Repeat("y", 17<<10)),
		"many":        request("GET /", "", strings.Repeat("X: y\r\n", 3000)+"X: y"),
		"a long path": request("GET /?"+strings.Repeat("y", 17<<10), ""),
	} {
		t.Run(name, func(t *testing.T) {
			rule(t, Options{}, func(w *weak) { w.server = true }, func(t *testing.T, s *site) bool {
				status, _, body := s.raw(t, attack)
				if status != 200 && status != 431 {
					t.Errorf("%d %s", status, body)
				}
				return status == 200
			})
		})
	}
	if status, _, body := open(t, Options{}).raw(t, request("GET /", "", "X: "+strings.Repeat("y", 15<<10))); status != 200 {
		t.Errorf("15 KiB: %d %s", status, body)
	}
}

// Rule 13.14: connections are bounded, and idle ones keep nobody out.
func TestRule13_14_Connections(t *testing.T) {
	attack := func(t *testing.T, s *site) bool {
		var most int
		wait := 3 * short // for those that are not to be answered; without the rule all are
		if s.options.weak.connections {
			wait = ever
		}
		for range 6 { // each stays open, none is idle
			conn := s.dial(t)
			defer conn.Close()
			_, _ = io.WriteString(conn, "POST /v1/detect HTTP/1.1\r\nHost: localhost\r\n"+asJSON+"\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
			_ = conn.SetReadDeadline(time.Now().Add(wait))
			if line, _ := bufio.NewReader(conn).ReadString('\n'); strings.Contains(line, "100 Continue") {
				most++
			}
		}
		return most > 3
	}
	o := Options{}
	o.Limits.Connections = 3
	rule(t, o, func(w *weak) { w.connections = true }, attack)

	s := open(t, o)
	var idle []net.Conn
	for i := range 7 {
		conn := s.dial(t)
		defer conn.Close()
		if _, err := io.WriteString(conn, request("GET /", "")); err != nil {
			t.Fatal(err)
		}
		if status, _, body := answer(conn, bufio.NewReader(conn)); status != 200 {
			t.Fatalf("connection %d beside idle ones: %d %s", i, status, body)
		}
		idle = append(idle, conn)
		if !s.await(func() bool { // until the server, too, is done with it: the order is by that
			s.connections.mu.Lock()
			defer s.connections.mu.Unlock()
			return s.connections.idle.Len() == min(i+1, 3)
		}) {
			t.Fatalf("connection %d is not idle", i)
		}
	}
	if !s.ends(idle[0]) {
		t.Error("the one that was idle for longest stays")
	}
	if !s.await(func() bool {
		s.connections.mu.Lock()
		defer s.connections.mu.Unlock()
		return s.connections.waiting == 0
	}) {
		t.Error("somebody waits")
	}
	if _, err := io.WriteString(idle[6], request("GET /", "")); err != nil {
		t.Fatal(err)
	}
	if status, _, body := answer(idle[6], bufio.NewReader(idle[6])); status != 200 {
		t.Errorf("the last connection is gone: %d %s", status, body)
	}
}

// A listener that is closed ends Accept, also where no place is free, and its connections give theirs back.
func TestLimitClose(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	all := newConnections(1)
	l := all.limit(inner)
	accepted := make(chan error, 1)
	accept := func() (conn net.Conn) {
		conn, err := l.Accept()
		accepted <- err
		return conn
	}
	for range 2 {
		conn, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	first := accept()
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	second := make(chan net.Conn, 2)
	go func() { second <- accept() }()
	select {
	case err := <-accepted:
		t.Fatal("two at a time:", err)
	case <-time.After(short):
	}
	all.state(first, http.StateIdle) // after the second began to wait
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	first = <-second
	third, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	go func() { second <- accept() }()
	time.Sleep(short / 2)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-accepted; err != net.ErrClosed {
		t.Error(err)
	}
	for range 2 {
		_ = first.Close()
	}
	if len(all.slots) != 0 || all.idle.Len() != 0 {
		t.Errorf("%d places are taken, %d idle", len(all.slots), all.idle.Len())
	}
}
