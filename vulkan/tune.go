package kernels

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/shaders"
)

// Tuning says how tiles of matrix products are chosen: by measuring a few candidates
// the first time a shape is met on a device, and from a file after that. The result of a
// program does not depend on it beyond rounding. The zero value tunes.
type Tuning struct {
	// Off takes the tiles that ought to suit the device and measures nothing.
	Off bool
	// Dir is the folder of the file, one for each device, driver and set of shaders; "" is
	// glipvk in [os.UserCacheDir]. What cannot be read or written there is measured again.
	Dir string
	// Budget bounds the time that one Compile measures; 0 is [DefaultTuning]. Shapes that it
	// does not reach keep the tile that ought to suit them.
	Budget time.Duration
	// Observe, if set, is told of every candidate that was measured, shape by shape.
	Observe func(Trial)
}

// DefaultTuning is how long one Compile measures.
const DefaultTuning = 4 * time.Second

// Trial is one candidate that was measured.
type Trial struct {
	Shape     string // of the product, M x N x K and what is joined to it
	Candidate string // shader and its tile
	Duration  time.Duration
	GFLOPS    float64
	Won       bool
}

const (
	triedTiles  = 3                     // candidates for a shape, of each family of shaders
	tunedRows   = 4096                  // of a convolution
	triedRuns   = 5                     // of a candidate, at most
	triedLong   = 40 * time.Millisecond // is long enough for a candidate
	clearly     = 1.05                  // times as fast is a difference
	tuningStyle = "glipvk-tuning2"      // of the file; its last character is the format's version
)

// tuned is the shape that stands for a product when tiles are measured: what its rows
// are moved by does not matter, whether they are made in scratch or normed does.
func (p shape) tuned() shape {
	if p.mode == convolved || p.mode == deformed { // a linear, not much larger than it takes to tell
		p.m, p.mode, p.variant = min(p.m, tunedRows), identity, strings.TrimPrefix(p.variant, "_conv")
	}
	p.norm, p.mode = p.staged(), identity
	switch p.variant {
	case "_fhh", "_hhf", "_merge_fhf":
		p.variant = "_fhf"
	case "_merge":
		p.variant = ""
	}
	return p
}

// shapes lists the products of steps whose tile is chosen, each once.
func (l *lowerer) shapes(list []step) []shape {
	var all []shape
	for _, s := range list {
		o, ok := s.op.(linear)
		if d, tunes := l.convShape(s); tunes && !slices.Contains(all, d) {
			all = append(all, d)
		}
		if !ok {
			continue
		}
		p := o.operands(s.in)
		w := l.g.Nodes[p.weight]
		if w.Op.Kind() != (graph.Param{}).Kind() || w.Shape[0]%4 != 0 || w.Shape.Elements()/w.Shape[0]%4 != 0 {
			continue
		}
		if d := l.uniformShape(s, o, p).tuned(); !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	return all
}

// tune fills l.measured.
func (l *lowerer) tune(ctx context.Context, w *Weights, list []step, t Tuning) error {
	file := t.file(w.device.Info(), l.style)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tiles == nil {
		w.tiles = readTiles(file)
	}
	budget := t.Budget
	if budget == 0 {
		budget = DefaultTuning
	}
	deadline, fresh := time.Now().Add(budget), false
	l.measured = map[string]tile{}
	for _, d := range l.shapes(list) {
		candidates := l.tileStyle(d).tiles(d)
		key := d.String()
		if at := slices.IndexFunc(candidates, w.tiles[key].names); at >= 0 {
			l.measured[key] = candidates[at]
			continue
		}
		if !time.Now().Before(deadline) {
			continue
		}
		won, trials, err := l.measure(ctx, w, d, tried(candidates), deadline)
		if err != nil {
			return fmt.Errorf("kernels: tuning %s: %w", key, err)
		}
		for _, x := range trials {
			if t.Observe != nil {
				t.Observe(x)
			}
		}
		if len(trials) > 1 {
			l.measured[key], w.tiles[key], fresh = won, kept{won.gemm, won.constants}, true
		}
	}
	if fresh {
		writeTiles(file, w.tiles) // what cannot be kept is measured again
	}
	return nil
}

// tileStyle is the style whose tiles a product gets: that of the device, unless the uniform
// shader does not take the product.
func (l *lowerer) tileStyle(p shape) style {
	if p.k%8 != 0 {
		return l.style.withoutUniform()
	}
	return l.style
}

// measure runs the product with each candidate and returns the fastest.
func (l *lowerer) measure(ctx context.Context, model *Weights, d shape, candidates []tile, deadline time.Time) (won tile, trials []Trial, err error) {
	b := graph.NewBuilder()
	x := b.In("x").Input(d.m, d.k)
	if d.norm {
		x = b.In("norm").LayerNorm(x, 1e-5)
	}
	b.Output(b.In("y").Linear(x, d.n, graph.NoBias))
	g, err := b.Build()
	if err != nil {
		return won, nil, err
	}
	w, err := Upload(ctx, model.device, g, ones{}, UploadOptions{Precision: l.precision, style: &l.style})
	if err != nil {
		return won, nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	best := -1
	var first []float32 // result of the tile that ought to suit
	for i, c := range candidates {
		if i > 0 && !time.Now().Before(deadline) {
			break
		}
		took, got, err := timeTile(ctx, model.device, g, w, map[string]tile{d.String(): c})
		if i == 0 {
			first = got
		}
		if i > 0 && c.gemm == coop && ctx.Err() == nil && (err != nil || !agree(got, first)) {
			continue // RATIONALE.md: a driver's word is not taken for it
		}
		if err != nil {
			return won, nil, err
		}
		flops := 2 * float64(d.m) * float64(d.n) * float64(d.k)
		trials = append(trials, Trial{d.String(), fmt.Sprintf("%s %v", c.gemm, c.constants), took, flops / took.Seconds() / 1e9, false})
		// The tile that ought to suit is left only for one that is clearly faster: clocks are noisy.
		if best < 0 || float64(took)*clearly < float64(trials[best].Duration) {
			best, won = len(trials)-1, c
		}
	}
	trials[best].Won = true
	return won, trials, nil
}

// timeTile is the fastest of a few runs of a graph with the given tiles, and its result.
func timeTile(ctx context.Context, d *engine.Device, g *graph.Graph, w *Weights, tiles map[string]tile) (best time.Duration, got []float32, err error) {
	p, err := Compile(ctx, d, g, w, Options{Tuning: Tuning{Off: true}, tiles: tiles})
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	input, _ := ones{}.Tensor("x", g.Nodes[g.Inputs()[0]].Shape)
	outputs, err := p.Run(ctx, input) // compiles whatever the driver left for later
	if err != nil {
		return 0, nil, err
	}
	for run, start := 0, time.Now(); run == 0 || run < triedRuns && time.Since(start) < triedLong; run++ {
		began := time.Now()
		if err := p.commands.Run(ctx); err != nil {
			return 0, nil, err
		}
		if took := time.Since(began); run == 0 || took < best {
			best = took
		}
	}
	return best, outputs[0], nil
}

// file is where the choices for a device are kept, "" for nowhere. Its name is a hash of all
// that they depend on: another driver, other shaders or another number of cores have another file.
func (t Tuning) file(info engine.Info, s style) string {
	dir := t.Dir
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(cache, "glipvk")
	}
	h := sha256.New()
	fmt.Fprintln(h, tuningStyle, info.Name, info.Driver, info.DriverVersion, info.VendorID, info.DeviceID, info.Caps.SubgroupSize, s)
	for _, name := range shaders.Names() {
		fmt.Fprintln(h, name, shaders.Hash(name))
	}
	return filepath.Join(dir, "tuning-"+hex.EncodeToString(h.Sum(nil)[:12])+".json")
}

// tilesFile is the format of the file: the tile that won, by shape.
type tilesFile struct {
	Format string          `json:"format"`
	Tiles  map[string]kept `json:"tiles"`
}

// kept is what a file says of a tile.
type kept struct {
	Shader    gemmKind `json:"shader"` // its family
	Constants []uint32 `json:"constants"`
}

func (k kept) names(t tile) bool { return k.Shader == t.gemm && slices.Equal(k.Constants, t.constants) }

// mostTuning bounds what is read: a larger file is not ours.
const mostTuning = 1 << 20

// readTiles returns what a file holds, nothing where there is none or it is no such file.
func readTiles(file string) map[string]kept {
	var f tilesFile
	if info, err := os.Stat(file); err == nil && info.Size() <= mostTuning {
		if data, err := os.ReadFile(file); err == nil && (json.Unmarshal(data, &f) != nil || f.Format != tuningStyle) {
			f.Tiles = nil
		}
	}
	if f.Tiles == nil {
		f.Tiles = map[string]kept{}
	}
	return f.Tiles
}

// writeTiles adds choices to a file, written beside it and renamed.
func writeTiles(file string, tiles map[string]kept) {
	if file == "" || os.MkdirAll(filepath.Dir(file), 0o777) != nil {
		return
	}
	all := readTiles(file)
	for key, t := range tiles {
		all[key] = t
	}
	data, err := json.MarshalIndent(tilesFile{tuningStyle, all}, "", "\t")
	if err != nil {
		return
	}
	beside, err := os.CreateTemp(filepath.Dir(file), "tuning-*.tmp")
	if err != nil {
		return
	}
	_, err = beside.Write(data)
	if err = errors.Join(err, beside.Close()); err == nil {
		err = os.Rename(beside.Name(), file)
	}
	if err != nil {
		_ = os.Remove(beside.Name())
	}
}
