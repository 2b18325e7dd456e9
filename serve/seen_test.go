package serve

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// The metrics are such as Prometheus wants them, all are there from the start, their labels are from fixed sets, and they count what was sent.
func TestMetrics(t *testing.T) {
	r := start(t, nil)
	scrape := func() string {
		a, err := http.Get(r.url + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = a.Body.Close() }()
		data, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	first := scrape()
	problems, err := promlint.New(strings.NewReader(first)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	for name, labels := range map[string][]string{
		"http_server_request_duration_seconds": {"http_request_method", "http_route", "http_response_status_code"},
		"glip_requests_total":                  {"model", "protocol", "code"}, "glip_pictures_total": {"model"}, "glip_stage_seconds": {"stage"},
		"glip_queue_depth": {"priority"}, "glip_queue_bytes": {"priority"}, "glip_computing": {"priority"}, "glip_rejected_total": {"reason"},
		"glip_cancelled_total": {"state"}, "glip_batch_size": nil, "glip_known_total": {"what", "hit"}, "glip_program_compilations_total": nil,
		"glip_device_lost_total": nil, "glip_panics_total": nil, "glip_device_memory_bytes": {"kind"}, "glip_images_kept": nil, "glip_images_kept_bytes": nil,
		"glip_build_info": {"version", "goversion", "device", "model"}, "go_goroutines": nil, "process_resident_memory_bytes": nil,
	} {
		family := families[name]
		if family == nil {
			if name != "http_server_request_duration_seconds" { // whose series are made by requests
				t.Errorf("%s is not there from the start", name)
			}
			continue
		}
		for _, m := range family.Metric {
			var got []string
			for _, l := range m.Label {
				got = append(got, l.GetName())
			}
			slices.Sort(got)
			slices.Sort(labels)
			if !slices.Equal(got, labels) {
				t.Errorf("%s has the labels %v, want %v", name, got, labels)
			}
		}
	}
	kind, body := form(t, read(t, scene), "text", "a dog")
	for range 3 {
		r.call(t, "POST", "/v1/detect", kind, body)
	}
	kind, body = form(t, []byte("no picture"), "text", "a dog")
	r.call(t, "POST", "/v1/detect", kind, body)
	for i := range 20 {
		r.call(t, "GET", fmt.Sprint("/a/path/of/its/own/", i), "", nil)
	}
	for series, want := range map[string]float64{
		`glip_requests_total{code="ok",model="glip",protocol="v1"}`:          3,
		`glip_requests_total{code="bad_picture",model="glip",protocol="v1"}`: 1,
		`glip_pictures_total{model="glip"}`:                                  3,
		`glip_known_total{hit="true",what="picture"}`:                        2,
		`glip_known_total{hit="false",what="picture"}`:                       1,
		`http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="200",http_route="/v1/detect"}`: 3,
		`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="404",http_route="none"}`:        20,
	} {
		if got := metric(t, r, series); got != want {
			t.Errorf("%s is %g, want %g", series, got, want)
		}
	}
	if strings.Contains(scrape(), "path/of") {
		t.Error("a path made a series")
	}
}

// Rule 13.15: a line of the log says what was asked and how long it took, and nothing of what a client sent.
func TestRule13_15_Log(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("planted-token-0123456789 annotators\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, func(o *Options) { o.TokenFile = tokens })
	kind, body := form(t, read(t, scene), "text", "a planted-sentence dog")
	ask := func(token string) int {
		q, err := http.NewRequestWithContext(t.Context(), "POST", r.url+"/v1/detect?secret=planted-query", strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", kind)
		q.Header.Set("X-Request-Id", "my-own.id_7")
		q.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
		q.Header.Set("User-Agent", "evil\nagent")
		q.Header["User-Agent"] = []string{"an agent \"quoted\""}
		if token != "" {
			q.Header.Set("Authorization", "Bearer "+token)
		}
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = a.Body.Close() }()
		if id := a.Header.Get("X-Request-Id"); id != "my-own.id_7" {
			t.Errorf("the ID is %q", id)
		}
		return a.StatusCode
	}
	if status := ask("planted-wrong-token-99"); status != 401 {
		t.Error(status)
	}
	if status := ask("planted-token-0123456789"); status != 200 {
		t.Error(status)
	}
	if got := r.metrics.counted(t, "v1", "unauthorized"); got != 1 {
		t.Errorf("%g requests without a right token are counted", got)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	log := r.log.String()
	if strings.Contains(log, "planted") {
		t.Errorf("the log has what a client sent:\n%s", log)
	}
	var found bool
	for line := range strings.Lines(log) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if entry["msg"] != "request" || entry["status"] != 200.0 || entry["route"] != "/v1/detect" {
			continue
		}
		found = true
		for key, want := range map[string]any{
			"id": "my-own.id_7", "method": "POST", "client": "annotators", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "model": "glip", "pictures": 1.0,
		} {
			if entry[key] != want {
				t.Errorf("%s is %v, want %v", key, entry[key], want)
			}
		}
		for _, key := range []string{"time", "level", "bytes_in", "bytes_out", "duration", "queue", "compute", "detections", "known", "ua"} {
			if entry[key] == nil {
				t.Errorf("no %s in %s", key, line)
			}
		}
	}
	if !found {
		t.Errorf("no line of the request in\n%s", log)
	}
}

// counted is how many requests of a protocol ended so.
func (m *metrics) counted(t testing.TB, protocol, code string) float64 {
	t.Helper()
	return testutil.ToFloat64(m.requests.WithLabelValues(protocol, code))
}

// A trace's ID is taken as W3C has it, and not otherwise.
func TestTrace(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for header, want := range map[string]string{
		"00-" + id + "-00f067aa0ba902b7-01":                      id,
		"01-" + id + "-00f067aa0ba902b7-01-more":                 id,
		"ff-" + id + "-00f067aa0ba902b7-01":                      "",
		"00-" + strings.ToUpper(id) + "-00f067aa0ba902b7-01":     "",
		"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01": "",
		"00-" + id[1:] + "-00f067aa0ba902b7-01":                  "",
		"00-" + id + "-00f067aa0ba902b7":                         "",
		"":                                                       "",
	} {
		if got := trace(header); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}
