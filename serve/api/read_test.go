package api

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// code is the code of a refusal; "" for no error.
func code(t *testing.T, err error) Code {
	t.Helper()
	if err == nil {
		return ""
	}
	r, ok := errors.AsType[*Refusal](err)
	if !ok {
		t.Fatalf("%v is no refusal", err)
	}
	return r.Code
}

// tree reads a document by all of JSON's methods: what is named text, base64, raw or scalar by those, the rest by its kind.
func tree(j *JSON, name string) (v any, err error) {
	switch {
	case name == "skip":
		return "skipped", nil
	case name == "text":
		return j.Text(8)
	case name == "base64":
		b, err := j.Base64()
		return string(b), err
	case name == "raw":
		b, err := j.Raw()
		return string(b), err
	case j.Is('{'):
		m := map[string]any{}
		err := j.Object(func(name string) error {
			v, err := tree(j, name)
			m[name] = v
			return err
		})
		return m, err
	case j.Is('['):
		l := []any{}
		err := j.Array(func(int) error {
			v, err := tree(j, "")
			l = append(l, v)
			return err
		})
		return l, err
	}
	return j.Scalar()
}

func TestJSON(t *testing.T) {
	type object = map[string]any
	for _, row := range []struct {
		text string
		want any
		code Code
	}{
		{`{"a":[1,"x",true,null,[]],"b":{}}`, object{"a": []any{1.0, "x", true, nil, []any{}}, "b": object{}}, ""},
		{`{"text":"\u00e9\n","raw": [1, {"a" : "\""}] ,"skip":{"a":[1]}}`, object{"text": "é\n", "raw": `[1, {"a" : "\""}]`, "skip": "skipped"}, ""},
		{`{"base64":"AAEC"}`, object{"base64": "\x00\x01\x02"}, ""},
		{`{"base64":"data:image/png;base64,\/\/8="}`, object{"base64": "\xff\xff"}, ""},
		{`{"base64":null,"text":null}`, object{"base64": "", "text": ""}, ""},
		{`{"a":1,"a":2}`, object{"a": 2.0}, ""},
		{`{"text":"123456789"}`, nil, TooLarge},
		{`{"text":1}`, nil, BadRequest},
		{`{"base64":["AAAA"]}`, nil, BadRequest},
		{`{"base64":"A?"}`, nil, BadRequest},
		{`{"base64":"A"}`, nil, BadRequest},
		{`[[[[[]]]]]`, nil, BadRequest},
		{`{"skip":[[[[]]]]}`, nil, BadRequest},
		{`{"raw":[[[[]]]]}`, nil, BadRequest},
		{`{"a":}`, nil, BadRequest}, {`{"a"`, nil, BadRequest}, {`{`, nil, BadRequest}, {``, nil, BadRequest}, {`{"raw":[1`, nil, BadRequest},
		{`{"a":1}x`, nil, BadRequest}, {`{"a":1} {}`, nil, BadRequest}, {"{\"\xff\":1}", nil, BadRequest}, {`{"a":1e999}`, nil, BadRequest},
		{`{"a":"` + strings.Repeat("x", 300) + `"}`, nil, TooLarge},
	} {
		j := ReadJSON([]byte(row.text), 4)
		got, err := tree(j, "")
		if err == nil {
			err = j.End()
		}
		if code(t, err) != row.code {
			t.Errorf("%s: %v, want %q", row.text, err, row.code)
		}
		if err == nil && !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: %v, want %v", row.text, got, row.want)
		}
	}
}

// What a client sends comes back cut, and no error names a Go type or a package.
func TestJSONWords(t *testing.T) {
	name := strings.Repeat("n", 1000)
	for _, text := range []string{`{"` + name + `":[}`, `{"` + name + `":{"text":1}}`, `{"text":` + name + `}`, `{"x":{"base64":"?"}}`} {
		_, err := tree(ReadJSON([]byte(text), 4), "")
		if err == nil || len(err.Error()) > 300 || strings.Contains(err.Error(), "json") || strings.Contains(err.Error(), "*") {
			t.Errorf("%.40s: %v", text, err)
		}
	}
	if got := Cut(strings.Repeat("é", 40) + "\xff"); got != strings.Repeat("é", 32)+"..." || Cut("\xff") != "\uFFFD" || Cut("a") != "a" {
		t.Errorf("%q %q", got, Cut("\xff"))
	}
	if got := CutTo(strings.Repeat("\x80", 300), 200); got != "..." {
		t.Errorf("%q", got)
	}
}

// A picture in base64 takes no memory beside its text, and a hostile list of names none for each.
func TestJSONMemory(t *testing.T) {
	for about, text := range map[string]string{
		"base64": `{"base64":"` + strings.Repeat("AAAA", 1<<20) + `"}`,
		"names":  `{"skip":{` + strings.Repeat(`"a":0,`, 1<<19) + `"b":0}}`,
	} {
		body := []byte(text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := ReadJSON(body, 4).Object(func(name string) error { return nil }); err != nil {
			t.Error(err)
		}
		j := ReadJSON(body, 4)
		err := j.Object(func(name string) error {
			if name == "base64" {
				_, err := j.Base64()
				return err
			}
			return nil
		})
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; err != nil || took > 1<<16 {
			t.Errorf("%s: %d bytes beside the %d of the text (%v)", about, took, len(body), err)
		}
	}
}

func FuzzBase64(f *testing.F) {
	for _, text := range []string{"AAEC", "AA==", "AA", "A", "_-8", "+/8=", "data:image/png;base64,AAEC", "data:,x", "AA\r\nEC\n", "====", "A=AA", ""} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		given := string(text)
		got, err := Base64(text)
		if err != nil {
			return
		}
		plain := given
		if strings.HasPrefix(given, "data:") {
			_, plain, _ = strings.Cut(given, ",")
		}
		plain = strings.NewReplacer("\r", "", "\n", "", "-", "+", "_", "/").Replace(plain)
		want, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(plain, "="))
		if err != nil || string(got) != string(want) {
			t.Fatalf("%q is %q, want %q (%v)", given, got, want, err)
		}
	})
}

func TestBody(t *testing.T) {
	timeout := os.ErrDeadlineExceeded
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, row := range []struct {
		about  string
		body   io.Reader
		length int64
		ctx    context.Context
		want   Code
	}{
		{"whole", strings.NewReader("12345"), 5, t.Context(), ""},
		{"of unknown length", strings.NewReader("12345"), -1, t.Context(), ""},
		{"too long by its length", strings.NewReader("123456"), 6, t.Context(), TooLarge},
		{"too long", strings.NewReader("123456"), -1, t.Context(), TooLarge},
		{"too short", strings.NewReader("1234"), 5, t.Context(), BadRequest},
		{"too slow", iotest.ErrReader(timeout), 5, t.Context(), Slow},
		{"cut off", iotest.ErrReader(io.ErrUnexpectedEOF), -1, gone, Cancelled},
		{"refused by its reader", iotest.ErrReader(Refuse(BadEncoding, "no gzip")), -1, t.Context(), BadEncoding},
		{"bounded by its reader", iotest.ErrReader(&http.MaxBytesError{Limit: 5}), -1, t.Context(), TooLarge},
	} {
		r := httptest.NewRequestWithContext(row.ctx, http.MethodPost, "/", row.body)
		r.ContentLength = row.length
		body, err := Body(r, 5)
		if code(t, err) != row.want || err == nil && string(body) != "12345" {
			t.Errorf("%s: %q, %v, want %q", row.about, body, err, row.want)
		}
	}
}

func TestCheck(t *testing.T) {
	number := func(f float64) *float64 { return &f }
	most := func(n int) *int { return &n }
	many := make([]string, 1204)
	for i := range many {
		many[i] = "a"
	}
	for _, row := range []struct {
		about  string
		change func(q *Question)
		want   Code
	}{
		{"right", func(*Question) {}, ""},
		{"text alone", func(q *Question) { q.Phrases, q.Texts = nil, []string{"a cat"} }, ""},
		{"text with phrases and spans", func(q *Question) { q.Texts, q.Spans = []string{"é cat"}, [][2]int{{0, 1}, {2, 5}} }, ""},
		{"classes", func(q *Question) { q.Phrases, q.Classes = nil, []string{"cat"} }, ""},
		{"all numbers", func(q *Question) {
			q.Threshold, q.IoU, q.Max, q.Priority, q.Timeout = number(0), number(1), most(1), Low, time.Second
		}, ""},
		{"a kept picture", func(q *Question) { q.Pictures[0] = Picture{Kept: "x"} }, ""},
		{"no picture", func(q *Question) { q.Pictures = nil }, BadRequest},
		{"17 pictures", func(q *Question) { q.Pictures = make([]Picture, 17) }, TooLarge},
		{"an empty picture", func(q *Question) { q.Pictures[0].Data = nil }, BadPicture},
		{"a long ID", func(q *Question) { q.ID = strings.Repeat("x", 257) }, BadRequest},
		{"an ID of no text", func(q *Question) { q.ID = "\xff" }, BadRequest},
		{"nothing", func(q *Question) { q.Phrases = nil }, BadQuery},
		{"classes and phrases", func(q *Question) { q.Classes = []string{"a"} }, BadQuery},
		{"two texts", func(q *Question) { q.Texts = []string{"a", "b"} }, BadQuery},
		{"spans without a text", func(q *Question) { q.Spans = [][2]int{{0, 1}} }, BadQuery},
		{"a span beyond", func(q *Question) { q.Texts, q.Spans = []string{"é"}, [][2]int{{0, 2}} }, BadQuery},
		{"a span of nothing", func(q *Question) { q.Texts, q.Spans = []string{"é"}, [][2]int{{1, 1}} }, BadQuery},
		{"a span before", func(q *Question) { q.Texts, q.Spans = []string{"é"}, [][2]int{{-1, 1}} }, BadQuery},
		{"many spans", func(q *Question) { q.Texts, q.Spans = []string{"é"}, make([][2]int, 1204) }, TooLarge},
		{"a form", func(q *Question) { q.Form = "train" }, BadQuery},
		{"an empty phrase", func(q *Question) { q.Phrases = []string{"a", " "} }, BadQuery},
		{"a phrase of no text", func(q *Question) { q.Phrases = []string{"\xff"} }, BadQuery},
		{"a long phrase", func(q *Question) { q.Phrases = []string{strings.Repeat("x", 257)} }, TooLarge},
		{"many phrases", func(q *Question) { q.Phrases = many }, TooLarge},
		{"many classes", func(q *Question) { q.Phrases, q.Classes = nil, many }, TooLarge},
		{"a long text", func(q *Question) { q.Texts = []string{strings.Repeat("x", 8193)} }, TooLarge},
		{"a threshold of 2", func(q *Question) { q.Threshold = number(2) }, BadRequest},
		{"a threshold of NaN", func(q *Question) { q.Threshold = number(math.NaN()) }, BadRequest},
		{"an IoU below 0", func(q *Question) { q.IoU = number(-0.1) }, BadRequest},
		{"no detections", func(q *Question) { q.Max = most(0) }, BadRequest},
		{"a priority", func(q *Question) { q.Priority = 3 }, BadRequest},
		{"a timeout", func(q *Question) { q.Timeout = -1 }, BadRequest},
	} {
		q := Question{Pictures: []Picture{{Data: []byte("x")}}, Phrases: []string{"cat"}}
		row.change(&q)
		if err := q.Check(Limits{}); code(t, err) != row.want {
			t.Errorf("%s: %v, want %q", row.about, err, row.want)
		}
	}
}

// What a protocol refuses reaches the log's call, and contexts have codes.
func TestCall(t *testing.T) {
	for err, want := range map[error]Code{
		nil: "", context.Canceled: Cancelled, context.DeadlineExceeded: Deadline, errors.New("x"): Internal, Refuse(BadQuery, "x"): BadQuery,
	} {
		call := &Call{ID: "17"}
		r := httptest.NewRequestWithContext(WithCall(t.Context(), call), http.MethodGet, "/", nil)
		w := httptest.NewRecorder()
		Handler(func(*http.Request) (any, error) { return "a<b", err }).ServeHTTP(w, r)
		if err == nil && (w.Body.String() != "\"a<b\"\n" || call.Refusal != nil) || err != nil && call.Refusal.Code != want {
			t.Errorf("%v: %+v, %s", err, call, w.Body)
		}
	}
	w := httptest.NewRecorder()
	Handler(func(*http.Request) (any, error) { return math.NaN(), nil }).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "NaN") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
