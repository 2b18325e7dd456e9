package fetch

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const small = 1 << 20

func TestFetch(t *testing.T) {
	data := noise(small)
	for name, ranges := range map[string]bool{"parts": true, "no parts": false} {
		t.Run(name, func(t *testing.T) {
			d, h := newDesk(t), newHost(t, data, false)
			h.twist = func(_ http.ResponseWriter, r *http.Request, _ int) bool {
				if !ranges {
					r.Header.Del("Range")
				}
				return false
			}
			o := d.options(h.URL + "/folder/")
			found, err := o.Fetch(t.Context(), thing(data))
			if err != nil {
				t.Fatal(err)
			}
			holds(t, found.Path, data)
			if want := filepath.Join(d.dir, "own", "thing", "thing.json"); found.Path != want || found.Tensors || found.Checked != "its SHA-256 is the published one" {
				t.Errorf("found %+v, want %s", found, want)
			}
			asked := len(h.asked)
			again, err := o.Fetch(t.Context(), thing(data))
			if err != nil || again.Path != found.Path || len(h.asked) != asked || slices.Contains(d.shown, Checking) {
				t.Errorf("again: %+v, %v, %d requests more, stages %v", again, err, len(h.asked)-asked, d.shown)
			}
			if !slices.Contains(d.shown, Fetching) {
				t.Errorf("stages %v", d.shown)
			}
		})
	}
}

// A broken connection is taken up where it broke.
func TestResume(t *testing.T) {
	data := noise(small)
	for name, c := range map[string]struct {
		twist func(h *host, w http.ResponseWriter, r *http.Request, n int) bool
		asked []string
		says  string
	}{
		"in the middle": {func(h *host, w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 || n == 2 {
				cut(w, r, h, small/4)
			}
			return false
		}, []string{"bytes=0-0", "", "bytes=262144-1048575", "bytes=524288-1048575"}, "ended after 262144 of"},
		"range ignored": {func(h *host, w http.ResponseWriter, r *http.Request, n int) bool {
			h.tag = ""
			if n == 1 {
				cut(w, r, h, small/4)
			}
			r.Header.Del("Range")
			return false
		}, []string{"bytes=0-0", "", "bytes=262144-1048575"}, "from its beginning"},
		"another machine's tag": {func(h *host, w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				cut(w, r, h, small/4)
			}
			if n == 2 {
				r.Header.Del("Range")
			}
			return false
		}, []string{"bytes=0-0", "", "bytes=262144-1048575", "bytes=262144-1048575"}, "all of the file for a part"},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newDesk(t), newHost(t, data, false)
			h.twist = func(w http.ResponseWriter, r *http.Request, n int) bool { return c.twist(h, w, r, n) }
			found, err := d.options(h.URL).Fetch(t.Context(), thing(data))
			if err != nil || !slices.Equal(h.asked, c.asked) || !d.says(c.says) {
				t.Errorf("%v, asked for %q, said %q; want %q and %q", err, h.asked, d.said, c.asked, c.says)
			}
			holds(t, found.Path, data)
			if match := h.heads[2].Get("If-Range"); match != h.tag {
				t.Errorf("If-Range %q, want %q", match, h.tag)
			}
		})
	}
}

// What an earlier run left is gone on with, if it is of the same file.
func TestLeft(t *testing.T) {
	data := noise(small)
	for name, c := range map[string]struct {
		change func(t *testing.T, h *host, part string)
		from   string
		says   string
	}{
		"same":         {func(*testing.T, *host, string) {}, "bytes=262144-1048575", ""},
		"another tag":  {func(_ *testing.T, h *host, _ string) { h.tag = `"two"` }, "", "brought anew"},
		"no state":     {func(_ *testing.T, _ *host, part string) { os.Remove(part + ".json") }, "", "brought anew"},
		"odd state":    {func(_ *testing.T, _ *host, part string) { os.WriteFile(part+".json", []byte("{"), 0o600) }, "", "brought anew"},
		"spoilt bytes": {func(_ *testing.T, _ *host, part string) { os.WriteFile(part, make([]byte, small/4), 0o600) }, "bytes=262144-1048575", "not the published file"},
		"too long":     {func(_ *testing.T, _ *host, part string) { os.WriteFile(part, make([]byte, small+1), 0o600) }, "", "brought anew"},
		"all of it":    {func(_ *testing.T, _ *host, part string) { os.WriteFile(part, data, 0o600) }, "none", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newDesk(t), newHost(t, data, false)
			ctx, stop := context.WithCancel(t.Context())
			h.twist = func(w http.ResponseWriter, r *http.Request, n int) bool {
				if n == 1 {
					cut(w, r, h, small/4)
				}
				return false
			}
			o := d.options(h.URL)
			o.trial.pause = func(ctx context.Context, _ time.Duration) error { stop(); return ctx.Err() }
			if _, err := o.Fetch(ctx, thing(data)); !errors.Is(err, context.Canceled) {
				t.Fatalf("interrupted: %v", err)
			}
			part := filepath.Join(d.dir, "own", "thing", "thing.json.part")
			if info, err := os.Stat(part); err != nil || info.Size() != small/4 {
				t.Fatalf("%v, %v: want %d bytes left", info, err, small/4)
			}
			c.change(t, h, part)
			h.asked = []string{"", ""}
			found, err := d.options(h.URL).Fetch(t.Context(), thing(data))
			if err != nil {
				t.Fatal(err)
			}
			holds(t, found.Path, data)
			if c.from != "none" && h.asked[3] != c.from || c.from == "none" && len(h.asked) != 3 || c.says != "" && !d.says(c.says) {
				t.Errorf("asked for %q, said %q; want %q, %q", h.asked, d.said, c.from, c.says)
			}
		})
	}
}

// Tries are counted while nothing arrives.
func TestTries(t *testing.T) {
	data := noise(small)
	d, h := newDesk(t), newHost(t, data, false)
	h.twist = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n > 0 {
			cut(w, r, h, small/20)
		}
		return false
	}
	found, err := d.options(h.URL).Fetch(t.Context(), thing(data))
	if err != nil || len(h.asked) < 3*mostTries {
		t.Errorf("%v after %d requests", err, len(h.asked))
	}
	holds(t, found.Path, data)

	// One that begins anew every time, and never comes further, is given up too.
	d, h = newDesk(t), newHost(t, data, false)
	h.tag = ""
	h.twist = func(w http.ResponseWriter, r *http.Request, n int) bool {
		r.Header.Del("Range")
		if n > 0 {
			cut(w, r, h, small/2)
		}
		return false
	}
	if _, err := d.options(h.URL).Fetch(t.Context(), thing(data)); !errors.Is(err, ErrServer) || !strings.Contains(err.Error(), "tries in a row brought nothing") {
		t.Errorf("%v after %d requests", err, len(h.asked))
	}

	for name, c := range map[string]struct {
		status int
		after  string
		tries  int
		waited time.Duration
		says   string
	}{
		"503":       {503, "", mostTries, 31 * time.Second, "trouble of its own (503 Service Unavailable); 6 tries"},
		"500":       {500, "", mostTries, 31 * time.Second, "500"},
		"408":       {408, "", mostTries, 31 * time.Second, "408"},
		"429":       {429, "7", mostTries, (7 + 7 + 7 + 8 + 16) * time.Second, "asked too often"},
		"429, long": {429, "3600", 1, 0, "1h0m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newDesk(t), newHost(t, data, false)
			h.twist = func(w http.ResponseWriter, r *http.Request, n int) bool {
				w.Header().Set("Retry-After", c.after)
				w.WriteHeader(c.status)
				return true
			}
			_, err := d.options(h.URL).Fetch(t.Context(), thing(data))
			waited := time.Duration(0)
			for _, w := range d.waits {
				waited += w
			}
			if !errors.Is(err, ErrServer) || !strings.Contains(err.Error(), c.says) || len(h.asked) != c.tries || waited != c.waited {
				t.Errorf("%v; %d tries, %v", err, len(h.asked), waited)
			}
		})
	}
}

// A length that nobody says, and one that no disk has room for.
func TestLengths(t *testing.T) {
	d, h := newDesk(t), newHost(t, nil, false)
	item := thing([]byte("0123456789"))
	h.twist = func(w http.ResponseWriter, r *http.Request, n int) bool {
		w.(http.Flusher).Flush()
		w.Write([]byte("0123456789"))
		return true
	}
	if found, err := d.options(h.URL).Fetch(t.Context(), item); err != nil {
		t.Errorf("of a published length: %v", err)
	} else {
		holds(t, found.Path, []byte("0123456789"))
	}
	item.Name, item.File, item.Bytes = "other", "other.json", 0
	if _, err := d.options(h.URL).Fetch(t.Context(), item); !errors.Is(err, ErrServer) || !strings.Contains(err.Error(), "does not say how long") {
		t.Errorf("of no length: %v", err)
	}
	h.twist = func(w http.ResponseWriter, r *http.Request, n int) bool {
		w.(http.Flusher).Flush()
		w.Write([]byte("0123456789 and more"))
		return true
	}
	item.Bytes = 10
	if _, err := d.options(h.URL).Fetch(t.Context(), item); !errors.Is(err, ErrServer) || !strings.Contains(err.Error(), "more than the 10 bytes") {
		t.Errorf("of more: %v", err)
	}
	h.twist = func(w http.ResponseWriter, r *http.Request, n int) bool {
		w.Header().Set("Content-Range", "bytes 0-0/1152921504606846976")
		w.WriteHeader(http.StatusPartialContent)
		w.Write([]byte("x"))
		return true
	}
	item.Bytes = 0
	if _, err := d.options(h.URL).Fetch(t.Context(), item); err == nil || !strings.Contains(err.Error(), "1152921504607 MB are needed for other") {
		t.Errorf("of an exabyte: %v", err)
	}
	if len(h.asked) != 6 {
		t.Errorf("%d requests: %q", len(h.asked), h.asked)
	}
}

// What is held in memory does not grow with the file.
func TestMemory(t *testing.T) {
	const size = 64 << 20
	d, dir := newDesk(t), t.TempDir()
	err := errors.Join(os.WriteFile(filepath.Join(dir, "thing.json"), nil, 0o600), os.Truncate(filepath.Join(dir, "thing.json"), size))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	found, err := d.options(server.URL).Fetch(t.Context(), Item{Name: "thing", File: "thing.json"})
	runtime.ReadMemStats(&after)
	if info, bad := os.Stat(found.Path); err != nil || bad != nil || info.Size() != size {
		t.Errorf("%+v, %v, %v", found, err, bad)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > size/4 {
		t.Errorf("%d bytes were allocated for a file of %d", took, size)
	}
}

// Two at once bring one file once.
func TestTwo(t *testing.T) {
	data := noise(small)
	d, h := newDesk(t), newHost(t, data, false)
	results := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := d.options(h.URL).Fetch(t.Context(), thing(data))
			results <- err
		}()
	}
	if err := errors.Join(<-results, <-results); err != nil || len(h.asked) != 2 {
		t.Errorf("%v after %d requests", err, len(h.asked))
	}
}

func TestOffline(t *testing.T) {
	d, h := newDesk(t), newHost(t, nil, false)
	o := d.options(h.URL)
	o.Offline = true
	_, err := o.Fetch(t.Context(), thing([]byte("x")))
	if !errors.Is(err, ErrOffline) || !errors.Is(err, ErrAbsent) {
		t.Errorf("%v", err)
	}
	o.Offline = false
	for value, off := range map[string]bool{"1": true, "ON": true, "yes": true, "True": true, "0": false, "": false, "no": false} {
		for _, name := range []string{"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"} {
			t.Setenv("HF_HUB_OFFLINE", "")
			t.Setenv("TRANSFORMERS_OFFLINE", "")
			t.Setenv(name, value)
			if why := o.offline(); off != (why != "") || off && why != name+"="+value {
				t.Errorf("%s=%s: %q", name, value, why)
			}
		}
	}
	if len(h.asked) != 0 {
		t.Errorf("%d requests", len(h.asked))
	}
}
