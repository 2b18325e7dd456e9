package guard

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// Rule 13.13: every answer tells browsers what it may do, and that other sites may not show it.
func TestRule13_13(t *testing.T) {
	for name, attack := range map[string]string{
		"the page":    request("GET /", ""),
		"JSON":        request("GET /v1/info", ""),
		"nothing":     request("GET /none", ""),
		"a refusal":   request("GET /", "", "Host: evil.example"),
		"our mistake": request("GET /panic", ""),
	} {
		t.Run(name, func(t *testing.T) {
			rule(t, Options{}, func(w *weak) { w.headers = true }, func(t *testing.T, s *site) bool {
				_, h, _ := s.raw(t, attack)
				policy := map[string]bool{}
				for part := range strings.SplitSeq(h.Get("Content-Security-Policy"), ";") {
					policy[strings.TrimSpace(part)] = true
				}
				for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:", "connect-src 'self'",
					"media-src blob:", "worker-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
					if !policy[part] {
						return true
					}
				}
				return len(policy) != 10 || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" ||
					h.Get("Cross-Origin-Resource-Policy") != "same-origin" || h.Get("Cross-Origin-Opener-Policy") != "same-origin" || h.Get("Permissions-Policy") != "camera=(self)"
			})
		})
	}
}

// Both a length and chunks in one request may be two requests to a proxy: the connection ends with the first answer.
func TestRule13_Smuggling(t *testing.T) {
	for name, attack := range map[string]string{
		"length and chunks": "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"chunks alone":      "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			rule(t, Options{}, func(w *weak) { w.close = true }, func(t *testing.T, s *site) bool {
				conn := s.dial(t)
				defer conn.Close()
				if _, err := io.WriteString(conn, "POST /v1/detect HTTP/1.1\r\nHost: localhost\r\n"+asJSON+"\r\n"+attack+request("GET /v1/info", "")); err != nil {
					t.Fatal(err)
				}
				r := bufio.NewReader(conn)
				if status, h, body := answer(conn, r); status != 200 || !strings.Contains(body, `"bytes":2`) || (h.Get("Connection") == "close") == s.options.weak.close {
					t.Errorf("%d %v %s", status, h, body)
				}
				status, _, _ := answer(conn, r)
				return status == 200
			})
		})
	}
	s := open(t, Options{})
	for name, attack := range map[string]string{
		"two lengths":      "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		"another coding":   "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"chunked twice":    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"a space":          "Content-Length : 2\r\n\r\n{}",
		"a sign":           "Content-Length: +2\r\n\r\n{}",
		"a bare return":    "X: a\rContent-Length: 2\r\n\r\n{}",
		"bad chunks":       "Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
		"an endless chunk": "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}",
		"a long extension": "Transfer-Encoding: chunked\r\n\r\n2;" + strings.Repeat("x", 70000) + "\r\n{}\r\n0\r\n\r\n",
	} {
		before := s.calls.Load()
		if status, _, body := s.raw(t, "POST /v1/detect HTTP/1.1\r\nHost: localhost\r\n"+asJSON+"\r\n"+attack); status < 400 || status >= 502 || s.calls.Load() != before {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

// Paths that the mux would mend, and those that nothing has, are refused in words that programs read.
func TestRoutes(t *testing.T) {
	s := open(t, Options{})
	for line, want := range map[string]string{
		"GET //":                               "404 not_found ",
		"GET //v1/info":                        "404 not_found ",
		"GET /v1//info":                        "404 not_found ",
		"GET /v1/../v1/info":                   "404 not_found ",
		"GET /v1/./info":                       "404 not_found ",
		"GET /v1/%2e%2e/v1/info":               "404 not_found ",
		"GET /v2/x/%2e%2e%2f":                  "404 not_found ",
		"GET /v1/info/":                        "404 not_found ",
		"GET /v2":                              "404 not_found ", // which the mux would send to /v2/
		"POST /inference.GRPCInferenceService": "404 not_found ",
		"GET /none":                            "404 not_found ",
		"GET /debug/pprof/":                    "404 not_found ",
		"GET /debug/vars":                      "404 not_found ",
		"POST /v2/repository/models/m/load":    "404 not_found ",
		"OPTIONS *":                            "404 not_found ",
		"CONNECT localhost:80":                 "404 not_found ",
		"GET /v1/detect":                       "405 bad_method POST",
		"PUT /v1/images/1":                     "405 bad_method DELETE",
		"POST /v1/info":                        "405 bad_method GET, HEAD",
		"OPTIONS /v1/info":                     "405 bad_method GET, HEAD",
		"TRACE /v1/info":                       "405 bad_method GET, HEAD",
		"BREW /":                               "405 bad_method GET, HEAD",
	} {
		status, h, body := s.raw(t, request(line, ""))
		if got := strings.Join([]string{strconv.Itoa(status), code(body), h.Get("Allow")}, " "); got != want || h.Get("Content-Type") != "application/json" || h.Get("Location") != "" {
			t.Errorf("%s: %s %v, want %s", line, got, h, want)
		}
	}
	for _, line := range []string{"GET /", "GET /v2/", "DELETE /v1/images/a%2Fb", "DELETE /v1/images/a.b..c"} {
		if status, _, body := s.raw(t, request(line, "")); status != 200 {
			t.Errorf("%s: %d %s", line, status, body)
		}
	}
	for p, odd := range map[string]bool{"": true, "*": true, "//": true, "/x//": true, "/./": true, "/..": true, "x": true, "/": false, "/x": false, "/x/": false, "/...": false} {
		if unclean(p) != odd {
			t.Errorf("%q is clean: %v", p, odd)
		}
	}
	if _, h, _ := s.raw(t, request("GET /", "")); h.Get("Server") != "" {
		t.Error("the answer says by what it was made")
	}
}

// Every answer has an ID, the client's where it can stand in a log.
func TestRequestID(t *testing.T) {
	s := open(t, Options{})
	made := regexp.MustCompile(`^[A-Z2-7]{26}$`)
	seen := map[string]bool{}
	for _, line := range []string{"GET /v1/info", "GET /none", "GET /panic", "PUT /"} {
		_, h, body := s.raw(t, request(line, "", "X-Request-Id: a.B_9-"))
		if h.Get("X-Request-Id") != "a.B_9-" {
			t.Errorf("%s: %v %s", line, h, body)
		}
		for _, bad := range []string{"", "a b", strings.Repeat("x", 65), "a\"", "ä", "a/b"} {
			_, h, _ := s.raw(t, request(line, "", "X-Request-Id: "+bad))
			if id := h.Get("X-Request-Id"); !made.MatchString(id) || seen[id] {
				t.Errorf("%s of %q: %q", line, bad, id)
			} else {
				seen[id] = true
			}
		}
	}
	if _, h, _ := s.raw(t, request("GET /", "", "X-Request-Id: a", "X-Request-Id: b")); !made.MatchString(h.Get("X-Request-Id")) {
		t.Errorf("two IDs: %v", h)
	}
}

// A panic is ours: the client learns the request's ID, the log the stack, and the next request is answered.
func TestPanic(t *testing.T) {
	var count atomic.Int64
	s := open(t, Options{Panicked: func() { count.Add(1) }})
	status, _, body := s.raw(t, request("GET /panic", "", "X-Request-Id: number7"))
	if status != 500 || code(body) != "internal" || !strings.Contains(body, "number7") || strings.Contains(body, "secrets") || count.Load() != 1 {
		t.Errorf("%d %s, counted %d", status, body, count.Load())
	}
	if log := s.log.String(); !strings.Contains(log, "harness_test.go") || !strings.Contains(log, "number7") || !strings.Contains(log, `\\n line of secrets`) {
		t.Errorf("the log says %s", log)
	}
	if v := <-s.visited; v.Status != 500 || v.Code != "internal" || v.Route != "GET /panic" {
		t.Errorf("%+v", v)
	}
	if status, _, body := s.raw(t, request("GET /panic/late", "")); status != 200 || !strings.Contains(body, "EOF") || count.Load() != 2 {
		t.Errorf("after the answer began: %d, %d bytes, counted %d", status, len(body), count.Load())
	}
	if v := <-s.visited; v.Code != "internal" || v.Status != 200 {
		t.Errorf("%+v", v)
	}
	if status, _, _ := s.raw(t, request("GET /v1/info", "")); status != 200 {
		t.Error("the server is gone")
	}
}

// The log's line of a request has what it needs.
func TestVisit(t *testing.T) {
	s := open(t, Options{})
	s.raw(t, request("POST /v2/models/m/infer", "12345", "X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4", "X-Real-Ip: 1.2.3.4"))
	v := <-s.visited
	if v.Client != "127.0.0.1" || v.Route != "POST /v2/models/{m}/infer" || v.In != 5 || v.Out < 10 || v.Status != 200 || v.Duration <= 0 || v.Code != "" || v.Err != nil {
		t.Errorf("%+v", v)
	}
}

// A client of a socket has no address, one without a guard no visit.
func TestVisitOdd(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	for from, client := range map[string]string{"@": "unix", "": "unix", "[::ffff:10.0.0.1]:7": "10.0.0.1", "[2001:db8::1]:7": "2001:db8::1"} {
		if r.RemoteAddr = from; newVisit(r).Client != client {
			t.Errorf("%q is %s", from, newVisit(r).Client)
		}
	}
	if v := VisitOf(t.Context()); v == nil || v.ID != "" {
		t.Errorf("%+v", v)
	}
}

// Under TLS all is as without, HTTP/2 included.
func TestTLS(t *testing.T) {
	sample := httptest.NewTLSServer(nil)
	sample.Close()
	o := Options{}
	o.Limits.Connections = 2
	s := open(t, o)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := s.Server()
	server.TLSConfig = &tls.Config{Certificates: sample.TLS.Certificates}
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(s.Limit(listener), "", "") }()
	for i := range 5 {
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: i%2 == 0}
		defer transport.CloseIdleConnections()
		for host, status := range map[string]int{"localhost": 200, "evil.example": 421} {
			r, err := http.NewRequest("GET", "https://"+listener.Addr().String()+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			answer, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatalf("connection %d beside idle ones: %v", i, err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			if answer.StatusCode != status || answer.ProtoMajor != 2-i%2 {
				t.Errorf("%s: HTTP/%d %d", host, answer.ProtoMajor, answer.StatusCode)
			}
		}
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	<-ended
}
