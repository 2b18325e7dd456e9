package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// What docs/serve has for those who run a server can be read, names metrics that there are, flags that there are, and probes that are answered.
func TestDeployment(t *testing.T) {
	r := start(t, nil)
	kind, body := form(t, read(t, scene), "text", "a dog")
	r.call(t, "POST", "/v1/detect", kind, body) // whose route has series only then
	a, err := http.Get(r.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	metrics, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	dashboard, alerts := read(t, "../docs/serve/dashboard.json"), read(t, "../docs/serve/alerts.yaml")
	if !json.Valid(dashboard) {
		t.Error("dashboard.json is no JSON")
	}
	name := regexp.MustCompile(`\b(glip|http_server|process)_[a-z_]+`)
	found := 0
	for _, file := range [][]byte{dashboard, alerts} {
		for _, metric := range name.FindAll(file, -1) {
			if strings.HasPrefix(string(metric), "http_response") {
				continue
			}
			found++
			if !bytes.Contains(metrics, append([]byte("\n"), metric...)) {
				t.Errorf("%s: there is no such metric", metric)
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d names of metrics", found)
	}
	paths := map[string]bool{}
	for _, file := range []string{"../docs/serve/alerts.yaml", "../docs/serve/kubernetes.yaml"} {
		d := yaml.NewDecoder(bytes.NewReader(read(t, file)))
		for {
			var document map[string]any
			if err := d.Decode(&document); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			probes(document, paths)
		}
	}
	for path := range paths {
		if status, _, _ := r.call(t, "GET", path, "", nil); status != 200 {
			t.Errorf("probe %s: %d", path, status)
		}
	}
	if !slices.Equal(sorted(paths), []string{"/v2/health/live", "/v2/health/ready"}) {
		t.Errorf("probes ask %v", paths)
	}
}

// probes finds the paths of probes.
func probes(v any, paths map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if get, ok := v["httpGet"].(map[string]any); ok {
			paths[get["path"].(string)] = true
		}
		for _, inner := range v {
			probes(inner, paths)
		}
	case []any:
		for _, inner := range v {
			probes(inner, paths)
		}
	}
}

func sorted(set map[string]bool) (list []string) {
	for s := range set {
		list = append(list, s)
	}
	slices.Sort(list)
	return list
}
