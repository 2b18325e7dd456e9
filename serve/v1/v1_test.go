package v1

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/internal/fake"
)

// backend is a model that computes nothing, keeps one picture and remembers what it was asked.
type backend struct {
	fake.Answerer
	asked api.Question
	kept  *Kept
	err   error // of everything but questions
}

func (b *backend) Answer(ctx context.Context, q api.Question) (api.Answer, error) {
	b.asked = q
	if err := q.Check(b.Info().Limits); err != nil {
		return api.Answer{}, err
	}
	a, err := b.Answerer.Answer(ctx, q)
	if err == nil {
		a.Pictures[0].Kept = q.Pictures[0].Kept
		a.Timing = api.Timing{Queue: time.Second, Decode: 2 * time.Second, Picture: 3 * time.Second, Caption: 4 * time.Second, Grounding: 5 * time.Second, Total: 15 * time.Second, Batch: 2}
	}
	return a, err
}

func (b *backend) About() About { return About{Model: "glip", State: "ready", Ready: true} }

func (b *backend) Align(_ context.Context, q api.Question) (Alignment, error) {
	b.asked = q
	if err := q.Check(b.Info().Limits); err != nil {
		return Alignment{}, err
	}
	return Alignment{Model: "glip", Caption: q.Texts[0], Tokens: []Answering{}, Words: []Answering{}, Maps: []byte{255, 0}, WordMaps: []byte{}}, b.err
}

func (b *backend) Tokens(text string) (Tokens, error) {
	return Tokens{Tokens: []Token{{text, 0, len(text)}}, Phrases: []Phrase{}, Count: 3, Limit: 256}, b.err
}

func (b *backend) Keep(_ context.Context, data []byte) (Kept, error) {
	if len(data) == 0 {
		return Kept{}, api.Refuse(api.BadPicture, "the picture is empty")
	}
	b.kept = &Kept{ID: "1f", Data: data, Type: "image/png", Width: 4, Height: 3, Expires: 15 * time.Minute}
	return *b.kept, b.err
}

func (b *backend) Kept(id string) (Kept, error) {
	if b.kept == nil || id != b.kept.ID {
		return Kept{}, api.Refuse(api.NoImage, "no such picture is kept")
	}
	return *b.kept, b.err
}

func (b *backend) Forget(id string) error {
	_, err := b.Kept(id)
	b.kept = nil
	return err
}

// picture is a PNG of the project's.
var picture = func() []byte {
	data, err := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=")
	if err != nil {
		panic(err)
	}
	return data
}()

const inJSON = "application/json"

// server is the routes before a backend within limits.
func server(l api.Limits) (*backend, http.Handler) {
	b := &backend{}
	b.Means.Limits = l
	return b, fake.Front(Routes(b))
}

// send asks.
func send(t testing.TB, h http.Handler, method, path, kind string, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	return fake.Send(t.Context(), h, method, path, body, map[string]string{"Content-Type": kind})
}

// form is a body of parts, names and values in turn; one named image is a file.
func form(t testing.TB, parts ...string) (kind string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		create := w.CreateFormField
		if parts[i] == "image" {
			create = func(name string) (io.Writer, error) { return w.CreateFormFile(name, "../../etc/passwd") }
		}
		part, err := create(parts[i])
		if err == nil {
			_, err = part.Write([]byte(parts[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.Bytes()
}

// asJSON is the body of a question about the picture, with what else it has.
func asJSON(more string) []byte {
	return fmt.Appendf(nil, `{"image":"%s"%s}`, base64.StdEncoding.EncodeToString(picture), more)
}

// A question is the same by JSON and as a form, to the last member.
func TestQuestion(t *testing.T) {
	b, h := server(api.Limits{})
	kind, parts := form(t, "text", "a cat, é dog", "phrase", "cat", "span", "7:8", "phrases", "dog", "threshold", "0.25", "iou", "0.5", "max_detections", "7",
		"prompt_form", "demo", "keep", "true", "priority", "2", "image", string(picture))
	var asked []api.Question
	for _, c := range []struct {
		kind string
		body []byte
	}{
		{kind, parts},
		{inJSON, asJSON(`,"text":"a cat, é dog","phrases":["cat","dog"],"spans":[[7,8]],"threshold":0.25,"iou":0.5,"max_detections":7,"prompt_form":"demo","keep":true,"priority":2`)},
	} {
		if w := send(t, h, "POST", "/v1/detect", c.kind, c.body); w.Code != 200 {
			t.Fatal(w.Code, w.Body)
		}
		asked = append(asked, b.asked)
	}
	threshold, iou, most := 0.25, 0.5, 7
	want := api.Question{
		Pictures: []api.Picture{{Data: picture}}, Texts: []string{"a cat, é dog"}, Phrases: []string{"cat", "dog"}, Spans: [][2]int{{7, 8}}, Form: "demo",
		Threshold: &threshold, IoU: &iou, Max: &most, Priority: 2, Keep: true,
	}
	for i, q := range asked {
		if !reflect.DeepEqual(q, want) {
			t.Errorf("%d: %+v, want %+v", i, q, want)
		}
	}
	// A null is a member that is not there.
	if w := send(t, h, "POST", "/v1/detect", inJSON, asJSON(`,"classes":["cat"],"threshold":null,"phrases":null,"spans":null,"iou":null,"max_detections":null,"priority":null,"keep":null,"prompt_form":null`)); w.Code != 200 ||
		!reflect.DeepEqual(b.asked, api.Question{Pictures: want.Pictures, Classes: []string{"cat"}}) {
		t.Errorf("%d %s: %+v", w.Code, w.Body, b.asked)
	}
}

// What is answered is in the words of the protocol: lists never null, seconds, boxes as numbers.
func TestAnswer(t *testing.T) {
	_, h := server(api.Limits{})
	w := send(t, h, "POST", "/v1/detect", inJSON, asJSON(`,"text":"cat","threshold":0.5`))
	want := `{"model":"glip","width":1,"height":1,"captions":["cat"],"phrases":[{"label":1,"phrase":"cat","span":[0,3],"caption":0,"silent":false}],` +
		`"detections":[{"box":[0,0,0,0],"score":0.875,"label":1,"phrase":"cat","span":[0,3]}],` +
		`"timing":{"queue":1,"decode":2,"picture":3,"caption":4,"grounding":5,"total":15,"known":[],"batch":2}}` + "\n"
	if w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != inJSON {
		t.Errorf("%d %s\nwant %s", w.Code, w.Body, want)
	}
	w = send(t, h, "POST", "/v1/detect", inJSON, asJSON(`,"text":"cat","threshold":1`))
	if !strings.Contains(w.Body.String(), `"detections":[]`) {
		t.Error(w.Body)
	}
	w = send(t, h, "POST", "/v1/align", inJSON, asJSON(`,"text":"cat"`))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"maps":"/wA="`) || !strings.Contains(w.Body.String(), `"tokens":[]`) {
		t.Error(w.Code, w.Body)
	}
	w = send(t, h, "POST", "/v1/tokens", inJSON, []byte(`{"text":"a \"cat\""}`))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"truncated_at":null`) || !strings.Contains(w.Body.String(), `"text":"a \"cat\""`) {
		t.Error(w.Code, w.Body)
	}
	w = send(t, h, "GET", "/v1/info", "", nil)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"ready":true`) {
		t.Error(w.Code, w.Body)
	}
	w = send(t, h, "GET", "/v1/openapi.json", "", nil)
	if !json.Valid(w.Body.Bytes()) || w.Header().Get("Content-Type") != inJSON {
		t.Error(w.Code, w.Header())
	}
}

// A picture is kept by its bytes or as a part of a form, given back as it came and forgotten.
func TestKeep(t *testing.T) {
	b, h := server(api.Limits{})
	kind, body := form(t, "image", string(picture))
	for _, c := range []struct {
		kind string
		body []byte
	}{{"image/png", picture}, {"application/octet-stream", picture}, {kind, body}} {
		w := send(t, h, "POST", "/v1/images", c.kind, c.body)
		if w.Code != 201 || w.Body.String() != `{"id":"1f","width":4,"height":3,"expires_in":900}`+"\n" || w.Header().Get("Location") != "/v1/images/1f" {
			t.Fatal(c.kind, w.Code, w.Body, w.Header())
		}
		if !bytes.Equal(b.kept.Data, picture) || cap(b.kept.Data) > len(picture)+64 {
			t.Errorf("%s: %d bytes are kept, in room for %d, of %d", c.kind, len(b.kept.Data), cap(b.kept.Data), len(picture))
		}
	}
	w := send(t, h, "GET", "/v1/images/1f", "", nil)
	if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), picture) || w.Header().Get("Content-Type") != "image/png" || w.Header().Get("Content-Disposition") != "attachment" || w.Header().Get("Cache-Control") != "no-store" {
		t.Error(w.Code, w.Header())
	}
	if w := send(t, h, "POST", "/v1/detect", inJSON, []byte(`{"image_id":"1f","text":"cat"}`)); b.asked.Pictures[0].Kept != "1f" || b.asked.Pictures[0].Data != nil || w.Code != 200 && w.Code != 400 {
		t.Errorf("%d %s: %+v", w.Code, w.Body, b.asked)
	}
	if w := send(t, h, "DELETE", "/v1/images/1f", "", nil); w.Code != 204 || w.Body.Len() > 0 {
		t.Error(w.Code, w.Body)
	}
	if w := send(t, h, "GET", "/v1/images/1f", "", nil); w.Code != 404 {
		t.Error(w.Code, w.Body)
	}
}

// What is wrong is said in words, by status and code.
func TestRefused(t *testing.T) {
	l := api.Limits{Body: 1 << 16, Sentence: 50, Phrases: 3, Phrase: 10, Parts: 8, Depth: 4}
	b, h := server(l)
	b.Means.Limits.Pixels = 1 << 20
	in := func(more string) string { return string(asJSON(more)) }
	ofForm := func(parts ...string) string { return "form " + strings.Join(parts, "|||") }
	with := func(parts ...string) string { return ofForm(append([]string{"image", string(picture)}, parts...)...) }
	for _, row := range []struct {
		method, path, body string
		status             int
		code               api.Code
		says               string
	}{
		{"GET", "/v1/detect", "", 405, api.BadMethod, ""},
		{"GET", "/v1/none", "", 404, api.NotFound, ""},
		{"GET", "/v1/images/..%2fx", "", 404, "", ""},
		{"GET", "/v1/images/none", "", 404, api.NoImage, ""},
		{"DELETE", "/v1/images/none", "", 404, api.NoImage, ""},
		{"POST", "/v1/detect", "", 400, api.BadRequest, "no JSON"},
		{"POST", "/v1/detect", "[]", 400, api.BadRequest, "an object"},
		{"POST", "/v1/detect", "{}", 400, api.BadRequest, "no picture"},
		{"POST", "/v1/detect", "null", 400, api.BadRequest, "no picture"},
		{"POST", "/v1/detect", in(`,"text":"cat"`) + "x", 400, api.BadRequest, "goes on"},
		{"POST", "/v1/detect", in(`,"text":"cat","text":"dog"`), 400, api.BadRequest, "twice"},
		{"POST", "/v1/detect", in(`,"treshold":1`), 400, api.BadRequest, "treshold"},
		{"POST", "/v1/detect", in(`,"text":7`), 400, api.BadRequest, "a string"},
		{"POST", "/v1/detect", in(`,"text":"` + strings.Repeat("x", 51) + `"`), 413, api.TooLarge, ""},
		{"POST", "/v1/detect", in(`,"phrases":"cat"`), 400, api.BadRequest, "an array"},
		{"POST", "/v1/detect", in(`,"phrases":[1]`), 400, api.BadRequest, "a string"},
		{"POST", "/v1/detect", in(`,"phrases":["a","b","c","d"]`), 413, api.TooLarge, "--max-phrases"},
		{"POST", "/v1/detect", in(`,"classes":["` + strings.Repeat("x", 11) + `"]`), 413, api.TooLarge, ""},
		{"POST", "/v1/detect", in(`,"text":"cat","spans":[[0]]`), 400, api.BadRequest, "[0, 5]"},
		{"POST", "/v1/detect", in(`,"text":"cat","spans":[[0,1,2]]`), 400, api.BadRequest, "[0, 5]"},
		{"POST", "/v1/detect", in(`,"text":"cat","spans":[[0,1.5]]`), 400, api.BadRequest, "whole"},
		{"POST", "/v1/detect", in(`,"text":"cat","spans":[["a","b"]]`), 400, api.BadRequest, "number"},
		{"POST", "/v1/detect", in(`,"text":"cat","spans":[[0,1],[0,1],[0,1],[0,1]]`), 413, api.TooLarge, "--max-phrases"},
		{"POST", "/v1/detect", in(`,"text":"cat","spans":[[0,99]]`), 400, api.BadQuery, "span"},
		{"POST", "/v1/detect", in(`,"text":"cat","threshold":"0.5"`), 400, api.BadRequest, "threshold"},
		{"POST", "/v1/detect", in(`,"text":"cat","threshold":-1`), 400, api.BadRequest, "threshold"},
		{"POST", "/v1/detect", in(`,"text":"cat","iou":1e999`), 400, api.BadRequest, ""},
		{"POST", "/v1/detect", in(`,"text":"cat","max_detections":0.5`), 400, api.BadRequest, "whole"},
		{"POST", "/v1/detect", in(`,"text":"cat","max_detections":1e300`), 400, api.BadRequest, "whole"},
		{"POST", "/v1/detect", in(`,"text":"cat","priority":9`), 400, api.BadRequest, "priority"},
		{"POST", "/v1/detect", in(`,"text":"cat","keep":"yes"`), 400, api.BadRequest, "true or false"},
		{"POST", "/v1/detect", in(`,"text":"cat","prompt_form":"train"`), 400, api.BadQuery, "eval or demo"},
		{"POST", "/v1/detect", in(`,"image_id":"x"`), 400, api.BadRequest, "exclude"},
		{"POST", "/v1/detect", `{"image":"?","text":"cat"}`, 400, api.BadRequest, "base64"},
		{"POST", "/v1/detect", `{"image":{"a":[[[[1]]]]}}`, 400, api.BadRequest, "string"},
		{"POST", "/v1/detect", `{"spans":[[[[[1]]]]]}`, 400, api.BadRequest, ""},
		{"POST", "/v1/detect", in(``), 400, api.BadQuery, "nothing to look for"},
		{"POST", "/v1/detect", strings.Repeat(" ", 1<<16+1), 413, api.TooLarge, "--max-body"},
		{"POST", "/v1/detect", ofForm("text", "cat"), 400, api.BadRequest, "no picture"},
		{"POST", "/v1/detect", with("image", "x"), 400, api.BadRequest, "twice"},
		{"POST", "/v1/detect", with("treshold", "1"), 400, api.BadRequest, "treshold"},
		{"POST", "/v1/detect", with("text", "\xff"), 400, api.BadRequest, "UTF-8"},
		{"POST", "/v1/detect", with("text", "cat", "text", "dog"), 400, api.BadRequest, "twice"},
		{"POST", "/v1/detect", with("text", "cat", "threshold", "much"), 400, api.BadRequest, ""},
		{"POST", "/v1/detect", with("text", "cat", "threshold", "0.5 0.5"), 400, api.BadRequest, "goes on"},
		{"POST", "/v1/detect", with("text", "cat", "span", "0-3"), 400, api.BadRequest, "BEGIN:END"},
		{"POST", "/v1/detect", with("text", strings.Repeat("x", 51)), 413, api.TooLarge, "--max-sentence"},
		{"POST", "/v1/detect", with("class", "a", "class", "b", "class", "c", "class", "d"), 413, api.TooLarge, "--max-phrases"},
		{"POST", "/v1/detect", with("a", "", "b", "", "c", "", "d", "", "e", "", "f", "", "g", "", "h", ""), 413, api.TooLarge, "parts"},
		{"POST", "/v1/align", in(`,"treshold":1`), 400, api.BadRequest, "treshold"},
		{"POST", "/v1/tokens", `{"text":"cat","x":1}`, 400, api.BadRequest, `"x"`},
		{"POST", "/v1/tokens", `{"text":"` + strings.Repeat("x", 51) + `"}`, 413, api.TooLarge, ""},
		{"POST", "/v1/tokens", `{"text":7}`, 400, api.BadRequest, "a string"},
		{"POST", "/v1/tokens", `{}{}`, 400, api.BadRequest, "goes on"},
		{"POST", "/v1/images", ofForm("text", "cat"), 400, api.BadRequest, "image"},
		{"POST", "/v1/images", ofForm("image", ""), 400, api.BadPicture, ""},
	} {
		kind, body := inJSON, []byte(row.body)
		if parts, ok := strings.CutPrefix(row.body, "form "); ok {
			kind, body = form(t, strings.Split(parts, "|||")...)
		}
		w := send(t, h, row.method, row.path, kind, body)
		var r struct{ Error, Code string }
		if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil || w.Code != row.status || row.code != "" && r.Code != string(row.code) || !strings.Contains(r.Error, row.says) || len(r.Error) > 400 || strings.Contains(r.Error, "passwd") {
			t.Errorf("%s %s %.80q: %d %s, %v; want %d %s %q", row.method, row.path, row.body, w.Code, w.Body, err, row.status, row.code, row.says)
		}
	}
	for path, kind := range map[string]string{"/v1/detect": "text/plain", "/v1/align": "image/png", "/v1/tokens": "multipart/form-data", "/v1/images": inJSON} {
		if w := send(t, h, "POST", path, kind, picture); w.Code != 415 {
			t.Error(path, kind, w.Code, w.Body)
		}
	}
	if w := send(t, h, "POST", "/v1/detect", "multipart/form-data", []byte("x")); w.Code != 400 {
		t.Error(w.Code, w.Body)
	}
}

// What the backend refuses is passed on, and noted in the call of the request; a failure of ours tells its ID alone.
func TestPassedOn(t *testing.T) {
	b, h := server(api.Limits{})
	for _, code := range api.Codes() {
		b.Err, b.err = api.Refuse(code, "a sentence"), api.Refuse(code, "a sentence")
		for _, path := range []string{"/v1/detect", "/v1/align", "/v1/tokens", "/v1/images"} {
			kind, body := inJSON, asJSON(`,"text":"cat"`)
			switch path {
			case "/v1/tokens":
				body = []byte(`{"text":"cat"}`)
			case "/v1/images":
				kind, body = "image/png", picture
			}
			w := send(t, h, "POST", path, kind, body)
			if w.Code != code.Status() || !strings.Contains(w.Body.String(), `"code":"`+string(code)+`"`) {
				t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, code.Status())
			}
		}
	}
	b.Err = fmt.Errorf("open /secret: no such file")
	if w := send(t, h, "POST", "/v1/detect", inJSON, asJSON(`,"text":"cat"`)); w.Code != 500 || strings.Contains(w.Body.String(), "secret") || !strings.Contains(w.Body.String(), "17") {
		t.Error(w.Code, w.Body)
	}
}

// A picture takes no memory beside its body, however it comes.
func TestMemory(t *testing.T) {
	b, h := server(api.Limits{Body: 64 << 20})
	b.Blind = true
	data := bytes.Repeat([]byte("\x89PNG\x00\xff~"), 3<<20)
	kind, parts := form(t, "image", string(data), "text", "cat")
	for name, ask := range map[string]func() *http.Request{
		"form": func() *http.Request {
			r := httptest.NewRequest("POST", "/v1/detect", bytes.NewReader(parts))
			r.Header.Set("Content-Type", kind)
			return r
		},
		"json": func() *http.Request {
			r := httptest.NewRequest("POST", "/v1/detect", strings.NewReader(`{"image":"`+base64.StdEncoding.EncodeToString(data)+`","text":"cat"}`))
			r.Header.Set("Content-Type", inJSON)
			return r
		},
	} {
		r, w := ask(), httptest.NewRecorder()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h.ServeHTTP(w, r)
		runtime.ReadMemStats(&after)
		took := float64(after.TotalAlloc-before.TotalAlloc) / float64(r.ContentLength)
		if w.Code != 200 || took > 1.2 {
			t.Errorf("%s: %d %.200s, %.2f times the body were allocated, want at most 1.2", name, w.Code, w.Body, took)
		}
	}
}

// FuzzQuestion reads bodies of JSON and of forms: what is taken is within the limits, and its picture is no longer than the body.
func FuzzQuestion(f *testing.F) {
	f.Add(inJSON, asJSON(`,"text":"a cat","phrases":["cat"],"spans":[[0,1]],"threshold":0.5,"keep":true`))
	f.Add(inJSON, []byte(`{"image":"data:image/png;base64,AAAA","classes":["a"],"priority":1e0}`))
	f.Add(inJSON, []byte(`{"image_id":"\u0061","spans":[[-1,9223372036854775808]]}`))
	kind, body := form(f, "image", "x", "text", "a cat", "span", "0:1", "threshold", "1e-1")
	f.Add(kind, body)
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=image\r\n\r\n\r\n--x--"))
	l := api.Limits{Body: 1 << 16, Sentence: 50, Phrases: 3, Phrase: 10, Parts: 8}.Or()
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		r := httptest.NewRequest("POST", "/v1/detect", bytes.NewReader(body))
		r.Header["Content-Type"] = []string{kind}
		size := len(body)
		q, err := parser{l}.asked(r)
		if err != nil {
			if code := api.Refused(err, "").Code; code == api.Internal {
				t.Fatal(err)
			}
			return
		}
		if n := len(q.Pictures); n != 1 || len(q.Pictures[0].Data) > size || len(q.Phrases) > l.Phrases+1 && !strings.HasPrefix(kind, "multipart") {
			t.Fatalf("%+v", q)
		}
		if err := q.Check(l); err != nil && api.Refused(err, "").Code == api.Internal {
			t.Fatal(err)
		}
	})
}
