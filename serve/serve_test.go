package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/text"
)

// scene is a picture of the project's own that glip-world knows.
const scene = "../testdata/world/novel1.png"

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// world opens glip-world, whose weights are in the program.
func world(ctx context.Context) (*glipvk.Detector, error) {
	return glipvk.OpenDetector(ctx, "glip-world", glipvk.DetectorOptions{Options: glipvk.Options{Device: "cpu"}, Threshold: 0.3, Pictures: 4})
}

// running is a server that was started, with its log.
type running struct {
	*Server
	url  string
	log  *buffer
	stop func() error // ends it and gives what Run returned
}

// buffer is a log that is read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// start starts a server and waits until it is ready, unless it is not to be.
func start(t testing.TB, change func(*Options)) *running {
	t.Helper()
	log := &buffer{}
	listening, isReady := make(chan string, 1), make(chan struct{})
	o := Options{
		Open: world, Name: "glip", Version: "test", Weights: "glip@00000000", Listen: "127.0.0.1:0", Page: true, Keep: 8, KeepBytes: 1 << 20, Queue: 16,
		Threshold: 0.3, IoU: 0.6, Max: 100, Drain: 5 * time.Second, Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Listening: func(address string) { listening <- address }, Ready: func(time.Duration, Info) { close(isReady) },
	}
	if change != nil {
		change(&o)
	}
	s, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	r := &running{Server: s, log: log}
	r.stop = sync.OnceValue(func() error {
		cancel()
		http.DefaultClient.CloseIdleConnections()
		return <-ended
	})
	t.Cleanup(func() { _ = r.stop() })
	select {
	case r.url = <-listening:
	case err := <-ended:
		t.Fatal(err)
	}
	if o.open != nil && o.Open == nil {
		return r // the test has a detector that opens when it says so
	}
	select {
	case <-isReady:
	case err := <-ended:
		t.Fatal(err)
	}
	return r
}

// form is a body as curl -F makes it.
func form(t testing.TB, image []byte, fields ...string) (kind string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if image != nil {
		part, err := w.CreateFormFile("image", "../../etc/passwd")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(image); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.Bytes()
}

// call asks a server, and decodes what it answers.
func (r *running) call(t testing.TB, method, path, kind string, body []byte) (status int, header http.Header, answer map[string]any) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, r.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		q.Header.Set("Content-Type", kind)
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	data, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 0 && data[0] == '{' {
		if err := json.Unmarshal(data, &answer); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
	}
	return a.StatusCode, a.Header, answer
}

// What the server finds is what the detector finds, by each way to ask, and a question that is asked again is remembered.
func TestDetect(t *testing.T) {
	image := read(t, scene)
	d, err := world(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	p, err := picture.Decode(t.Context(), bytes.NewReader(image), "scene", picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := d.Detect(t.Context(), text.Query{Caption: "a red apple and two dogs"}, p)
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(detections(found[0]))
	if err != nil || len(found[0]) == 0 {
		t.Fatal(err, len(found[0]))
	}
	same := func(answer map[string]any) {
		t.Helper()
		var list []api.Detection
		for _, v := range answer["detections"].([]any) {
			m := v.(map[string]any)
			var one api.Detection
			for i, c := range m["box"].([]any) {
				one.Box[i] = c.(float64)
			}
			for i, c := range m["span"].([]any) {
				one.Span[i] = int(c.(float64))
			}
			one.Score, one.Label, one.Phrase = m["score"].(float64), int(m["label"].(float64)), m["phrase"].(string)
			list = append(list, one)
		}
		if got, err := json.Marshal(list); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s, %v\nwant %s", got, err, want)
		}
	}
	r := start(t, nil)
	kind, body := form(t, image, "text", "a red apple and two dogs")
	status, _, answer := r.call(t, "POST", "/v1/detect", kind, body)
	if status != 200 || answer["width"].(float64) != float64(p.Width) {
		t.Fatal(status, answer)
	}
	same(answer)
	status, _, kept := r.call(t, "POST", "/v1/images", "image/png", image)
	if status != 201 || len(kept["id"].(string)) != 32 {
		t.Fatal(status, kept)
	}
	question, err := json.Marshal(map[string]any{"image_id": kept["id"], "text": "a red apple and two dogs"})
	if err != nil {
		t.Fatal(err)
	}
	status, _, answer = r.call(t, "POST", "/v1/detect", "application/json", question)
	if known := answer["timing"].(map[string]any)["known"].([]any); status != 200 || len(known) != 2 {
		t.Error(status, answer["timing"])
	}
	same(answer)
	question, err = json.Marshal(map[string]any{"image": "data:image/png;base64," + string(base64Of(image)), "text": "a red apple and two dogs"})
	if err != nil {
		t.Fatal(err)
	}
	status, _, answer = r.call(t, "POST", "/v1/detect", "application/json", question)
	if status != 200 {
		t.Fatal(status, answer)
	}
	same(answer)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

func base64Of(data []byte) []byte {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return text[1 : len(text)-1]
}

// A threshold and the other limits are of a request.
func TestLimitsOfARequest(t *testing.T) {
	r := start(t, nil)
	image := read(t, scene)
	count := func(fields ...string) int {
		t.Helper()
		kind, body := form(t, image, append([]string{"text", "two dogs"}, fields...)...)
		status, _, answer := r.call(t, "POST", "/v1/detect", kind, body)
		if status != 200 {
			t.Fatal(status, answer)
		}
		return len(answer["detections"].([]any))
	}
	all, few := count("threshold", "0.01"), count("threshold", "0.3")
	if all <= few || few == 0 || count("threshold", "0.01", "max_detections", "3") != 3 || count("threshold", "0.01", "iou", "0.05") >= all {
		t.Error(all, few)
	}
}

// What is wrong with a request is said in its words, by status and code, and nothing of this machine is in them.
func TestRefusals(t *testing.T) {
	r := start(t, func(o *Options) {
		o.Limits = api.Limits{Body: 1 << 20, Pixels: 100000, Side: 400, Sentence: 100, Phrases: 5, Phrase: 20}
	})
	image := read(t, scene)
	json64 := func(more string) []byte { return []byte(`{"image":"` + string(base64Of(image)) + `"` + more + `}`) }
	formOf := func(fields ...string) func() (string, []byte) {
		return func() (string, []byte) { return form(t, image, fields...) }
	}
	for _, c := range []struct {
		name, method, path string
		body               func() (string, []byte)
		status             int
		code, says         string
	}{
		{"no path", "GET", "/v1/nothing", nil, 404, "not_found", ""},
		{"not clean", "GET", "/v1/../v1/info", nil, 404, "not_found", ""},
		{"method", "GET", "/v1/detect", nil, 405, "bad_method", "POST"},
		{"type", "POST", "/v1/detect", func() (string, []byte) { return "text/plain", json64("") }, 415, "bad_type", ""},
		{"no picture", "POST", "/v1/detect", func() (string, []byte) { return form(t, nil, "text", "a dog") }, 400, "bad_request", "no picture"},
		{"no question", "POST", "/v1/detect", formOf(), 400, "bad_query", ""},
		{"a typo", "POST", "/v1/detect", formOf("text", "a dog", "treshold", "0.3"), 400, "bad_request", "treshold"},
		{"a typo in JSON", "POST", "/v1/detect", func() (string, []byte) { return "application/json", json64(`,"text":"dog","treshold":1`) }, 400, "bad_request", "treshold"},
		{"no number", "POST", "/v1/detect", formOf("text", "a dog", "threshold", "NaN"), 400, "bad_request", ""},
		{"out of range", "POST", "/v1/detect", formOf("text", "a dog", "threshold", "1.5"), 400, "bad_request", "threshold"},
		{"phrase not there", "POST", "/v1/detect", formOf("text", "a dog", "phrase", "cat"), 400, "bad_query", "cat"},
		{"span beyond", "POST", "/v1/detect", formOf("text", "a dog", "span", "2:90"), 400, "bad_query", "span"},
		{"no noun", "POST", "/v1/detect", formOf("text", "of the"), 400, "bad_query", ""},
		{"both", "POST", "/v1/detect", formOf("text", "a dog", "class", "cat"), 400, "bad_query", "classes"},
		{"long sentence", "POST", "/v1/detect", formOf("text", strings.Repeat("a dog ", 30)), 413, "too_large", "--max-sentence"},
		{"many phrases", "POST", "/v1/detect", formOf("class", "a", "class", "b", "class", "c", "class", "d", "class", "e", "class", "f"), 413, "too_large", "--max-phrases"},
		{"no such picture", "POST", "/v1/detect", func() (string, []byte) { return "application/json", []byte(`{"image_id":"00","text":"a dog"}`) }, 404, "no_image", ""},
		{"no picture's bytes", "POST", "/v1/detect", func() (string, []byte) { return form(t, []byte("hello"), "text", "a dog") }, 400, "bad_picture", ""},
		{"cut short", "POST", "/v1/detect", func() (string, []byte) { return form(t, image[:len(image)/2], "text", "a dog") }, 400, "bad_picture", ""},
		{"a bomb", "POST", "/v1/detect", func() (string, []byte) { return form(t, headed(20000, 20000), "text", "a dog") }, 413, "too_large", "--max-"},
		{"long body", "POST", "/v1/detect", func() (string, []byte) { return "application/json", bytes.Repeat([]byte(" "), 1<<20+1) }, 413, "too_large", "--max-body"},
		{"not JSON", "POST", "/v1/detect", func() (string, []byte) { return "application/json", []byte(`{"text":`) }, 400, "bad_request", ""},
		{"two captions aligned", "POST", "/v1/align", formOf("class", "x"), 200, "", ""},
		{"unknown model", "POST", "/v2/models/other/infer", func() (string, []byte) { return "application/json", []byte(`{}`) }, 404, "no_model", "other"},
		{"kept, not there", "GET", "/v1/images/zz", nil, 404, "no_image", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			kind, body := "", []byte(nil)
			if c.body != nil {
				kind, body = c.body()
			}
			status, _, answer := r.call(t, c.method, c.path, kind, body)
			said, _ := answer["error"].(string)
			code, _ := answer["code"].(string)
			if status != c.status || code != c.code || !strings.Contains(said, c.says) || c.status != 200 && len(said) < 10 {
				t.Errorf("%d %v, want %d %s with %q", status, answer, c.status, c.code, c.says)
			}
			for _, secret := range []string{"/work", "passwd", "glipvk.", "goroutine", ".go:", "not a readable picture or array"} {
				if strings.Contains(said, secret) {
					t.Errorf("%q has %q in it", said, secret)
				}
			}
		})
	}
}

// fake is a detector that answers at once, or when it is told to.
type fake struct {
	detector
	tokenizer *text.Tokenizer
	mu        sync.Mutex
	fail      func() error
	closed    int
}

func (f *fake) Tokenizer() *text.Tokenizer { return f.tokenizer }
func (f *fake) MaxTokens() int             { return 256 }
func (f *fake) SizeFor(picture.Extent) (glipvk.InputSize, error) {
	return glipvk.InputSize{Batch: 1, Height: 64, Width: 64}, nil
}
func (f *fake) Extent(context.Context, glipvk.InputSize, text.Query) (glipvk.Extent, error) {
	return glipvk.Extent{Height: 64, Width: 64, Tokens: 8, Labels: 1, Captions: 1}, nil
}
func (f *fake) Preprocess(...picture.Picture) (picture.Input, error) {
	return picture.Input{Batch: 1, Height: 64, Width: 64, Data: make([]float32, 1)}, nil
}
func (f *fake) Knows(string) bool    { return false }
func (f *fake) Forget()              {}
func (f *fake) ForgetPicture(string) {}
func (f *fake) Batch(context.Context, glipvk.InputSize, text.Query) (bool, time.Duration, error) {
	return true, time.Second, nil
}
func (f *fake) Memory() memory { return memory{} }
func (f *fake) Warm(context.Context, glipvk.InputSize, text.Query) error {
	return nil
}
func (f *fake) CloseWithin(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return nil
}

func (f *fake) Detect(ctx context.Context, asks []ask) ([][]glipvk.Detection, glipvk.Report, error) {
	f.mu.Lock()
	fail := f.fail
	f.mu.Unlock()
	if fail != nil {
		if err := fail(); err != nil {
			return nil, glipvk.Report{}, err
		}
	}
	for _, a := range asks {
		if _, err := a.load(ctx); err != nil {
			return nil, glipvk.Report{}, err
		}
	}
	return make([][]glipvk.Detection, len(asks)), glipvk.Report{}, nil
}

// opening is an opener of fakes.
func (f *fake) opening(context.Context) (detector, glipvk.Info, glipvk.DeviceInfo, error) {
	return f, glipvk.Info{Name: "fake"}, glipvk.DeviceInfo{Name: "nothing"}, nil
}

func newFake() *fake { return &fake{tokenizer: text.BERT()} }

// A failure of ours is an internal error, of which the client learns an ID alone; the server lives.
func TestInternal(t *testing.T) {
	f := newFake()
	f.fail = func() error { return errors.New("open /secret/file: no such thing") }
	r := start(t, func(o *Options) { o.open = f.opening })
	kind, body := form(t, read(t, scene), "text", "a dog")
	status, header, answer := r.call(t, "POST", "/v1/detect", kind, body)
	if status != 500 || answer["error"] != "internal error, request "+header.Get("X-Request-Id") || !strings.Contains(r.log.String(), "/secret/file") {
		t.Error(status, answer, r.log)
	}
	f.mu.Lock()
	f.fail = func() error { panic("at /secret/line") }
	f.mu.Unlock()
	if status, _, answer = r.call(t, "POST", "/v1/detect", kind, body); status != 500 || strings.Contains(answer["error"].(string), "secret") {
		t.Error(status, answer)
	}
	f.mu.Lock()
	f.fail = nil
	f.mu.Unlock()
	if status, _, answer = r.call(t, "POST", "/v1/detect", kind, body); status != 200 {
		t.Error(status, answer)
	}
	if n := metric(t, r, "glip_panics_total"); n != 1 {
		t.Errorf("%g panics were counted", n)
	}
}

// metric is the value of a series.
func metric(t testing.TB, r *running, series string) float64 {
	t.Helper()
	a, err := http.Get(r.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	data, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			var v float64
			if err := json.Unmarshal([]byte(rest), &v); err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	return math.NaN()
}
