package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// host is a server of one file, which answers as net/http does unless it is told to twist the answer.
type host struct {
	*httptest.Server
	tag   string
	twist func(w http.ResponseWriter, r *http.Request, n int) bool // of the request of that number, from 0 on; true where it has answered

	mu    sync.Mutex
	data  []byte
	asked []string // Range of each request
	heads []http.Header
	sent  int

	sound, damaged []byte // what data is in turn, for a twist
}

// newHost serves data; secret by TLS.
func newHost(t *testing.T, data []byte, secret bool) *host {
	h := &host{data: data, tag: `"one"`}
	h.Server = httptest.NewUnstartedServer(h)
	h.Server.Config.ErrorLog = log.New(io.Discard, "", 0) // connections are broken on purpose
	if secret {
		h.Server.StartTLS()
	} else {
		h.Server.Start()
	}
	t.Cleanup(h.Close)
	return h
}

// ServeHTTP implements [http.Handler].
func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	n := len(h.asked)
	h.asked = append(h.asked, r.Header.Get("Range"))
	h.heads = append(h.heads, r.Header.Clone())
	data, twist := h.data, h.twist
	h.mu.Unlock()
	if twist != nil && twist(w, r, n) {
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if h.tag != "" {
		w.Header().Set("Etag", h.tag)
	}
	http.ServeContent(counted{w, h}, r, "", time.Time{}, bytes.NewReader(data))
}

// counted counts what is sent.
type counted struct {
	http.ResponseWriter
	h *host
}

func (c counted) Write(p []byte) (int, error) {
	c.h.mu.Lock()
	c.h.sent += len(p)
	c.h.mu.Unlock()
	return c.ResponseWriter.Write(p)
}

// cut sends the beginning of what would be the answer, n bytes, and breaks the connection.
func cut(w http.ResponseWriter, r *http.Request, h *host, n int) {
	if h.tag != "" {
		w.Header().Set("Etag", h.tag)
	}
	http.ServeContent(&scissors{w, n}, r, "", time.Time{}, bytes.NewReader(h.data))
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

type scissors struct {
	http.ResponseWriter
	left int
}

func (s *scissors) Write(p []byte) (int, error) {
	n, _ := s.ResponseWriter.Write(p[:min(len(p), s.left)])
	if s.left -= n; n < len(p) {
		return n, http.ErrAbortHandler
	}
	return n, nil
}

// noise is n bytes that nothing shortens.
func noise(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(data)
	return data
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// thing is an item of data without weights.
func thing(data []byte) Item {
	return Item{Name: "thing", File: "thing.json", Bytes: int64(len(data)), Sum: sumOf(data)}
}

// desk is a user's machine without anything on it.
type desk struct {
	dir   string
	mu    sync.Mutex
	said  []string
	waits []time.Duration
	shown []string // stages of progress
}

// newDesk empties the environment.
func newDesk(t *testing.T) *desk {
	d := &desk{dir: t.TempDir()}
	for _, name := range []string{
		"HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_ENDPOINT", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE",
		"TRANSFORMERS_OFFLINE", "TORCH_HOME", "MMENGINE_HOME", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", d.dir)
	t.Setenv("USERPROFILE", d.dir)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(d.dir, "cache"))
	t.Chdir(d.dir)
	return d
}

// options are those of a user who does not wait.
func (d *desk) options(mirror string) Options {
	return Options{
		Folder: filepath.Join(d.dir, "own"), Mirror: mirror, Getenv: os.Getenv,
		Say: func(s string) { d.mu.Lock(); d.said = append(d.said, s); d.mu.Unlock() },
		Progress: func(stage string, _, _ int64) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if !slices.Contains(d.shown, stage) {
				d.shown = append(d.shown, stage)
			}
		},
		trial: trial{stall: 5 * time.Second, pause: func(ctx context.Context, wait time.Duration) error {
			d.mu.Lock()
			d.waits = append(d.waits, wait)
			d.mu.Unlock()
			return ctx.Err()
		}},
	}
}

// says whether something was said that has these words in it.
func (d *desk) says(words string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.said, func(s string) bool { return strings.Contains(s, words) })
}

// holds requires the file at path to be data, and nothing unfinished to lie beside it.
func holds(t *testing.T, path string, data []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%s: %d bytes, %v; want %d", path, len(got), err, len(data))
	}
	list, _ := os.ReadDir(filepath.Dir(path))
	for _, e := range list {
		if e.Name() != filepath.Base(path) && e.Name() != ".lock" {
			t.Errorf("%s lies beside it", e.Name())
		}
	}
}
