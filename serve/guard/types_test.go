package guard

import (
	"strings"
	"testing"
)

// Rule 13.4: what a form or a script without permission can send is no body of ours.
func TestRule13_4(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	attacks := map[string]string{
		"text":             request("POST /v1/detect", "{}", "Content-Type: text/plain"),
		"a form":           request("POST /v1/detect", "{}", "Content-Type: "+form),
		"none":             request("POST /v1/detect", "{}"),
		"empty":            request("POST /v1/detect", "{}", "Content-Type: "),
		"two":              request("POST /v1/detect", "{}", asJSON, "Content-Type: text/plain"),
		"of another route": request("POST /v1/detect", "{}", "Content-Type: image/png"),
		"a form to infer":  request("POST /v2/models/m/infer", "{}", "Content-Type: "+form),
		"text to infer":    request("POST /v2/models/m/infer", "{}", "Content-Type: text/plain"),
		"nearly":           request("POST /v1/detect", "{}", "Content-Type: application/jsonp"),
		"hidden":           request("POST /v1/detect", "{}", "Content-Type: text/plain; application/json"),
		"SVG":              request("POST /v1/images", "<svg/>", "Content-Type: image/svg+xml"),
	}
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			rule(t, Options{}, func(w *weak) { w.types = true }, func(t *testing.T, s *site) bool {
				status, _, body := s.raw(t, attack)
				if status != 200 && (status != 415 || code(body) != "bad_type" || !strings.Contains(body, "takes ")) {
					t.Errorf("%d %s", status, body)
				}
				return s.calls.Load() > 0
			})
		})
	}
}

// Each route takes what its protocol has.
func TestTypes(t *testing.T) {
	s := open(t, Options{})
	for line, types := range map[string][]string{
		"POST /v1/detect":         {"application/json", "Application/JSON; charset=utf-8", "multipart/form-data; boundary=x"},
		"POST /v1/images":         {"image/png", "image/jpeg", "multipart/form-data; boundary=x"},
		"POST /v2/models/m/infer": {"", "application/json", "application/octet-stream"},
		"POST /hf/m":              {"", "image/png", "text/plain", "application/json"},
	} {
		for _, kind := range types {
			headers := []string{"Content-Type: " + kind}
			if kind == "" {
				headers = nil
			}
			if status, _, body := s.raw(t, request(line, "{}", headers...)); status != 200 {
				t.Errorf("%s of %q: %d %s", line, kind, status, body)
			}
		}
	}
}
