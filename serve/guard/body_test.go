package guard

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/serve/api"
)

// pack puts a Content-Encoding on.
func pack(coding string, data []byte) []byte {
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip", "x-gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "raw":
		w, _ = flate.NewWriter(&b, 9)
	}
	_, _ = w.Write(data)
	w.Close()
	return b.Bytes()
}

// Rule 13.6: a body is bounded as it is sent and as it is decoded, whatever it says of itself.
func TestRule13_6(t *testing.T) {
	zeros := make([]byte, 10<<20)
	chunks := func(data string) string {
		return "POST /v1/detect HTTP/1.1\r\nHost: localhost\r\n" + asJSON + "\r\nTransfer-Encoding: chunked\r\n\r\n186a1\r\n" + data + "\r\n0\r\n\r\n"
	}
	for name, attack := range map[string]string{
		"a length":       request("POST /v1/detect", strings.Repeat("x", 100001), asJSON),
		"chunks":         chunks(strings.Repeat("x", 100001)),
		"gzip":           request("POST /v1/detect", string(pack("gzip", zeros)), asJSON, "Content-Encoding: gzip"),
		"x-gzip":         request("POST /v1/detect", string(pack("gzip", zeros)), asJSON, "Content-Encoding: X-GZip"),
		"deflate":        request("POST /v1/detect", string(pack("deflate", zeros)), asJSON, "Content-Encoding: deflate"),
		"gzip in pieces": request("POST /v1/detect", strings.Repeat(string(pack("gzip", zeros[:50000])), 3), asJSON, "Content-Encoding: gzip"),
	} {
		t.Run(name, func(t *testing.T) {
			rule(t, Options{Limits: api.Limits{Body: 100000}}, func(w *weak) { w.body = true }, func(t *testing.T, s *site) bool {
				status, _, body := s.raw(t, attack)
				if status != 200 && (status != 413 || code(body) != "too_large" || !strings.Contains(body, "100000") || !strings.Contains(body, "--max-body")) {
					t.Errorf("%d %s", status, body)
				}
				return status == 200
			})
		})
	}
	// One that says that it is too long is refused before it comes.
	if status, _, body := open(t, Options{Limits: api.Limits{Body: 100000}}).raw(t, "POST /v1/detect HTTP/1.1\r\nHost: localhost\r\n"+asJSON+"\r\nContent-Length: 100001\r\n\r\n"); status != 413 {
		t.Errorf("%d %s", status, body)
	}
}

// Bodies are taken up to their limit, with and without an encoding; what is broken or of another is refused.
func TestEncodings(t *testing.T) {
	s := open(t, Options{Limits: api.Limits{Body: 100000}})
	text := bytes.Repeat([]byte("a cat with whiskers "), 5000)
	packed := pack("gzip", text)
	for name, c := range map[string]struct {
		headers, body, want string
	}{
		"as it is":           {"", string(text), "200"},
		"identity":           {"Content-Encoding: identity", string(text), "200"},
		"gzip":               {"Content-Encoding: gzip", string(packed), "200"},
		"gzip in two pieces": {"Content-Encoding: gzip", string(pack("gzip", text[:9])) + string(pack("gzip", text[9:])), "200"},
		"deflate":            {"Content-Encoding: Deflate", string(pack("deflate", text)), "200"},
		"raw deflate":        {"Content-Encoding: deflate", string(pack("raw", text)), "400 bad_request"},
		"not packed":         {"Content-Encoding: gzip", string(text), "400 bad_request"},
		"cut off":            {"Content-Encoding: gzip", string(packed[:len(packed)-5]), "400 bad_request"},
		"spoilt":             {"Content-Encoding: gzip", string(packed[:len(packed)-8]) + "spoilt!!", "400 bad_request"},
		"and more":           {"Content-Encoding: deflate", string(pack("deflate", text)) + "x", "400 bad_request"},
		"and more of gzip":   {"Content-Encoding: gzip", string(packed) + "x", "400 bad_request"},
		"nothing packed":     {"Content-Encoding: gzip", "", "200 of nothing"},
		"brotli":             {"Content-Encoding: br", "x", "415 bad_encoding"},
		"twice":              {"Content-Encoding: gzip, gzip", string(pack("gzip", packed)), "415 bad_encoding"},
		"twice said":         {"Content-Encoding: gzip\r\nContent-Encoding: gzip", string(pack("gzip", packed)), "415 bad_encoding"},
	} {
		headers := []string{asJSON}
		if c.headers != "" {
			headers = append(headers, c.headers)
		}
		status, _, body := s.raw(t, request("POST /v1/detect", c.body, headers...))
		switch {
		case c.want == "200":
			if status != 200 || !strings.Contains(body, `"bytes":100000,`) {
				t.Errorf("%s: %d %s", name, status, body)
			}
		case c.want == "200 of nothing":
			if status != 200 || !strings.Contains(body, `"bytes":0,`) {
				t.Errorf("%s: %d %s", name, status, body)
			}
		case http.StatusText(status) == "" || !strings.HasPrefix(c.want, string(rune('0'+status/100))) || !strings.HasSuffix(c.want, " "+code(body)):
			t.Errorf("%s: %d %s, want %s", name, status, body, c.want)
		}
	}
	// A route may take less than all.
	if status, _, body := s.raw(t, request("POST /v1/tokens", strings.Repeat("x", 1001), asJSON)); status != 413 || !strings.Contains(body, "1000") {
		t.Errorf("%d %s", status, body)
	}
	// What breaks off is the client's fault.
	conn := s.dial(t)
	if _, err := io.WriteString(conn, "POST /v1/detect HTTP/1.1\r\nHost: localhost\r\n"+asJSON+"\r\nContent-Length: 9\r\n\r\n{}"); err != nil {
		t.Fatal(err)
	}
	for len(s.visited) > 0 {
		<-s.visited
	}
	conn.Close()
	if v := <-s.visited; v.Code != api.Cancelled && v.Code != api.BadRequest || v.In != 2 {
		t.Errorf("%+v", v)
	}
}

// No body yields more than its limit, nor an error that is no refusal; what a plain reader of the format takes is taken.
func FuzzEncoding(f *testing.F) {
	for _, coding := range []string{"gzip", "deflate", "identity", "br", "gzip,gzip"} {
		f.Add(coding, []byte("{}"), int16(100))
		f.Add(coding, pack("gzip", []byte("{}")), int16(100))
		f.Add(coding, pack("deflate", make([]byte, 1000)), int16(999))
		f.Add(coding, append(pack("gzip", make([]byte, 1000)), pack("gzip", []byte("x"))...), int16(1000))
	}
	f.Fuzz(func(t *testing.T, coding string, data []byte, limit int16) {
		bound := int64(limit)&0x7fff + 1
		g, err := New(Options{Limits: api.Limits{Body: bound}})
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		var failed error
		g.Handle(Route{Pattern: "POST /x", Types: Anything, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got, failed = api.Body(r, 1<<40)
		})})
		r := httptest.NewRequest("POST", "http://localhost/x", bytes.NewReader(data))
		r.Header.Set("Content-Encoding", coding)
		w := serve(g, r)
		if int64(len(got)) > bound {
			t.Errorf("%d bytes of at most %d", len(got), bound)
		}
		if refusal := (*api.Refusal)(nil); failed != nil && !errors.As(failed, &refusal) {
			t.Errorf("%v is no refusal", failed)
		}
		if coding != "gzip" || len(data) == 0 || int64(len(data)) > bound {
			return
		}
		plain, err := gzip.NewReader(bytes.NewReader(data))
		var want []byte
		if err == nil {
			want, err = io.ReadAll(io.LimitReader(plain, bound+1))
		}
		if err == nil && int64(len(want)) <= bound && (failed != nil || !bytes.Equal(got, want)) {
			t.Errorf("%v, %d %s; %d bytes are %d", failed, w.Code, w.Body, len(want), len(got))
		}
		if err != nil && failed == nil {
			t.Errorf("taken, though %v", err)
		}
	})
}
