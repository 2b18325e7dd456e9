package fetch

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/loader"
)

// checkpoint is an archive of a model of six tensors and three times as much of its training, and the model's tensors by name, of some size.
func checkpoint(t testing.TB, size int) ([]byte, map[string][]float32) {
	t.Helper()
	model := map[string][]float32{}
	saved := func(prefix string, half bool) (list []loader.Saved) {
		for i := range 6 {
			values := make([]float32, size+i)
			for k := range values {
				values[k] = float32(k % 100 * (i + 1))
			}
			name := fmt.Sprintf("%s%d.weight", prefix, i)
			if prefix == "module.layer" {
				model[name] = values
			}
			d := loader.Float32
			if half && i == 5 {
				d = loader.Float16
			}
			list = append(list, loader.Saved{Name: name, Shape: []int{len(values)}, DType: d, Data: func() ([]float32, error) { return values, nil }})
		}
		return list
	}
	var out bytes.Buffer
	training := loader.SavedEntry{Name: "optimizer", Tensors: slices.Concat(saved("a", false), saved("b", false), saved("c", false))}
	if err := loader.SavePickle(&out, nil, loader.SavedEntry{Name: "model", Tensors: saved("module.layer", true)}, training); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), model
}

// weights is an item of an archive.
func weights(data []byte) Item {
	return Item{Name: "glip-x", File: "glip_x.pth", Bytes: int64(len(data)), Sum: sumOf(data), Model: "glip-t"}
}

// narrow makes parts of an index small, as these archives are.
func (d *desk) narrow(mirror string) Options {
	o := d.options(mirror)
	o.trial.block = 4096
	return o
}

// sound requires a file to hold the tensors of the model, and no others.
func sound(t *testing.T, path string, want map[string][]float32) {
	t.Helper()
	file, err := loader.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if len(file.Names()) != len(want) {
		t.Errorf("%d tensors, want %d", len(file.Names()), len(want))
	}
	for name, values := range want {
		if _, got, err := file.Tensor(name); err != nil || !slices.Equal(got, values) {
			t.Errorf("%s: %d values, %v", name, len(got), err)
		}
	}
	list, _ := os.ReadDir(filepath.Dir(path))
	for _, e := range list {
		if e.Name() != filepath.Base(path) && e.Name() != ".lock" {
			t.Errorf("%s lies beside it", e.Name())
		}
	}
}

func TestTensors(t *testing.T) {
	data, model := checkpoint(t, 8192)
	d, h := newDesk(t), newHost(t, data, false)
	found, err := d.narrow(h.URL).Fetch(t.Context(), weights(data))
	if err != nil {
		t.Fatal(err)
	}
	sound(t, found.Path, model)
	if want := filepath.Join(d.dir, "own", "glip-x", "glip-x.safetensors"); found.Path != want || !found.Tensors || !strings.Contains(found.Checked, "nobody vouches") {
		t.Errorf("%+v", found)
	}
	if h.sent > len(data)/2 || len(h.asked) > 12 {
		t.Errorf("%d of %d bytes were sent, in %d requests: %q", h.sent, len(data), len(h.asked), h.asked)
	}
	file, err := loader.Open(found.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if said := file.Metadata(); said["source"] != h.URL+"/glip_x.pth" || said["source_entry"] != "model" || said["source_bytes"] != fmt.Sprint(len(data)) {
		t.Errorf("%v", said)
	}
	if got := file.DType("module.layer5.weight"); got != "float16" {
		t.Errorf("16 bits became %s", got)
	}
	if _, ok := loader.PublishedSum(found.Path); ok {
		t.Error("its name seems to carry digits of its sum")
	}

	// It is found again; the whole file is another thing.
	asked := len(h.asked)
	if again, err := d.narrow("").Find(t.Context(), weights(data)); err != nil || again.Path != found.Path {
		t.Errorf("%+v, %v", again, err)
	}
	o := d.narrow(h.URL)
	o.Whole = true
	whole, err := o.Fetch(t.Context(), weights(data))
	if err != nil || whole.Tensors || len(h.asked) != asked+2 {
		t.Fatalf("%+v, %v, %d requests more", whole, err, len(h.asked)-asked)
	}
	if got, err := os.ReadFile(whole.Path); err != nil || !bytes.Equal(got, data) {
		t.Error("the whole file is another one")
	}
}

// Names of files in the catalogue do not look as if they carried a sum.
func TestTensorsNames(t *testing.T) {
	for _, i := range Items() {
		if _, ok := loader.PublishedSum(i.tensorsFile()); ok {
			t.Errorf("%s", i.tensorsFile())
		}
	}
}

// troubles are what goes wrong on the way to the tensors. Of its data a server has a damaged copy.
var troubles = map[string]struct {
	twist twist
	whole bool
	says  string
	err   string
}{
	"no parts": {twist: func(_ *host, _ http.ResponseWriter, r *http.Request, _ int) bool { r.Header.Del("Range"); return false }, whole: true},
	"broken": {twist: func(h *host, w http.ResponseWriter, r *http.Request, n int) bool {
		if n%3 == 1 {
			cut(w, r, h, 1000)
		}
		return false
	}, says: "ended after 1000"},
	"damaged once": {twist: func(h *host, w http.ResponseWriter, r *http.Request, n int) bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.data = h.damaged; starts(h.asked) > 1 {
			h.data = h.sound
		}
		return false
	}, says: "the archive recorded"},
	"damaged": {twist: func(h *host, w http.ResponseWriter, r *http.Request, n int) bool { h.data = h.damaged; return false }, err: "the archive recorded"},
	"no parts later": {twist: func(h *host, w http.ResponseWriter, r *http.Request, n int) bool {
		if n > 2 {
			r.Header.Del("Range")
		}
		return false
	}, err: "does not any more"},
	"changes": {twist: func(h *host, w http.ResponseWriter, r *http.Request, n int) bool {
		if n == 3 {
			h.tag = `"two"`
		}
		return false
	}, says: "has changed since"},
	"404 later": {twist: func(h *host, w http.ResponseWriter, r *http.Request, n int) bool {
		if n == 3 {
			w.WriteHeader(404)
		}
		return n == 3
	}, err: "no such file (404)"},
}

func TestTensorsTroubles(t *testing.T) {
	data, model := checkpoint(t, 8192)
	damaged := slices.Clone(data)
	damaged[bytes.Index(data, []byte("archive/data/2"))+200] ^= 1 // in the model
	for name, c := range troubles {
		t.Run(name, func(t *testing.T) {
			d, h := newDesk(t), newHost(t, data, false)
			h.sound, h.damaged = data, damaged
			h.twist = func(w http.ResponseWriter, r *http.Request, n int) bool { return c.twist(h, w, r, n) }
			found, err := d.narrow(h.URL).Fetch(t.Context(), weights(data))
			switch {
			case c.err != "":
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v; want %q", err, c.err)
				}
			case err != nil || found.Tensors == c.whole || c.says != "" && !d.says(c.says):
				t.Errorf("%+v, %v, said %q", found, err, d.said)
			case c.whole:
				holds(t, found.Path, data)
			default:
				sound(t, found.Path, model)
			}
		})
	}
}

// starts counts the first requests among these.
func starts(asked []string) (n int) {
	for _, a := range asked {
		if a == "bytes=0-0" {
			n++
		}
	}
	return n
}

// What is no archive of a model and its training is brought whole.
func TestWholeAllTheSame(t *testing.T) {
	_, model := checkpoint(t, 8192)
	var list []loader.Saved
	for name, values := range model {
		list = append(list, loader.Saved{Name: name, Shape: []int{len(values)}, Data: func() ([]float32, error) { return values, nil }})
	}
	save := func(entries ...loader.SavedEntry) []byte {
		var out bytes.Buffer
		if err := loader.SavePickle(&out, nil, entries...); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	var zipped bytes.Buffer
	z := zip.NewWriter(&zipped)
	if w, err := z.Create("readme.txt"); err != nil || errors.Join(func() error { _, err := w.Write(noise(20000)); return err }(), z.Close()) != nil {
		t.Fatal("no zip")
	}
	for name, c := range map[string]struct {
		data []byte
		says string // "" where it is as it should be
	}{
		"model alone":    {save(loader.SavedEntry{Name: "model", Tensors: list}), ""},
		"two of a kind":  {save(loader.SavedEntry{Name: "teacher", Tensors: list}, loader.SavedEntry{Name: "student", Tensors: list}), "several sets of weights"},
		"another zip":    {zipped.Bytes(), "without data.pkl"},
		"no zip":         {noise(20000), "no zip archive"},
		"half a zip":     {save(loader.SavedEntry{Name: "model", Tensors: list})[:30000], "brought whole"},
		"a few bytes":    {[]byte("PK\x03\x04"), "brought whole"},
		"a single byte!": {[]byte("P"), "no zip archive"},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newDesk(t), newHost(t, c.data, false)
			found, err := d.narrow(h.URL).Fetch(t.Context(), weights(c.data))
			if err != nil || found.Tensors || (c.says == "") != (len(d.said) == 0) || c.says != "" && !d.says(c.says) {
				t.Errorf("%+v, %v, said %q", found, err, d.said)
			}
			holds(t, found.Path, c.data)
		})
	}
}

// An index that is larger than any is not read to its end.
func TestIndexBound(t *testing.T) {
	d, h := newDesk(t), newHost(t, make([]byte, mostIndex+2*usualBlock), false)
	c, err := d.options(h.URL).connect(t.Context(), weights(h.data))
	if err != nil {
		t.Fatal(err)
	}
	x := c.index(t.Context(), remote{Size: int64(len(h.data)), Tag: h.tag, ranges: true})
	if _, err := x.ReadAt(make([]byte, mostIndex-usualBlock), 0); err != nil {
		t.Error(err)
	}
	if _, err := x.ReadAt(make([]byte, 2*usualBlock+1), int64(mostIndex-usualBlock)); err == nil || !strings.Contains(err.Error(), "larger than 24 MiB") || x.held > mostIndex {
		t.Errorf("%v, %d bytes held", err, x.held)
	}
	if n, err := x.ReadAt(make([]byte, 10), int64(len(h.data))); n != 0 || err == nil {
		t.Errorf("behind the end: %d, %v", n, err)
	}
}

func TestJoined(t *testing.T) {
	got := joined([]span{{5 * gap, 6 * gap}, {10, 20}, {10, 20}, {20, 30}, {30 + gap, 40 + gap}, {60 + 2*gap, 70 + 2*gap}})
	if want := []span{{10, 40 + gap}, {60 + 2*gap, 70 + 2*gap}, {5 * gap, 6 * gap}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// alike requires an archive to be read to the same tensors from its spans as by itself, where it is not refused. It says whether it is not.
func alike(t *testing.T, data []byte) bool {
	t.Helper()
	p, err := located(bytes.NewReader(data), int64(len(data)), "x.pth")
	if err != nil {
		return false
	}
	var part []byte
	for _, s := range p.spans {
		if s.from < 0 || s.to > int64(len(data)) || s.length() < 0 {
			t.Fatalf("span %v of %d bytes", s, len(data))
		}
		part = append(part, data[s.from:s.to]...)
	}
	whole, err := loader.Read(bytes.NewReader(data), int64(len(data)), "x.pth")
	if err != nil {
		return false // and it is refused when it is brought
	}
	some, err := loader.Read(p.over(bytes.NewReader(part)), int64(len(data)), "x.pth")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(whole.Names(), some.Names()) {
		t.Fatalf("%q and %q", whole.Names(), some.Names())
	}
	for _, name := range whole.Names() {
		_, want, bad := whole.Tensor(name)
		_, got, err := some.Tensor(name)
		if (bad == nil) != (err == nil) || bad == nil && !slices.EqualFunc(got, want, func(a, b float32) bool { return a == b || a != a && b != b }) {
			t.Fatalf("%s: %v and %v", name, bad, err)
		}
	}
	return true
}

// Archives that torch.save wrote, among them what is odd.
func TestLocated(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "checkpoints", "*.pth"))
	if err != nil {
		t.Fatal(err)
	}
	sound := 0
	for _, path := range append(paths, filepath.Join("..", "testdata", "glip", "tiny", "model.pth")) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			if alike(t, data) {
				sound++
			}
		})
	}
	if sound < 5 {
		t.Errorf("%d archives of %d are sound", sound, len(paths)+1)
	}
}

// FuzzLocated: an archive of anybody's ends no program.
func FuzzLocated(f *testing.F) {
	data, _ := checkpoint(f, 10)
	f.Add(data)
	f.Add(data[:len(data)-1])
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte("PK\x03\x04PK\x05\x06" + strings.Repeat("\x00", 18))) // without members
	f.Fuzz(func(t *testing.T, data []byte) { alike(t, data) })
}

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-0/1", "bytes 5-9/*", "bytes */7", "bytes 9-5/10", "bytes 0-10/10", "bytes -1-2/3", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sent, size, err := contentRange(s)
		if err == nil && (sent.from < 0 || sent.length() < 1 || size >= 0 && sent.to > size || size < -1) {
			t.Errorf("%q: %v of %d", s, sent, size)
		}
	})
}

// What a program that was killed right behind the end left of a file on its way is removed by the next; what has come of the whole file stays
// where the tensors alone are found.
func TestTidy(t *testing.T) {
	archive, _ := checkpoint(t, 8192)
	item := weights(archive)
	d, h := newDesk(t), newHost(t, archive, false)
	o := d.narrow(h.URL)
	found, err := o.Fetch(t.Context(), item)
	if err != nil || !found.Tensors {
		t.Fatal(err)
	}
	part := filepath.Join(filepath.Dir(found.Path), item.File+partEnding)
	for _, c := range []struct {
		spans string
		stays bool
	}{{"[[0,100],[200,300]]", false}, {fmt.Sprintf("[[0,%d]]", len(archive)), true}} {
		state := fmt.Sprintf(`{"Remote": {"Size": %d}, "Spans": %s}`, len(archive), c.spans)
		if err := errors.Join(os.WriteFile(part, []byte("x"), 0o600), os.WriteFile(part+stateEnding, []byte(state), 0o600)); err != nil {
			t.Fatal(err)
		}
		if again, err := o.Fetch(t.Context(), item); err != nil || again.Path != found.Path {
			t.Errorf("%+v, %v", again, err)
		}
		for _, path := range []string{part, part + stateEnding} {
			if _, err := os.Stat(path); (err == nil) != c.stays {
				t.Errorf("%s, of the spans %s: %v", path, c.spans, err)
			}
		}
	}
}
