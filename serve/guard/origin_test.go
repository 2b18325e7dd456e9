package guard

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const asJSON = "Content-Type: application/json"

// Rule 13.3: pages of other sites, and of none, do not send what does something.
func TestRule13_3(t *testing.T) {
	attacks := map[string]string{
		"another site":           request("POST /v1/detect", "{}", asJSON, "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"),
		"of an old browser":      request("POST /v1/detect", "{}", asJSON, "Origin: https://evil.example"),
		"another port":           request("POST /v1/detect", "{}", asJSON, "Origin: http://localhost:3000", "Sec-Fetch-Site: same-site"),
		"a sandboxed frame":      request("POST /v1/detect", "{}", asJSON, "Origin: null"),
		"a file":                 request("POST /v1/detect", "{}", asJSON, "Origin: file://"),
		"an app":                 request("POST /v1/detect", "{}", asJSON, "Origin: app://x"),
		"no origin said":         request("POST /v1/detect", "{}", asJSON, "Sec-Fetch-Site: cross-site"),
		"nearly an allowed one":  request("POST /v1/detect", "{}", asJSON, "Origin: https://good.example.evil.example"),
		"an allowed one by http": request("POST /v1/detect", "{}", asJSON, "Origin: http://good.example"),
		"no type":                request("POST /v2/models/m/infer", "{}", "Origin: https://evil.example"),
		"DELETE":                 request("DELETE /v1/images/1", "", "Origin: https://evil.example"),
	}
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			rule(t, Options{Origins: []string{"https://good.example"}}, func(w *weak) { w.origin = true }, func(t *testing.T, s *site) bool {
				status, header, body := s.raw(t, attack)
				if status != 200 && (status != 403 || code(body) != "cross_origin") || header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("%d %v %s", status, header, body)
				}
				return s.calls.Load() > 0
			})
		})
	}
	t.Run("gRPC", func(t *testing.T) {
		rule(t, Options{}, func(w *weak) { w.origin = true }, func(t *testing.T, s *site) bool {
			s.grpc(t, "/inference.GRPCInferenceService/ServerLive", func(r *http.Request) { r.Header.Set("Origin", "null") })
			return s.calls.Load() > 0
		})
	})
}

// A site that was named may send and read, after its browser asked; no other reads, and nobody gets "*".
func TestOriginAllowed(t *testing.T) {
	s := open(t, Options{Origins: []string{"HTTPS://Good.example:443", "http://[::1]:3000"}, Tokens: newTokens(t, "a-token-of-some-length")})
	ask := func(origin string) (int, http.Header) {
		status, header, _ := s.raw(t, request("OPTIONS /v1/detect", "", "Origin: "+origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization"))
		return status, header
	}
	for _, origin := range []string{"https://good.example", "http://[::1]:3000"} {
		status, h := ask(origin)
		if status != 204 || h.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") || h.Get("Vary") != "Origin" {
			t.Errorf("%s: %d %v", origin, status, h)
		}
		// Also a refusal can be read.
		if status, h, _ := s.raw(t, request("POST /v1/detect", "{}", asJSON, "Sec-Fetch-Site: cross-site", "Origin: "+origin)); status != 401 || h.Get("Access-Control-Allow-Origin") != origin {
			t.Errorf("%s: %d %v", origin, status, h)
		}
		if status, h, _ := s.raw(t, request("POST /v1/detect", "{}", asJSON, "Origin: "+origin, "Authorization: Bearer a-token-of-some-length")); status != 200 || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", origin, status, h)
		}
	}
	for _, origin := range []string{"https://evil.example", "null", "http://good.example", "https://good.example:444"} {
		if status, h := ask(origin); status != 403 || h.Get("Access-Control-Allow-Origin") != "" || h.Get("Vary") != "Origin" {
			t.Errorf("%s: %d %v", origin, status, h)
		}
		if status, h, _ := s.raw(t, request("GET /", "", "Origin: "+origin)); status != 200 || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %v", origin, status, h)
		}
	}
	for _, origin := range []string{"", "*", "null", "file://", "app://x", "good.example", "https://good.example/", "https://good.example?x", "https://a@good.example", "https://*.example", "https://good.example:", "https://good.example#"} {
		if _, err := New(Options{Origins: []string{origin}}); err == nil {
			t.Errorf("--origin %q is taken", origin)
		}
	}
}

// Our own page sends, in browsers of all ages.
func TestOriginOwn(t *testing.T) {
	s := open(t, Options{})
	for _, headers := range [][]string{
		{"Host: localhost:8000", "Origin: http://localhost:8000", "Sec-Fetch-Site: same-origin"},
		{"Host: localhost:8000", "Origin: http://localhost:8000"},
		{"Sec-Fetch-Site: none"},
		nil,
	} {
		if status, _, body := s.raw(t, request("POST /v1/detect", "{}", append(headers, asJSON)...)); status != 200 {
			t.Errorf("%v: %d %s", headers, status, body)
		}
	}
}

// Whatever a request says of where it comes from, what does something comes from here, from nowhere or from a site that was named.
func FuzzOrigin(f *testing.F) {
	for _, s := range []string{"https://good.example", "https://good.example:443", "http://localhost:8000", "null", "file://", "https://good.example\x00.evil", "//localhost:8000", "http://evil@localhost:8000", "HTTP://LOCALHOST:8000"} {
		f.Add("POST", s, "")
		f.Add("DELETE", s, "cross-site")
	}
	f.Add("OPTIONS", "https://good.example", "same-site")
	f.Fuzz(func(t *testing.T, method, origin, fetch string) {
		o, err := newOrigins([]string{"https://good.example"})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "http://localhost:8000/v1/detect", nil)
		r.Method = method
		r.Header.Set("Origin", origin)
		if fetch != "" {
			r.Header.Set("Sec-Fetch-Site", fetch)
		}
		w := httptest.NewRecorder()
		answered, err := o.check(w, r)
		if allow := w.Header()["Access-Control-Allow-Origin"]; (allow != nil) != (origin == "https://good.example") || allow != nil && !slices.Equal(allow, []string{origin}) {
			t.Errorf("%q may read: %v", origin, allow)
		}
		if err != nil || answered || method == "GET" || method == "HEAD" || method == "OPTIONS" {
			return
		}
		u, bad := url.Parse(origin)
		if fetch == "same-origin" || fetch == "none" || origin == "" && fetch == "" || origin == "https://good.example" || fetch == "" && bad == nil && u.Host == "localhost:8000" {
			return
		}
		t.Errorf("%s from %q (%q) passes", method, origin, fetch)
	})
}
