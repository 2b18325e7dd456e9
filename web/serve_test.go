package web

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

// policy is under what the page must work: scripts, styles and requests of its own origin, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; media-src blob:; " +
	"worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// faked is the page before the fake, with the headers that the server's guard sets.
func faked(t *testing.T) http.Handler {
	t.Helper()
	scenes, err := readScenes()
	if err != nil {
		t.Fatal(err)
	}
	pages := Handler(&fake{images: map[string][]byte{}, scenes: scenes})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(self)")
		pages.ServeHTTP(w, r)
	})
}

// TestServe serves the page and the fake until it is killed, for those who look at it: GLIPVK_SERVE=127.0.0.1:8010 go test -run Serve ./web
func TestServe(t *testing.T) {
	at := os.Getenv("GLIPVK_SERVE")
	if at == "" {
		t.Skip("GLIPVK_SERVE is not set: it serves the page at that address, to be looked at")
	}
	t.Fatal(http.ListenAndServe(at, faked(t)))
}

// newServer serves it for a test.
func newServer(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(faked(t))
	t.Cleanup(s.Close)
	return s
}
