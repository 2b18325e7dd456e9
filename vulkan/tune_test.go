package vulkan_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// tunedGraph has two products of one shape and one of another.
func tunedGraph(t testing.TB) *graph.Graph {
	return build(t, func(b *graph.Builder) {
		x := b.In("x").Input(60, 64)
		y := b.In("a").Linear(x, 64, graph.WithBias)
		y = b.In("b").Linear(b.In("g").GELU(y), 64, graph.NoBias)
		b.Output(b.In("c").Linear(b.In("h").GELU(y), 96, graph.WithBias))
	})
}

// tuner compiles the same graph again and again under one folder of tiles.
type tuner struct {
	t      *testing.T
	d      *engine.Device
	g      *graph.Graph
	s      tensors
	dir    string
	trials []vulkan.Trial // of the last compilation
}

func newTuner(t *testing.T) *tuner {
	return &tuner{t: t, d: device(t), g: tunedGraph(t), s: tensors{seed}, dir: t.TempDir()}
}

// weights uploads anew: what one Weights measured it knows without a file.
func (u *tuner) weights() *vulkan.Weights {
	u.t.Helper()
	w, err := vulkan.Upload(u.t.Context(), u.d, u.g, u.s, vulkan.UploadOptions{})
	if err != nil {
		u.t.Fatal(err)
	}
	closing(u.t, w)
	return w
}

// compile tunes with time enough, unless change says otherwise.
func (u *tuner) compile(w *vulkan.Weights, change func(*vulkan.Tuning)) *vulkan.Program {
	u.t.Helper()
	u.trials = nil
	o := vulkan.Options{Tuning: vulkan.Tuning{Dir: u.dir, Budget: time.Hour, Observe: func(x vulkan.Trial) { u.trials = append(u.trials, x) }}}
	if change != nil {
		change(&o.Tuning)
	}
	p, err := vulkan.Compile(u.t.Context(), u.d, u.g, w, o)
	if err != nil {
		u.t.Fatal(err)
	}
	closing(u.t, p)
	return p
}

func (u *tuner) file(w *vulkan.Weights) string {
	return vulkan.TuningFile(vulkan.Tuning{Dir: u.dir}, u.d.Info(), w.Layout().Style)
}

// tilesFile is the format of the file, spelt out once more.
type tilesFile struct {
	Format string                 `json:"format"`
	Tiles  map[string]vulkan.Kept `json:"tiles"`
}

func (u *tuner) read(w *vulkan.Weights) tilesFile {
	u.t.Helper()
	data, err := os.ReadFile(u.file(w))
	if err != nil {
		u.t.Fatal(err)
	}
	var f tilesFile
	if err := json.Unmarshal(data, &f); err != nil {
		u.t.Fatal(err)
	}
	return f
}

func (u *tuner) write(w *vulkan.Weights, content any) {
	u.t.Helper()
	data, isText := content.(string)
	if !isText {
		encoded, err := json.Marshal(content)
		if err != nil {
			u.t.Fatal(err)
		}
		data = string(encoded)
	}
	if err := os.WriteFile(u.file(w), []byte(data), 0o666); err != nil {
		u.t.Fatal(err)
	}
}

// uses reports whether the product at a path has this tile.
func (u *tuner) uses(p *vulkan.Program, path string, tile vulkan.Kept) bool {
	for _, x := range p.Plan().Dispatches {
		if c := x.Pipeline.Constants; x.Path == path {
			return strings.HasPrefix(x.Pipeline.Label, "gemm_"+string(tile.Shader)) && slices.Equal(c[6:6+len(tile.Constants)], tile.Constants)
		}
	}
	u.t.Errorf("no dispatch of %s", path)
	return false
}

// shapes sorts the keys of the graph's two shapes: that of a and b, then that of c.
func (u *tuner) shapes(candidates map[string][]vulkan.Kept) (square, wide string) {
	u.t.Helper()
	keys := slices.Sorted(maps.Keys(candidates))
	if len(keys) != 2 || !strings.HasPrefix(keys[0], "60x64x64") || !strings.HasPrefix(keys[1], "60x96x64") {
		u.t.Fatalf("shapes %q", keys)
	}
	return keys[0], keys[1]
}

// TestTuningMeasuresOnce: the first compilation measures each shape once and uses and keeps what
// won; the next, and those with other weights, measure nothing and choose the same.
func TestTuningMeasuresOnce(t *testing.T) {
	u := newTuner(t)
	w := u.weights()
	candidates := w.Candidates(u.g)
	square, wide := u.shapes(candidates)
	first := u.compile(w, nil)
	won := map[string]int{}
	tried := map[string]int{}
	for _, x := range u.trials {
		tried[x.Shape]++
		if x.Duration <= 0 || x.GFLOPS <= 0 || x.Candidate == "" {
			t.Errorf("trial %+v", x)
		}
		if x.Won {
			won[x.Shape]++
		}
	}
	if len(tried) != 2 || won[square] != 1 || won[wide] != 1 || tried[square] < 2 || tried[wide] < 2 {
		t.Errorf("tried %v, won %v", tried, won)
	}
	kept := u.read(w)
	if kept.Format != vulkan.TuningFormat || len(kept.Tiles) != 2 {
		t.Errorf("the file holds %+v", kept)
	}
	for path, key := range map[string]string{"a": square, "b": square, "c": wide} {
		if !u.uses(first, path, kept.Tiles[key]) {
			t.Errorf("%s does not use %v, which won %s", path, kept.Tiles[key], key)
		}
		if !slices.ContainsFunc(candidates[key], func(c vulkan.Kept) bool { return reflect.DeepEqual(c, kept.Tiles[key]) }) {
			t.Errorf("%v is no candidate for %s", kept.Tiles[key], key)
		}
	}
	u.compile(w, nil)
	if len(u.trials) != 0 {
		t.Errorf("measured again with the same weights: %+v", u.trials)
	}
	if err := os.Remove(u.file(w)); err != nil {
		t.Fatal(err)
	}
	if u.compile(w, nil); len(u.trials) != 0 {
		t.Errorf("these weights knew: %+v", u.trials)
	}
	u.write(w, kept)
	again := u.compile(u.weights(), nil)
	if len(u.trials) != 0 {
		t.Errorf("measured what the file says: %+v", u.trials)
	}
	in := u.s.inputs(u.g)
	same(t, "tiles from the file", run(t, again, in...), run(t, first, in...))
	if left, _ := filepath.Glob(filepath.Join(u.dir, "*")); len(left) != 1 {
		t.Errorf("the folder holds %q", left)
	}
}

// TestTuningFollowsFile gives every candidate in turn in a file: it is used without measuring, and
// the results are those of the oracle.
func TestTuningFollowsFile(t *testing.T) {
	u := newTuner(t)
	w := u.weights()
	candidates := w.Candidates(u.g)
	square, wide := u.shapes(candidates)
	in := u.s.inputs(u.g)
	want := oracle(t, u.g, u.s)
	for i := range max(len(candidates[square]), len(candidates[wide])) {
		tiles := map[string]vulkan.Kept{}
		for key, list := range candidates {
			tiles[key] = list[min(i, len(list)-1)]
		}
		u.write(w, tilesFile{vulkan.TuningFormat, tiles})
		p := u.compile(u.weights(), nil)
		if len(u.trials) != 0 {
			t.Errorf("measured %+v", u.trials)
		}
		for path, key := range map[string]string{"a": square, "b": square, "c": wide} {
			if !u.uses(p, path, tiles[key]) {
				t.Errorf("%s does not use %v of the file", path, tiles[key])
			}
		}
		near(t, fmt.Sprintf("tiles %v", tiles), run(t, p, in...), want)
	}
}

// TestTuningDistrustsFiles: what is damaged, of another version, or no candidate is measured
// anew, and put right.
func TestTuningDistrustsFiles(t *testing.T) {
	u := newTuner(t)
	w := u.weights()
	candidates := w.Candidates(u.g)
	square, wide := u.shapes(candidates)
	good := map[string]vulkan.Kept{square: candidates[square][1], wide: candidates[wide][1]}
	stranger := map[string]vulkan.Kept{square: {Shader: candidates[square][0].Shader, Constants: []uint32{77, 1, 1}}, wide: candidates[wide][1]}
	another := map[string]vulkan.Kept{square: {Shader: "other", Constants: candidates[square][1].Constants}, wide: candidates[wide][1]}
	for _, c := range []struct {
		name     string
		content  any
		measured []string
	}{
		{"empty", "", []string{square, wide}},
		{"cut", `{"format": "` + vulkan.TuningFormat + `", "tiles": {"` + square + `": [8,`, []string{square, wide}},
		{"no JSON", "\x00\xff tiles", []string{square, wide}},
		{"another type", `[1, 2, 3]`, []string{square, wide}},
		{"tiles of another type", `{"format": "` + vulkan.TuningFormat + `", "tiles": {"` + square + `": "8, 3"}}`, []string{square, wide}},
		{"null", `null`, []string{square, wide}},
		{"no tiles", `{"format": "` + vulkan.TuningFormat + `"}`, []string{square, wide}},
		{"another version", tilesFile{"glipvk-tuning0", good}, []string{square, wide}},
		{"no version", tilesFile{"", good}, []string{square, wide}},
		{"no candidate", tilesFile{vulkan.TuningFormat, stranger}, []string{square}},
		{"another shader", tilesFile{vulkan.TuningFormat, another}, []string{square}},
		{"no constants", tilesFile{vulkan.TuningFormat, map[string]vulkan.Kept{square: {Shader: candidates[square][0].Shader}, wide: {}}}, []string{square, wide}},
		{"a shape alone", tilesFile{vulkan.TuningFormat, map[string]vulkan.Kept{wide: good[wide], "7x7x7": {Constants: []uint32{1}}}}, []string{square}},
		{"too long", strings.Repeat(" ", 1<<20) + `{"format": "` + vulkan.TuningFormat + `", "tiles": {}}`, []string{square, wide}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := *u
			u.t = t
			w := u.weights()
			u.write(w, c.content)
			u.compile(w, nil)
			measured := map[string]bool{}
			for _, x := range u.trials {
				measured[x.Shape] = true
			}
			if got := slices.Sorted(maps.Keys(measured)); !slices.Equal(got, c.measured) {
				t.Errorf("measured %q, want %q", got, c.measured)
			}
			for key, tile := range u.read(w).Tiles {
				known := slices.ContainsFunc(candidates[key], func(c vulkan.Kept) bool { return reflect.DeepEqual(c, tile) })
				if !known && key != "7x7x7" { // another model's, which is left
					t.Errorf("the file says %v of %s, which is no candidate", tile, key)
				}
			}
		})
	}
}

// styles are a few that differ in one thing each.
func styles() map[string]kernels.Style {
	tiled := kernels.Style{Gemm: "tiled", Group: 64, Lanes: 32}
	texels, coop := tiled, tiled
	texels.Texel, coop.Gemm = true, "coop"
	return map[string]kernels.Style{"tiled": tiled, "texels": texels, "coop": coop,
		"software": {Texel: true, Gemm: "direct", Group: 8, Lanes: 1, Cores: 2}, "more cores": {Texel: true, Gemm: "direct", Group: 8, Lanes: 1, Cores: 4}}
}

// TestTuningFileName: another driver, device, style, or folder has another file.
func TestTuningFileName(t *testing.T) {
	info := engine.Info{Name: "card", Driver: "radv", DriverVersion: "Mesa 26.1.0", VendorID: 0x1002, DeviceID: 1, Caps: engine.Caps{SubgroupSize: 64}}
	styles := styles()
	tuning := vulkan.Tuning{Dir: "folder"}
	base := vulkan.TuningFile(tuning, info, styles["tiled"])
	if again := vulkan.TuningFile(vulkan.Tuning{Dir: "folder", Budget: 1, Off: true}, info, styles["tiled"]); again != base {
		t.Errorf("%s and %s for the same device", base, again)
	}
	if filepath.Dir(base) != "folder" || !strings.HasPrefix(filepath.Base(base), "tuning-") {
		t.Errorf("the file is %s", base)
	}
	seen := map[string]string{base: "the first"}
	other := func(what string, info engine.Info, s kernels.Style) {
		name := vulkan.TuningFile(tuning, info, s)
		if was, taken := seen[name]; taken {
			t.Errorf("%s shares %s with %s", what, name, was)
		}
		seen[name] = what
	}
	for what, change := range map[string]func(*engine.Info){
		"name":           func(i *engine.Info) { i.Name = "card 2" },
		"driver":         func(i *engine.Info) { i.Driver = "amdvlk" },
		"driver version": func(i *engine.Info) { i.DriverVersion = "Mesa 26.1.1" },
		"vendor":         func(i *engine.Info) { i.VendorID++ },
		"device":         func(i *engine.Info) { i.DeviceID++ },
		"subgroup":       func(i *engine.Info) { i.Caps.SubgroupSize = 32 },
	} {
		changed := info
		change(&changed)
		other(what, changed, styles["tiled"])
	}
	for name, s := range styles {
		if name != "tiled" {
			other(name, info, s)
		}
	}
	t.Setenv("XDG_CACHE_HOME", "/somewhere")
	if name := vulkan.TuningFile(vulkan.Tuning{}, info, styles["tiled"]); filepath.Base(name) != filepath.Base(base) || filepath.Base(filepath.Dir(name)) != "glipvk" {
		t.Errorf("by default the file is %s", name)
	}
}

// TestTuningIsBounded: without time nothing is measured or kept, and Off does not even look.
func TestTuningIsBounded(t *testing.T) {
	u := newTuner(t)
	w := u.weights()
	candidates := w.Candidates(u.g)
	square, wide := u.shapes(candidates)
	in := u.s.inputs(u.g)
	off := u.compile(u.weights(), func(o *vulkan.Tuning) { o.Off = true })
	want := run(t, off, in...)
	p := u.compile(w, func(o *vulkan.Tuning) { o.Budget = 1 })
	if len(u.trials) != 0 {
		t.Errorf("measured within a nanosecond: %+v", u.trials)
	}
	same(t, "no time", run(t, p, in...), want)
	if _, err := os.Stat(u.file(w)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file of nothing: %v", err)
	}
	u.write(w, tilesFile{vulkan.TuningFormat, map[string]vulkan.Kept{square: candidates[square][1], wide: candidates[wide][1]}})
	p = u.compile(u.weights(), func(o *vulkan.Tuning) { o.Off = true })
	if len(u.trials) != 0 || !u.uses(p, "a", candidates[square][0]) || !u.uses(p, "c", candidates[wide][0]) {
		t.Errorf("off, it follows a file, or measured %+v", u.trials)
	}
	p = u.compile(u.weights(), func(o *vulkan.Tuning) { o.Budget = 1 })
	if !u.uses(p, "a", candidates[square][1]) {
		t.Error("what is in the file takes no time, and was not used")
	}
	// What the file has is in no other program of the weights that had no time.
	if p = u.compile(w, nil); len(u.trials) != 0 || !u.uses(p, "a", candidates[square][0]) {
		t.Errorf("with time, weights that have a program measured %+v", u.trials)
	}
	same(t, "the same weights later", run(t, p, in...), want)
	if err := os.Remove(u.file(w)); err != nil {
		t.Fatal(err)
	}
	if p = u.compile(u.weights(), nil); len(u.trials) == 0 {
		t.Error("with time, other weights measured nothing")
	}
	near(t, "tuned and not", run(t, p, in...), want)
}

// TestTuningWithoutFolder: a folder that cannot be made or written is no error.
func TestTuningWithoutFolder(t *testing.T) {
	u := newTuner(t)
	blocked := filepath.Join(u.dir, "file")
	if err := os.WriteFile(blocked, []byte("in the way"), 0o666); err != nil {
		t.Fatal(err)
	}
	u.dir = filepath.Join(blocked, "glipvk")
	u.compile(u.weights(), nil)
	if len(u.trials) == 0 {
		t.Error("nothing was measured")
	}
	u.dir = t.TempDir()
	w := u.weights()
	if err := os.Mkdir(u.file(w), 0o777); err != nil { // a folder in place of the file
		t.Fatal(err)
	}
	u.compile(w, nil)
	if len(u.trials) == 0 {
		t.Error("nothing was measured")
	}
	if left, _ := filepath.Glob(filepath.Join(u.dir, "*")); len(left) != 1 {
		t.Errorf("the folder holds %q", left)
	}
}

// TestTuningCancelled: a cancelled context ends Compile with its error, before and amid
// measurements; afterwards the weights are as good as new.
func TestTuningCancelled(t *testing.T) {
	u := newTuner(t)
	w := u.weights()
	before := fmt.Sprint(u.d.LiveByKind()["buffer"])
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := vulkan.Options{Tuning: vulkan.Tuning{Dir: u.dir}}
	if _, err := vulkan.Compile(ctx, u.d, u.g, w, o); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	o.Tuning.Budget = time.Hour
	o.Tuning.Observe = func(vulkan.Trial) { cancel() }
	if _, err := vulkan.Compile(ctx, u.d, u.g, w, o); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled after the first shape: %v", err)
	}
	if after := fmt.Sprint(u.d.LiveByKind()["buffer"]); after != before {
		t.Errorf("%s buffers before, %s after", before, after)
	}
	u.compile(w, nil)
	if len(w.Tuned()) != 2 {
		t.Errorf("tuned %v", w.Tuned())
	}
}

// TestTuningTogether compiles for the same weights, and for others with the same file, at once.
func TestTuningTogether(t *testing.T) {
	u := newTuner(t)
	ws := []*vulkan.Weights{u.weights(), u.weights()}
	want := oracle(t, u.g, u.s)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			o := vulkan.Options{Tuning: vulkan.Tuning{Dir: u.dir, Budget: time.Hour}}
			p, err := vulkan.Compile(t.Context(), u.d, u.g, ws[i%2], o)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}()
			got := room(p)
			if err := p.RunInto(t.Context(), got, given(u.s.inputs(u.g))...); err != nil {
				t.Error(err)
				return
			}
			near(t, "together", got, want)
		})
	}
	group.Wait()
	if f := u.read(ws[0]); len(f.Tiles) != 2 {
		t.Errorf("the file holds %+v", f)
	}
}
