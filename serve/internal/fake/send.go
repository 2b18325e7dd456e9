package fake

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
)

// Send is the answer of a handler to a request; a header of "" is left out.
func Send(ctx context.Context, h http.Handler, method, path string, body []byte, header map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, method, path, bytes.NewReader(body))
	for name, value := range header {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
