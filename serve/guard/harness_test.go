package guard

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// site is a server behind a guard, with routes of each kind.
type site struct {
	*Guard
	at      string // host:port
	calls   atomic.Int64
	log     *safeBuffer
	visited chan Visit
}

// open serves with a guard of these options on a free port of this machine until the test ends.
func open(t testing.TB, o Options, more ...Route) *site {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{at: listener.Addr().String(), log: new(safeBuffer), visited: make(chan Visit, 10000)}
	if o.Listen == "" {
		o.Listen = s.at
	}
	o.Log = slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.After = func(_ *http.Request, v *Visit) { s.visited <- *v }
	s.Guard, err = New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(s.some(), more...) {
		s.Handle(r)
	}
	server := s.Server()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(s.Limit(listener)) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != http.ErrServerClosed {
			t.Error(err)
		}
	})
	return s
}

// some are routes as the server has them. The working ones count their calls and answer how long the body was.
func (s *site) some() []Route {
	work := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := api.Body(r, 1<<40)
		if err != nil {
			Refuse(w, r, err)
			return
		}
		s.calls.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"bytes": len(data), "client": VisitOf(r.Context()).Client})
	})
	grpc := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			Refuse(w, r, err)
			return
		}
		s.calls.Add(1)
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		w.WriteHeader(200)
		w.Header().Set("Grpc-Status", "0")
	})
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>GLIP</title>")
	})
	return []Route{
		{Pattern: "GET /{$}", Open: true, Handler: page},
		{Pattern: "GET /v2/health/live", Open: true, Handler: work},
		{Pattern: "GET /v2/{$}", Handler: work},
		{Pattern: "GET /v1/info", Handler: work},
		{Pattern: "POST /v1/detect", Types: JSON | Multipart, Handler: work},
		{Pattern: "POST /v1/images", Types: Image | Multipart, Handler: work},
		{Pattern: "DELETE /v1/images/{id}", Handler: work},
		{Pattern: "POST /v1/tokens", Types: JSON, Body: 1000, Handler: work},
		{Pattern: "POST /v2/models/{m}/infer", Types: JSON | Octets | Missing, Handler: work},
		{Pattern: "POST /hf/{m}", Types: Anything, Handler: work},
		{Pattern: "POST /inference.GRPCInferenceService/", Types: RPC, Handler: grpc},
		{Pattern: "GET /panic", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a \n line of secrets") })},
		{Pattern: "GET /panic/late", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", 100000))
			panic("late")
		})},
	}
}

// raw sends bytes on a connection of its own and reads one answer; status 0 is none.
func (s *site) raw(t testing.TB, request string) (status int, header http.Header, body string) {
	t.Helper()
	conn := s.dial(t)
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return answer(conn, bufio.NewReader(conn))
}

func (s *site) dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.at)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// answer reads an answer of HTTP/1; status 0 is none. A body that breaks off ends with why.
func answer(conn net.Conn, r *bufio.Reader) (status int, header http.Header, body string) {
	_ = conn.SetReadDeadline(time.Now().Add(ever))
	a, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0, nil, err.Error()
	}
	if a.Close {
		a.Header.Set("Connection", "close") // which the reader took out
	}
	data, err := io.ReadAll(a.Body)
	if err != nil {
		return a.StatusCode, a.Header, string(data) + "\n" + err.Error()
	}
	return a.StatusCode, a.Header, string(data)
}

// request makes one of a line "METHOD /path", headers "Name: value" and a body.
func request(line, body string, headers ...string) string {
	b := line + " HTTP/1.1\r\n"
	hosted := false
	for _, h := range headers {
		b += h + "\r\n"
		hosted = hosted || strings.HasPrefix(h, "Host:")
	}
	if !hosted {
		b += "Host: localhost\r\n"
	}
	return b + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// code is the word of a refusal's body.
func code(body string) string {
	var b struct{ Error, Code string }
	if err := json.Unmarshal([]byte(body), &b); err != nil || b.Error == "" {
		return "no refusal: " + body
	}
	return b.Code
}

// rule runs an attack against a guard, where it must fail, and against one without the rule, where it must succeed: an
// attack that fails there too tests nothing.
func rule(t *testing.T, o Options, take func(*weak), attack func(*testing.T, *site) bool) {
	t.Helper()
	t.Run("with the rule", func(t *testing.T) {
		if attack(t, open(t, o)) {
			t.Error("the attack succeeds")
		}
	})
	take(&o.weak)
	t.Run("without it", func(t *testing.T) {
		if !attack(t, open(t, o)) {
			t.Error("the attack fails without the rule, so the test says nothing of it")
		}
	})
}

// serve has the guard answer a request in memory.
func serve(g *Guard, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

// safeBuffer is a buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
