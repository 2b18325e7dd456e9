package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk/fetch"
)

// stranger is a user with empty caches.
func stranger(t *testing.T) {
	for _, name := range []string{"HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "TORCH_HOME", "MMENGINE_HOME"} {
		t.Setenv(name, "")
	}
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("LocalAppData", dir)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
}

func TestFetchList(t *testing.T) {
	stranger(t)
	e := glip(t, "fetch", "--list")
	if e.code != 0 || len(strings.Split(strings.TrimSpace(e.stdout), "\n")) != len(fetch.Items())+1 {
		t.Errorf("%+v", e)
	}
	for _, i := range fetch.Items() {
		if !strings.Contains(e.stdout, i.File) || !strings.Contains(e.stdout, i.Sum) {
			t.Errorf("%s is not in the list", i.Name)
		}
	}
	for _, words := range []string{"3.71 GB", "6.90 GB", "0.21 GB", "Apache-2.0", "hub: GLIPModel/GLIP", "github.com", "none published", "c24ce662..."} {
		if !strings.Contains(e.stdout, words) {
			t.Errorf("%q is not in the list", words)
		}
	}
	var list []fetchEntry
	if e = glip(t, "fetch", "--list", "--json"); e.code != 0 || json.Unmarshal([]byte(e.stdout), &list) != nil || len(list) != len(fetch.Items()) || list[0].Name != "glip-t" {
		t.Errorf("%+v", e)
	}
}

func TestFetchEndings(t *testing.T) {
	stranger(t)
	nobody := httptest.NewServer(http.NotFoundHandler())
	defer nobody.Close()
	d := newDesk(t)
	for _, c := range []exitRow{
		{"nothing", []string{"fetch"}, 2, "--list"},
		{"list and names", []string{"fetch", "--list", "glip-t"}, 2, "takes no names"},
		{"unknown", []string{"fetch", "glip-x"}, 2, "glip-t-a, "},
		{"bad mirror", []string{"fetch", "--mirror", "example.org", "glip-t"}, 2, "want that of a folder"},
		{"dead", []string{"fetch", "glip-l-lvis"}, 2, "409"},
		{"offline", []string{"fetch", "--offline", "glip_large_model.pth"}, 1, "offline mode was asked for"},
		{"not there", []string{"fetch", "--mirror", nobody.URL, "glip-t"}, 1, "no such file (404)"},
		{"weights", d.args("--weights", "glip-t", d.path("cat.png")), 2, `--weights glip-t: there is no such file, and the weights of that name (glip_tiny_model_o365_goldg_cc_sbu.pth) are not on this machine: type "glip fetch glip-t" first`},
		{"weights of a detector", []string{"detect", "--weights", "glip_large_model.pth", "--class", "cat", d.path("cat.png")}, 2, `type "glip fetch glip-l" first`},
		{"training", []string{"train", "--data", "x.json", "--weights", "glip-t"}, 2, `type "glip fetch glip-t" first`},
		{"tokens", []string{"tokens", "--weights", "glip-t", "--class", "cat"}, 2, `type "glip fetch glip-t" first`},
		{"inspect", []string{"inspect", "swin-l"}, 2, `type "glip fetch swin-l" first`},
		{"no weights", []string{"inspect", "lvis-od-val"}, 2, "holds no weights"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := glip(t, c.args...)
			if e.code != c.code || !strings.Contains(e.stderr, c.word) || e.stdout != "" {
				t.Errorf("%+v; want %d, %q", e, c.code, c.word)
			}
		})
	}
}

// What was fetched is found under its name.
func TestFetchAndUse(t *testing.T) {
	stranger(t)
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "checkpoints", "mmpretrain-nano.pth"))
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path != "/some/swin_tiny_patch4_window7_224.pth" {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(data)))
	}))
	defer server.Close()
	e := glip(t, "fetch", "--mirror", server.URL+"/some", "swin-t")
	path := strings.TrimSpace(e.stdout)
	if e.code != 0 || !strings.HasSuffix(path, filepath.Join("glipvk", "weights", "swin-t", "swin_tiny_patch4_window7_224.pth")) || !strings.Contains(e.stderr, "no SHA-256 is published") {
		t.Fatalf("%+v", e)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != string(data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	before := asked
	if e = glip(t, "fetch", "--offline", "--json", "swin_t"); e.code != 0 || !strings.Contains(e.stdout, path) {
		t.Errorf("%+v", e)
	}
	if e = glip(t, "fetch", "--list"); !strings.Contains(e.stdout, "yes") {
		t.Errorf("%+v", e)
	}
	d := newDesk(t)
	if e = glip(t, d.args("--weights", "swin-t", d.path("cat.png"))...); e.code != 0 || !strings.Contains(e.stdout, "swin_tiny_patch4_window7_224.pth") {
		t.Errorf("%+v", e)
	}
	if e = glip(t, "inspect", "--quick", "swin_tiny_patch4_window7_224.pth"); !strings.Contains(e.stdout, path) {
		t.Errorf("%+v", e)
	}
	if asked != before {
		t.Errorf("%d requests more", asked-before)
	}
}
