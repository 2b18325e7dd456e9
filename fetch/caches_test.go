package fetch

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	commit     = "66ee3ae9a3b8cee0cf78f10ef5fc9a3725db02a1"
	repository = "models--GLIPModel--GLIP"
)

// cached are places where Python's tools keep a file.
var cached = map[string]struct {
	set  map[string]string
	path string // of the file, in the user's folder
	says string
}{
	"hub":              {nil, "cache/huggingface/hub/" + repository + "/snapshots/" + commit + "/thing.json", "hub's client"},
	"hub, HF_HOME":     {map[string]string{"HF_HOME": "hf"}, "hf/hub/" + repository + "/snapshots/" + commit + "/thing.json", "hub's client"},
	"hub, its cache":   {map[string]string{"HF_HUB_CACHE": "hc", "HF_HOME": "hf"}, "hc/" + repository + "/snapshots/x/thing.json", "hub's client"},
	"hub, old name":    {map[string]string{"HUGGINGFACE_HUB_CACHE": "~/h[c]"}, "h[c]/" + repository + "/snapshots/x/thing.json", "hub's client"},
	"torch":            {nil, "cache/torch/hub/checkpoints/thing.json", "torch.hub"},
	"torch, old":       {nil, "cache/torch/checkpoints/thing.json", "torch.hub"},
	"torch, home":      {map[string]string{"TORCH_HOME": "~/th"}, "th/hub/checkpoints/thing.json", "torch.hub"},
	"no XDG":           {map[string]string{"XDG_CACHE_HOME": ""}, ".cache/torch/hub/checkpoints/thing.json", "torch.hub"},
	"mmengine":         {map[string]string{"MMENGINE_HOME": "mm"}, "mm/thing.json", "mmengine"},
	"GLIP by hand":     {nil, "MODEL/thing.json", "microsoft/GLIP"},
	"own, from before": {nil, "own/thing/thing.json", "fetched before"},
}

// Files of Python's tools are used where they lie.
func TestCaches(t *testing.T) {
	data := noise(1000)
	for name, c := range cached {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			for key, value := range c.set {
				t.Setenv(key, value)
			}
			path := filepath.Join(d.dir, filepath.FromSlash(c.path))
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o444)); err != nil {
				t.Fatal(err)
			}
			o := d.options("")
			found, err := o.Fetch(t.Context(), hub(data)) // which has no server to ask
			if err != nil || !strings.Contains(found.Where, c.says) || found.Checked != "its SHA-256 is the published one" {
				t.Fatalf("%+v, %v", found, err)
			}
			at, _ := os.Stat(found.Path)
			if want, _ := os.Stat(path); !os.SameFile(at, want) || o.Stored(t.Context(), hub(data)) != found.Path {
				t.Errorf("%s, want %s", found.Path, path)
			}
			if !slices.Contains(d.shown, Checking) {
				t.Error("it was not checked")
			}
			d.shown = nil
			if _, err := o.Find(t.Context(), hub(data)); err != nil || d.shown != nil {
				t.Errorf("%v, it was checked again", err)
			}
			// Another content of the same size is seen, for its time is another one.
			if err := errors.Join(os.Remove(path), os.WriteFile(path, noise(1001)[1:], 0o644)); err != nil {
				t.Fatal(err)
			}
			if _, err := o.Find(t.Context(), hub(data)); !errors.Is(err, ErrAbsent) || !d.says("is left alone: its SHA-256 begins with") {
				t.Errorf("%v, said %q", err, d.said)
			}
			os.WriteFile(path, data[1:], 0o644)
			if _, err := o.Find(t.Context(), hub(data)); !errors.Is(err, ErrAbsent) || !d.says("has 999 bytes, the published file has 1000") {
				t.Errorf("%v, said %q", err, d.said)
			}
		})
	}
}

// In the cache of the hub's client a snapshot is links to blobs, and main says which snapshot counts.
func TestCachesLinks(t *testing.T) {
	data := noise(1000)
	blob := sumOf(data)
	d := newDesk(t)
	at := filepath.Join(d.dir, "cache", "huggingface", "hub", repository)
	for _, folder := range []string{"blobs", "refs", "snapshots/" + commit, "snapshots/0ld"} {
		if err := os.MkdirAll(filepath.Join(at, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(os.WriteFile(filepath.Join(at, "blobs", blob), data, 0o644), os.WriteFile(filepath.Join(at, "refs", "main"), []byte(commit), 0o644),
		os.WriteFile(filepath.Join(at, "snapshots", "0ld", "thing.json"), []byte("old"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("..", "..", "blobs", blob), filepath.Join(at, "snapshots", commit, "thing.json")); err != nil {
		t.Skipf("this system makes no symbolic links, which a hub cache consists of: %v", err)
	}
	found, err := d.options("").Find(t.Context(), hub(data))
	if err != nil || !strings.Contains(found.Path, commit) || len(d.said) > 0 {
		t.Errorf("%+v, %v, said %q", found, err, d.said)
	}
}
