package fake

import (
	"compress/gzip"
	"compress/zlib"
	"io"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/serve/api"
)

// Front stands before routes for what a server's guard does for them and their tests need: paths and methods that are none, content
// types, compressed bodies.
func Front(routes []api.Route) http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.Handle(r.Pattern, front{r})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(api.WithCall(r.Context(), &api.Call{ID: "17"}))
		refuse := func(code api.Code, text string) { api.Fail(r.Context(), api.Refuse(code, "%s", text)).Write(w) }
		if at := strings.TrimSuffix(r.URL.Path, "/"); at != "" && path.Clean(at) != at {
			refuse(api.NotFound, "there is nothing at this path")
			return
		}
		if _, pattern := mux.Handler(r); pattern == "" {
			other := *r
			for _, other.Method = range []string{http.MethodGet, http.MethodPost} {
				if _, pattern := mux.Handler(&other); pattern != "" {
					refuse(api.BadMethod, "this path takes "+other.Method)
					return
				}
			}
			refuse(api.NotFound, "there is nothing at this path")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

type front struct{ api.Route }

func (f front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if fits := func(t string) bool {
		return t == "*" || t == kind || t == "image/*" && strings.HasPrefix(kind, "image/") || t == "application/grpc" && strings.HasPrefix(kind, t)
	}; r.Method == http.MethodPost && !slices.ContainsFunc(f.Types, fits) {
		api.Fail(r.Context(), api.Refuse(api.BadType, "this path takes %s", strings.Join(f.Types, " or "))).Write(w)
		return
	}
	var decoded io.Reader
	var err error
	switch encoding := r.Header.Get("Content-Encoding"); {
	case encoding == "" || strings.HasPrefix(kind, "application/grpc"):
	case encoding == "gzip":
		decoded, err = gzip.NewReader(r.Body)
	case encoding == "deflate":
		decoded, err = zlib.NewReader(r.Body)
	default:
		err = http.ErrNotSupported
	}
	if err != nil {
		api.Fail(r.Context(), api.Refuse(api.BadEncoding, "the body's encoding cannot be undone")).Write(w)
		return
	}
	if decoded != nil {
		r.Body, r.ContentLength = io.NopCloser(decoded), -1
	}
	f.Handler.ServeHTTP(w, r)
}

// Server serves routes by HTTP/1 and, unencrypted, HTTP/2.
func Server(routes []api.Route) *http.Server {
	s := &http.Server{Handler: Front(routes), Protocols: new(http.Protocols)}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	return s
}
