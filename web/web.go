// Package web is the page of the server: plain ES modules and style sheets, embedded, which ask /v1 and no other host. They have
// nothing inline and set no markup, so that the strictest Content-Security-Policy holds; the guard of the server says it, to everything.
//
// What the page reads beside the detections is said here, since no other client does. Of GET /v1/info:
//
//	{"model": "glip-world", "device": "CPU", "precision": "f32",
//	 "state": "ready",                            // all others are waited for; of "starting" "progress" is shown, 0 to 1, if it is there
//	 "made_up": false,                            // whether the weights are, which the page then says
//	 "size": {"short": 800, "long": 1333},        // to which pictures are brought; left out for pictures as they are
//	 "defaults": {"threshold": 0.5},
//	 "limits": {"body": 33554432, "tokens": 256},
//	 "queue": {"waiting": 3, "seconds": 7.6}}     // before a new question, and until that is computed
//
// Of POST /v1/tokens, places being code points:
//
//	{"count": 7, "limit": 256, "truncated_at": null,
//	 "tokens": [{"text": "cat", "begin": 2, "end": 5}],
//	 "phrases": [{"phrase": "a cat", "span": [0, 5]}]}
//
// Of POST /v1/align, "scale" being what the picture's width and height were multiplied by: a map's column j begins at
// j*stride/scale[0] in the picture. Words are tokens joined; tokens whose places lie within a word are not shown.
//
//	{"tokens": [{"text": "##kers", "begin": 15, "end": 19, "peak": 0.61}], "words": [{"text": "whiskers", "begin": 11, "end": 19, "peak": 0.61}],
//	 "grid": {"height": 100, "width": 167, "stride": 8, "scale": [2.22, 2.22]},
//	 "maps": "base64 of uint8 [tokens, height, width]", "word_maps": "likewise"}
//
// The package imports none of ours.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

//go:embed page
var page embed.FS

// types are the kinds of files that there are, and what they are called to a browser.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".mjs":  "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".webp": "image/webp",
}

// Example is a picture that the page has with it, and a sentence that glip-world answers well.
type Example struct {
	Path string // of the picture, as a URL's
	Text string
}

// Examples are the page's own pictures, in its order.
var Examples = []Example{
	{"/examples/dogs.webp", "a red apple and two dogs"},
	{"/examples/flower.webp", "a heart, an orange clock and a flower"},
	{"/examples/pigs.webp", "a blue key, one yellow crown and four pigs"},
}

// file is one of the page, ready to be sent.
type file struct {
	kind          string // Content-Type
	plain, packed []byte // packed is gzip's, nil where it saves nothing
	tag           string // of the plain bytes, without quotation marks
}

// Pages is the page as a handler.
type Pages struct {
	files     map[string]file
	otherwise http.Handler
}

// Handler serves the page at "/" and its files, to GET and HEAD. All else it leaves to otherwise, which answers 404 and 405 as
// the rest of the server does.
func Handler(otherwise http.Handler) *Pages {
	p := &Pages{map[string]file{}, otherwise}
	err := fs.WalkDir(page, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := page.ReadFile(name)
		if err != nil {
			return err
		}
		at := strings.TrimPrefix(name, "page")
		if at == "/index.html" {
			at = "/"
		}
		p.files[at], err = newFile(name, data)
		return err
	})
	if err != nil {
		panic(err) // what is embedded does not change
	}
	return p
}

func newFile(name string, data []byte) (file, error) {
	kind, ok := types[path.Ext(name)]
	if !ok {
		return file{}, fmt.Errorf("web: %s has an ending without a type", name)
	}
	sum := sha256.Sum256(data)
	f := file{kind: kind, plain: data, tag: hex.EncodeToString(sum[:12])}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if packed.Len() < len(data)*9/10 {
		f.packed = packed.Bytes()
	}
	return f, err
}

// Paths are those that the page answers, sorted: they need no token.
func (p *Pages) Paths() []string { return slices.Sorted(maps.Keys(p.files)) }

// ServeHTTP answers with a file of the page.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := p.files[r.URL.Path]
	if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
		p.otherwise.ServeHTTP(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "no-cache") // kept, and asked for anew by its tag: another version of the program has another page
	body, tag := f.plain, f.tag
	if f.packed != nil {
		h.Set("Vary", "Accept-Encoding")
		if accepts(r.Header.Values("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			body, tag = f.packed, f.tag+"-gzip"
		}
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// accepts says whether a client takes gzip: it names it, and not with a weight of 0.
func accepts(values []string) bool {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
			if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				weight = strings.ReplaceAll(strings.ToLower(weight), " ", "")
				return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || !strings.HasPrefix(weight, "q=")
			}
		}
	}
	return false
}
