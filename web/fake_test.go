package web

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	_ "golang.org/x/image/webp"
)

// mood is what a test has the fake do, until it says otherwise.
type mood struct {
	Delay   int     `json:"delay"`   // milliseconds that a detection takes
	Refuse  int     `json:"refuse"`  // questions that are refused before one is answered
	Retry   int     `json:"retry"`   // seconds of Retry-After then
	Loading int     `json:"loading"` // times that /v1/info says so
	Cold    int     `json:"cold"`    // times that everything is 503
	Token   string  `json:"token"`   // that is wanted
	Fail    string  `json:"fail"`    // the sentence of a 400
	Most    float64 `json:"most"`    // of scores; 0 is 1
	None    bool    `json:"none"`    // whether nothing is found
	Gone    bool    `json:"gone"`    // whether connections end without an answer
	Queue   int     `json:"queue"`   // that wait before
	MadeUp  bool    `json:"made_up"` // whether the weights are
}

// counts are what the fake has seen since its mood was set.
type counts struct {
	Detects   int   `json:"detects"`
	Images    int   `json:"images"`
	Aligns    int   `json:"aligns"`
	Tokens    int   `json:"tokens"`
	Together  int   `json:"together"`  // detections under way at once, at most
	Cancelled int   `json:"cancelled"` // detections that the page left
	Bytes     int64 `json:"bytes"`     // of bodies of detections
	Last      any   `json:"last"`      // body of the last question
}

// fake answers /v1 as section 4 of the contract says, at once or in a bad mood.
type fake struct {
	mu     sync.Mutex
	mood   mood
	counts counts
	under  int
	images map[string][]byte
	scenes map[string]scene // by their bytes
	number atomic.Int64
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/fake" {
		f.control(w, r)
		return
	}
	m, cold := f.now()
	switch {
	case m.Gone:
		panic(http.ErrAbortHandler)
	case m.Token != "" && r.Header.Get("Authorization") != "Bearer "+m.Token:
		w.Header()["Www-Authenticate"] = []string{"Bearer", "Basic"}
		refuse(w, 401, "unauthorized", "a token is wanted", 0)
	case cold:
		refuse(w, 503, "loading", "the model is being loaded", 1)
	case r.Method == "GET" && r.URL.Path == "/v1/info":
		f.info(w)
	case r.Method == "POST" && r.URL.Path == "/v1/tokens":
		f.tokens(w, r)
	case r.Method == "POST" && r.URL.Path == "/v1/images":
		f.keep(w, r)
	case r.Method == "POST" && r.URL.Path == "/v1/detect":
		f.detect(w, r, m)
	case r.Method == "POST" && r.URL.Path == "/v1/align":
		f.align(w, r)
	default:
		refuse(w, 404, "not_found", "there is no "+r.URL.Path, 0)
	}
}

func (f *fake) control(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method == "POST" {
		f.mood, f.counts = mood{}, counts{}
		if err := json.NewDecoder(r.Body).Decode(&f.mood); err != nil {
			panic(err)
		}
	}
	answer(w, 200, f.counts)
}

func (f *fake) now() (m mood, cold bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	cold = f.mood.Cold > 0
	f.mood.Cold--
	return f.mood, cold
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the page may have left
}

func refuse(w http.ResponseWriter, status int, code, text string, retry int) {
	if retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(retry))
	}
	answer(w, status, map[string]string{"error": text, "code": code})
}

func (f *fake) info(w http.ResponseWriter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	told := map[string]any{
		"model": "glip-world", "weights": "embedded", "architecture": "glip-world", "device": "CPU", "precision": "f32", "version": "1.4.0",
		"state": "ready", "made_up": f.mood.MadeUp, "auth": f.mood.Token != "", "size": map[string]int{"short": 192, "long": 192}, "examples": Examples,
		"defaults": map[string]any{"threshold": 0.3, "iou": 0.6, "max_detections": 100, "prompt_form": "eval"},
		"limits":   map[string]any{"body": 8 << 20, "pixels": 40e6, "tokens": 64},
		"queue":    map[string]any{"waiting": f.mood.Queue, "seconds": 4 * (f.mood.Queue + 1)},
	}
	if f.mood.Loading > 0 {
		f.mood.Loading--
		told["state"], told["progress"] = "starting", 1/float64(f.mood.Loading+1)
	}
	answer(w, 200, told)
}

func (f *fake) keep(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8<<20))
	if err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "image/") {
		refuse(w, 415, "bad_type", "send the picture itself", 0)
		return
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		refuse(w, 400, "bad_picture", "it is no PNG, JPEG, GIF, WebP or BMP: "+err.Error(), 0)
		return
	}
	id := fmt.Sprintf("%032x", f.number.Add(1))
	f.mu.Lock()
	f.images[id] = data
	f.counts.Images++
	f.mu.Unlock()
	answer(w, 201, map[string]any{"id": id, "width": size.Width, "height": size.Height, "expires_in": 900})
}

// query is the body of a question; others than these members are refused.
type query struct {
	ImageID   string   `json:"image_id"`
	Text      string   `json:"text,omitempty"`
	Spans     [][2]int `json:"spans,omitempty"`
	Classes   []string `json:"classes,omitempty"`
	Threshold *float64 `json:"threshold,omitempty"`
	Priority  int      `json:"priority,omitempty"`
	data      []byte
}

func (f *fake) query(w http.ResponseWriter, r *http.Request) (q query, ok bool) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		d := json.NewDecoder(r.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&q); err != nil {
			refuse(w, 400, "bad_request", err.Error(), 0)
			return q, false
		}
		f.mu.Lock()
		q.data = f.images[q.ImageID]
		f.mu.Unlock()
		if q.data == nil {
			refuse(w, 404, "no_image", "there is no picture of this ID: send it again", 0)
			return q, false
		}
	case "multipart/form-data":
		if err := r.ParseMultipartForm(8 << 20); err != nil || r.MultipartForm.File["image"] == nil {
			refuse(w, 400, "bad_request", "it has no part image", 0)
			return q, false
		}
		part, err := r.MultipartForm.File["image"][0].Open()
		if err != nil {
			panic(err)
		}
		q.data, _ = io.ReadAll(part)
		q.Text, q.Classes = r.FormValue("text"), r.MultipartForm.Value["class"]
		q.Priority, _ = strconv.Atoi(r.FormValue("priority"))
	default:
		refuse(w, 415, "bad_type", "send JSON or a form", 0)
		return q, false
	}
	if q.Text == "" && len(q.Classes) == 0 || q.Text != "" && len(q.Classes) > 0 {
		refuse(w, 400, "bad_query", "say either a text or classes", 0)
		return q, false
	}
	return q, true
}

func (f *fake) detect(w http.ResponseWriter, r *http.Request, m mood) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	q, ok := f.query(w, r)
	f.mu.Lock()
	f.counts.Detects++
	f.counts.Bytes += int64(len(body))
	f.counts.Last = q
	f.under++
	f.counts.Together = max(f.counts.Together, f.under)
	refused := f.mood.Refuse > 0
	f.mood.Refuse--
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.under--
		f.mu.Unlock()
	}()
	if !ok {
		return
	}
	if refused {
		refuse(w, 429, "overloaded", "the queue is full", m.Retry)
		return
	}
	select {
	case <-time.After(time.Duration(m.Delay) * time.Millisecond):
	case <-r.Context().Done():
		f.mu.Lock()
		f.counts.Cancelled++
		f.mu.Unlock()
		return
	}
	if m.Fail != "" {
		refuse(w, 400, "bad_query", m.Fail, 0)
		return
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(q.data))
	if err != nil {
		refuse(w, 400, "bad_picture", "it is no picture", 0)
		return
	}
	caption, spans := q.caption()
	phrases, detections := []any{}, []detection{}
	for i, span := range spans {
		phrase := cut(caption, span)
		silent := strings.Contains(phrase, "xyzzy")
		phrases = append(phrases, map[string]any{"label": i + 1, "phrase": phrase, "span": span, "caption": 0, "silent": silent})
		if !silent && !m.None {
			detections = append(detections, f.found(q.data, size, caption, phrase, span, i+1, m)...)
		}
	}
	byScore(detections)
	known := []string{}
	if q.ImageID != "" {
		known = append(known, "picture")
	}
	answer(w, 200, map[string]any{
		"model": "glip-world", "width": size.Width, "height": size.Height, "captions": []string{caption}, "phrases": phrases, "detections": detections,
		"timing": map[string]any{"queue": 0.004, "decode": 0.006, "picture": 0, "caption": 0.02, "grounding": 0.11, "total": 0.14 + float64(m.Delay)/1000, "known": known, "batch": 1},
	})
}

func (f *fake) tokens(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Text string `json:"text"`
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		refuse(w, 400, "bad_request", err.Error(), 0)
		return
	}
	f.mu.Lock()
	f.counts.Tokens++
	f.mu.Unlock()
	if strings.TrimSpace(q.Text) == "of" {
		refuse(w, 400, "bad_query", "no noun phrase", 0)
		return
	}
	list, phrases := words(q.Text), []any{}
	for _, span := range nounPhrases(q.Text) {
		phrases = append(phrases, map[string]any{"phrase": cut(q.Text, span), "span": span})
	}
	told := map[string]any{"tokens": list, "phrases": phrases, "count": len(list) + 2, "limit": 64, "truncated_at": nil}
	if len(list) > 62 {
		told["truncated_at"] = list[62].Begin
	}
	answer(w, 200, told)
}

func (f *fake) align(w http.ResponseWriter, r *http.Request) {
	q, ok := f.query(w, r)
	if !ok {
		return
	}
	f.mu.Lock()
	f.counts.Aligns++
	f.mu.Unlock()
	size, _, err := image.DecodeConfig(bytes.NewReader(q.data))
	if err != nil {
		refuse(w, 400, "bad_picture", "it is no picture", 0)
		return
	}
	caption, spans := q.caption()
	const stride = 8
	scale := 192 / float64(min(size.Width, size.Height))
	height, width := int(float64(size.Height)*scale/stride+0.99), int(float64(size.Width)*scale/stride+0.99)
	read := words(caption)
	maps := make([][]byte, len(read))
	for i, t := range read {
		var boxes []detection
		for l, span := range spans {
			if span[0] <= t.Begin && t.End <= span[1] {
				boxes = f.found(q.data, size, caption, cut(caption, span), span, l+1, mood{})
			}
		}
		maps[i], read[i].Peak = blobs(boxes, height, width, stride/scale, len(t.Text))
	}
	tokens, joined := []token{}, []token{}
	var tokenMaps, wordMaps []byte
	for i, t := range read { // a long word is before its pieces
		if t.End-t.Begin > longest {
			joined, wordMaps = append(joined, t), append(wordMaps, maps[i]...)
		} else {
			tokens, tokenMaps = append(tokens, t), append(tokenMaps, maps[i]...)
		}
	}
	answer(w, 200, map[string]any{
		"tokens": tokens, "maps": base64.StdEncoding.EncodeToString(tokenMaps), "words": joined, "word_maps": base64.StdEncoding.EncodeToString(wordMaps),
		"grid": map[string]any{"height": height, "width": width, "stride": stride, "scale": []float64{scale, scale}},
	})
}

// cut is a part of a text by code points.
func cut(text string, span [2]int) string { return string([]rune(text)[span[0]:span[1]]) }

func (q query) caption() (string, [][2]int) {
	if q.Classes == nil {
		if q.Spans != nil {
			return q.Text, q.Spans
		}
		return q.Text, nounPhrases(q.Text)
	}
	text, spans := "", [][2]int{}
	for i, c := range q.Classes {
		if i > 0 {
			text += ". "
		}
		begin := utf8.RuneCountInString(text)
		text += c
		spans = append(spans, [2]int{begin, utf8.RuneCountInString(text)})
	}
	return text, spans
}

// dice is a number from 0 to 1 that hangs on words alone.
func dice(words ...any) float64 {
	h := fnv.New64a()
	fmt.Fprint(h, words...)
	return float64(h.Sum64()*0x9e3779b97f4a7c15>>40) / (1 << 24)
}
