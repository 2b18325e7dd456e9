package guard

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/serve/api"
)

// h2c is a client of HTTP/2 without TLS.
func h2c(t testing.TB) *http.Client {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: p}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// grpc sends an empty message as gRPC does, and is its status, message and the answer's headers.
func (s *site) grpc(t testing.TB, path string, change func(*http.Request)) (status, message string, header http.Header) {
	t.Helper()
	r, err := http.NewRequest("POST", "http://"+s.at+path, bytes.NewReader(make([]byte, 5)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/grpc+proto")
	r.Header.Set("TE", "trailers")
	if change != nil {
		change(r)
	}
	answer, err := h2c(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 200 || answer.ProtoMajor != 2 {
		t.Errorf("HTTP/%d status %d", answer.ProtoMajor, answer.StatusCode)
	}
	of := answer.Trailer
	if of.Get("Grpc-Status") == "" {
		of = answer.Header
	}
	return of.Get("Grpc-Status"), of.Get("Grpc-Message"), answer.Header
}

// To gRPC every refusal is gRPC's: its clients take all else for UNKNOWN.
func TestRefusalsInGRPC(t *testing.T) {
	const live = "/inference.GRPCInferenceService/ServerLive"
	tokens := newTokens(t, "a-token-of-some-length")
	s := open(t, Options{Tokens: tokens, Limits: api.Limits{Body: 100}})
	for _, c := range []struct {
		name, path, want string
		change           func(*http.Request)
	}{
		{"host", live, "7", func(r *http.Request) { r.Host = "evil.example" }},
		{"origin", live, "7", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }},
		{"token", live, "16", func(r *http.Request) { r.Header.Del("Authorization") }},
		{"service", "/inference.Other/ServerLive", "12", nil},
		{"path", "/inference.GRPCInferenceService/../x", "5", nil},
		{"type", "/v1/detect", "3", nil},
		{"length", live, "8", func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat("x", 106))), 106
		}},
		{"length without a word", live, "8", func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat("x", 106))), -1
		}},
		{"none", live, "0", func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat("x", 105))), -1
		}},
	} {
		status, message, header := s.grpc(t, c.path, func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer a-token-of-some-length")
			if c.change != nil {
				c.change(r)
			}
		})
		if status != c.want || (message == "") != (c.want == "0") || header.Get("X-Request-Id") == "" {
			t.Errorf("%s: grpc-status %s %q, want %s", c.name, status, message, c.want)
		}
	}
}

// A refusal says when to ask again in gRPC too, and only gRPC is answered in gRPC.
func TestRefuse(t *testing.T) {
	for kind, grpc := range map[string]bool{"application/grpc": true, "application/grpc-web+proto": true, "application/grpcish": false, "application/json": false, "": false} {
		s := open(t, Options{}, Route{Pattern: "POST /busy", Types: Anything, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			refusal := api.Refuse(api.Overloaded, "the queue is full")
			refusal.Retry = 7e9
			Refuse(w, r, refusal)
		})})
		r, err := http.NewRequest("POST", "http://"+s.at+"/busy", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		answer, err := h2c(t).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		after := answer.Header.Get("Retry-After") + answer.Trailer.Get("Retry-After")
		if after != "7" || (answer.StatusCode == 200) != grpc || !grpc && code(string(body)) != "overloaded" {
			t.Errorf("%q: %d, after %q: %s", kind, answer.StatusCode, after, body)
		}
		if v := <-s.visited; v.Code != api.Overloaded || v.Err == nil || v.Route != "POST /busy" {
			t.Errorf("%+v", v)
		}
	}
}

// A refusal after the answer has begun cuts the connection: a part is not the whole.
func TestRefuseLate(t *testing.T) {
	s := open(t, Options{}, Route{Pattern: "GET /late", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "[1,2,")
		w.(http.Flusher).Flush()
		Refuse(w, r, api.Refuse(api.DeviceLost, "the device is gone"))
	})})
	if status, _, body := s.raw(t, request("GET /late", "")); status != 200 || !strings.HasPrefix(body, "[1,2,\n") || !strings.Contains(body, "EOF") {
		t.Errorf("%d %q", status, body)
	}
	if v := <-s.visited; v.Code != api.DeviceLost {
		t.Errorf("%+v", v)
	}
	if log := s.log.String(); strings.Contains(log, "panic") {
		t.Errorf("the log says %s", log)
	}
}
