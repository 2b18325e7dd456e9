package guard

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// sink is a writer as the server's, that keeps nothing.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header              { return s.header }
func (s *sink) Write(p []byte) (int, error)      { return len(p), nil }
func (s *sink) WriteHeader(int)                  {}
func (s *sink) Flush()                           {}
func (s *sink) SetReadDeadline(time.Time) error  { return nil }
func (s *sink) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkGuard is what the guard adds to a request, beside net/http and the handler.
func BenchmarkGuard(b *testing.B) {
	tokens := newTokens(b, "a-token-of-some-length")
	body := strings.Repeat("x", 100_000)
	for _, c := range []struct{ name, method, path, body, coding string }{
		{"health", "GET", "/v2/health/live", "", ""},
		{"detect 100 KB", "POST", "/v1/detect", body, ""},
		{"detect 100 KB gzip", "POST", "/v1/detect", string(pack("gzip", []byte(body))), "gzip"},
		{"no token", "GET", "/v1/info", "", ""},
		{"no route", "GET", "/none", "", ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			g, err := New(Options{Listen: "127.0.0.1:8000", Tokens: tokens, Origins: []string{"https://good.example"}})
			if err != nil {
				b.Fatal(err)
			}
			read := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				_, _ = io.WriteString(w, "{}")
			})
			g.Handle(Route{Pattern: "GET /v2/health/live", Open: true, Handler: read})
			g.Handle(Route{Pattern: "POST /v1/detect", Types: JSON, Handler: read})
			r := httptest.NewRequest(c.method, "http://localhost:8000"+c.path, nil)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			if c.name != "no token" {
				r.Header.Set("Authorization", "Bearer a-token-of-some-length")
			}
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			for b.Loop() {
				if c.body != "" {
					r.Body, r.ContentLength = io.NopCloser(strings.NewReader(c.body)), int64(len(c.body))
				}
				if c.coding != "" {
					r.Header.Set("Content-Encoding", c.coding)
				}
				g.ServeHTTP(&sink{http.Header{}}, r)
			}
		})
	}
}

// BenchmarkReaders is what the readers of a body of 100 KB take.
func BenchmarkReaders(b *testing.B) {
	picture := strings.Repeat("iVBORw0K", 12_500)
	b.Run("form", func(b *testing.B) {
		kind, body := form(b, "@image", picture, "text", "a cat")
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if list, err := readForm(kind, body, api.Limits{}.Or().Parts); err != nil || len(list) != 2 {
				b.Fatal(list, err)
			}
		}
	})
}
