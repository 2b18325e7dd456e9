package web

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

// newServer is the page before the fake.
func newServer(t *testing.T) *httptest.Server {
	t.Helper()
	scenes, err := readScenes()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(Handler(&fake{images: map[string][]byte{}, scenes: scenes}))
	t.Cleanup(s.Close)
	return s
}

// TestServe serves the page and the fake until it is killed, for those who look at it: GLIPVK_SERVE=127.0.0.1:8010 go test -run Serve ./web
func TestServe(t *testing.T) {
	at := os.Getenv("GLIPVK_SERVE")
	if at == "" {
		t.Skip("GLIPVK_SERVE is not set: it serves the page at that address, to be looked at")
	}
	scenes, err := readScenes()
	if err != nil {
		t.Fatal(err)
	}
	t.Fatal(http.ListenAndServe(at, Handler(&fake{images: map[string][]byte{}, scenes: scenes})))
}
