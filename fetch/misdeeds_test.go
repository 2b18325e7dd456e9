package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// allAlone is the number of the first request that is twisted, where it is all those without a range.
const allAlone = -1

// twist is what a server does instead of what is asked of it.
type twist func(h *host, w http.ResponseWriter, r *http.Request, n int) bool

// plain answers with a status alone.
func plain(status int) twist {
	return func(_ *host, w http.ResponseWriter, _ *http.Request, _ int) bool { w.WriteHeader(status); return true }
}

// headed answers with these headers and a byte, from the request of that number on.
func headed(from int, headers ...string) twist {
	return func(_ *host, w http.ResponseWriter, r *http.Request, n int) bool {
		if n < from || from == allAlone && r.Header.Get("Range") != "" {
			return false
		}
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		if w.Header().Get("Content-Range") != "" {
			w.WriteHeader(http.StatusPartialContent)
		}
		w.Write([]byte("x"))
		return true
	}
}

// misdeeds are those of servers, and the words in which they are named.
var misdeeds = map[string]struct {
	twist twist
	says  string
}{
	"401":                {plain(401), "HF_TOKEN"},
	"403":                {plain(403), "does not let you have the file (403)"},
	"404":                {plain(404), "no such file (404)"},
	"407":                {plain(407), "proxy"},
	"409":                {plain(409), "409"},
	"410":                {plain(410), "no such file (410)"},
	"418":                {plain(418), "418 I'm a teapot"},
	"204":                {plain(204), "204"},
	"page":               {headed(0, "Content-Type", "text/html; charset=utf-8"), "a web page"},
	"page later":         {headed(1, "Content-Type", "text/html"), "a web page"},
	"coded":              {headed(0, "Content-Encoding", "gzip"), `coded ("gzip")`},
	"another size":       {headed(0, "Content-Range", "bytes 0-0/77"), "a file of 77 bytes, the published one has 1048576"},
	"no part said":       {headed(0, "Content-Range", "lines 0-0/77"), "Content-Range is"},
	"another part":       {headed(0, "Content-Range", "bytes 5-5/1048576"), "asked for bytes 0 to 0 and sends 5 to 5"},
	"part of two sizes":  {headed(0, "Content-Range", "bytes 0-0/1048576", "Content-Length", "2"), "these are 2"},
	"part without range": {headed(1, "Content-Range", "bytes 0-1048575/1048576"), "206"},
	"lies about size":    {headed(allAlone, "Content-Type", "application/json"), "had 1048576 bytes when it was first asked for, and has 1 now"},
	"changes always": {func(h *host, w http.ResponseWriter, r *http.Request, n int) bool {
		w.Header().Set("Content-Type", "application/octet-stream")
		h.tag = fmt.Sprintf("%q", fmt.Sprint("tag", n))
		return false
	}, "has changed since"},
	"other bytes": {func(h *host, w http.ResponseWriter, r *http.Request, n int) bool {
		h.data = noise(small + 1)[1:]
		return false
	}, "the SHA-256 of what arrived begins with"},
	"empty": {func(h *host, w http.ResponseWriter, r *http.Request, n int) bool {
		w.Header().Set("Content-Length", "0")
		return true
	}, "empty"},
	"stalls": {func(h *host, w http.ResponseWriter, r *http.Request, n int) bool {
		<-r.Context().Done()
		return true
	}, "nothing came for 20ms"},
	"shorter now": {func(h *host, w http.ResponseWriter, r *http.Request, n int) bool {
		if n%3 == 1 {
			cut(w, r, h, small/2)
		}
		if n%3 == 2 {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return true
		}
		return false
	}, "shorter than it was"},
}

// A server that does not send the file is named with what it does.
func TestServers(t *testing.T) {
	data := noise(small)
	for name, c := range misdeeds {
		t.Run(name, func(t *testing.T) {
			d, h := newDesk(t), newHost(t, data, false)
			h.twist = func(w http.ResponseWriter, r *http.Request, n int) bool { return c.twist(h, w, r, n) }
			o := d.options(h.URL)
			if name == "stalls" {
				o.trial.stall = 20 * time.Millisecond
			}
			_, err := o.Fetch(t.Context(), thing(data))
			if !errors.Is(err, ErrServer) && !errors.Is(err, ErrSum) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), h.URL) {
				t.Errorf("%v; want %q", err, c.says)
			}
			if _, err := os.Stat(filepath.Join(d.dir, "own", "thing", "thing.json")); err == nil {
				t.Error("it has got its name all the same")
			}
		})
	}
}
