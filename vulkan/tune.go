package vulkan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/kernels"
)

// Tuning says how tiles of matrix products are chosen: by measuring a few candidates
// the first time a shape is met on a device, and from a file after that. The result of a
// program does not depend on it beyond rounding: tiles of graphics cards may add up in another
// order, those of software drivers do not. While weights are open, and from one complete file, a
// shape has one tile and a result the same bits; with Off it has them whatever the file. The zero value tunes.
type Tuning struct {
	// Off takes the tiles that ought to suit the device and measures nothing.
	Off bool
	// Dir is the folder of the file, one for each device, driver and set of shaders; "" is
	// glipvk in [os.UserCacheDir]. What cannot be read or written there is measured again.
	Dir string
	// Budget bounds the time that one Compile measures; 0 is [DefaultTuning], or nothing on software
	// drivers whose tiles are known well enough (RATIONALE.md). Shapes that it does not reach keep
	// the tile that ought to suit them for as long as the weights are open; others measure them.
	Budget time.Duration
	// Observe, if set, is told of every candidate that was measured, shape by shape.
	Observe func(Trial)
}

// DefaultTuning is how long one Compile measures.
const DefaultTuning = 4 * time.Second

// Trial is one candidate that was measured.
type Trial struct {
	Shape     string        `json:"shape"`     // of the product, M x N x K and what is joined to it
	Candidate string        `json:"candidate"` // shader and its tile
	Duration  time.Duration `json:"ns"`
	GFLOPS    float64       `json:"gflops"`
	Won       bool          `json:"won"`
}

const (
	triedTiles  = 3                     // candidates for a shape, of each family of shaders
	triedCoop   = 4                     // of that of cooperative matrices: two sizes, B either way
	triedRuns   = 5                     // of a candidate, at most
	triedLong   = 40 * time.Millisecond // is long enough for a candidate
	clearly     = 1.05                  // times as fast is a difference
	tuningStyle = "glipvk-tuning2"      // of the file; its last character is the format's version
)

// Measures reports whether anything is measured on a device.
func (t Tuning) Measures(info engine.Info) bool {
	s, err := kernels.StyleOf(info, "")
	return err == nil && !t.Off && t.budget(s) > 0
}

// budget is for how long one Compile measures for weights of a style.
func (t Tuning) budget(s kernels.Style) time.Duration {
	if t.Budget == 0 && s.Gemm != direct {
		return DefaultTuning
	}
	return t.Budget
}

// tune chooses the tiles of products. Others that tune for the same weights wait for their
// turn, and find what was measured before.
func (w *Weights) tune(ctx context.Context, products []kernels.Product, t Tuning) (map[string]kernels.Tile, error) {
	if err := w.tuning.Acquire(ctx); err != nil {
		return nil, fmt.Errorf("vulkan: tuning: %w", err)
	}
	defer w.tuning.Release()
	path := t.file(w.device.Info(), w.layout.Style)
	if w.tiles == nil {
		w.tiles, w.left = readTiles(path), map[string]bool{}
	}
	deadline, fresh := time.Now().Add(t.budget(w.layout.Style)), false
	tiles := map[string]kernels.Tile{}
	for _, p := range products {
		if at := slices.IndexFunc(p.Candidates, w.tiles[p.Key].names); at >= 0 {
			tiles[p.Key] = p.Candidates[at]
			continue
		}
		if w.left[p.Key] || !time.Now().Before(deadline) {
			w.left[p.Key] = true // for as long as the weights are open: a tile may change the last bits of a result
			continue
		}
		won, trials, err := w.measure(ctx, p, deadline)
		if err != nil {
			return nil, fmt.Errorf("vulkan: tuning %s: %w", p.Key, err)
		}
		for _, x := range trials {
			if t.Observe != nil {
				t.Observe(x)
			}
		}
		if w.left[p.Key] = len(trials) == 1; !w.left[p.Key] {
			tiles[p.Key], w.tiles[p.Key], fresh = won, kept{won.Family(), won.Constants()}, true
		}
	}
	if fresh && path != "" {
		_ = writeTiles(path, w.tiles) // what cannot be kept is measured again
	}
	return tiles, nil
}

// measure runs the product with each candidate and returns the fastest.
func (w *Weights) measure(ctx context.Context, p kernels.Product, deadline time.Time) (won kernels.Tile, trials []Trial, err error) {
	g, err := productGraph(p.M, p.N, p.K, p.Norm)
	if err != nil {
		return won, nil, err
	}
	own, err := Upload(ctx, w.device, g, ones{}, UploadOptions{Layout: &w.layout})
	if err != nil {
		return won, nil, err
	}
	defer func() { err = errors.Join(err, own.Close()) }()
	best := -1
	var first []float32 // result of the tile that ought to suit
	for i, c := range tried(p.Candidates) {
		if i > 0 && !time.Now().Before(deadline) {
			break
		}
		o := Options{Tuning: Tuning{Off: true}, Tiles: map[string]kernels.Tile{p.Key: c}}
		took, got, err := fastest(ctx, w.device, g, own, o, func(runs int, spent time.Duration) bool { return runs < triedRuns && spent < triedLong })
		if i == 0 {
			first = got
		}
		if i > 0 && c.Family() == coop && ctx.Err() == nil && (err != nil || !agree(got, first)) {
			continue // RATIONALE.md: a driver's word is not taken for it
		}
		if err != nil {
			return won, nil, err
		}
		flops := 2 * float64(p.M) * float64(p.N) * float64(p.K)
		trials = append(trials, Trial{p.Key, fmt.Sprintf("%s %v", c.Family(), c.Constants()), took, flops / took.Seconds() / 1e9, false})
		// The tile that ought to suit is left only for one that is clearly faster: clocks are noisy.
		if best < 0 || float64(took)*clearly < float64(trials[best].Duration) {
			best, won = len(trials)-1, c
		}
	}
	trials[best].Won = true
	return won, trials, nil
}

// Families of shaders: the results of the one are compared with another's, the other's tiles are
// not measured unasked.
const (
	coop   kernels.Gemm = "coop"
	direct kernels.Gemm = "direct"
)

// tried are the candidates that are measured: the first few of each family of shaders.
func tried(list []kernels.Tile) []kernels.Tile {
	count := map[kernels.Gemm]int{}
	return slices.DeleteFunc(slices.Clone(list), func(t kernels.Tile) bool {
		count[t.Family()]++
		if t.Family() == coop {
			return count[coop] > triedCoop
		}
		return count[t.Family()] > triedTiles
	})
}

// agree reports whether two results of a product differ by no more than roundings to 16 bits
// do: relative L2 at most 2e-3, NaN being a difference.
func agree(got, want []float32) bool {
	var off, norm float64
	for i, w := range want {
		d := float64(got[i]) - float64(w)
		off, norm = off+d*d, norm+float64(w)*float64(w)
	}
	return off <= 2e-3*2e-3*norm
}

// file is where the choices for a device are kept, "" for nowhere. Its name is a hash of all
// that they depend on: another driver, other shaders or another number of cores have another file.
func (t Tuning) file(info engine.Info, s kernels.Style) string {
	dir := t.Dir
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(cache, "glipvk")
	}
	h := sha256.New()
	fmt.Fprintln(h, tuningStyle, info.Name, info.Driver, info.DriverVersion, info.VendorID, info.DeviceID, info.Caps.SubgroupSize, s.Fingerprint())
	return filepath.Join(dir, "tuning-"+hex.EncodeToString(h.Sum(nil)[:12])+".json")
}

// tilesFile is the format of the file: the tile that won, by shape.
type tilesFile struct {
	Format string          `json:"format"`
	Tiles  map[string]kept `json:"tiles"`
}

// kept is what a file says of a tile.
type kept struct {
	Shader    kernels.Gemm `json:"shader"` // its family
	Constants []uint32     `json:"constants"`
}

func (k kept) names(t kernels.Tile) bool {
	return k.Shader == t.Family() && slices.Equal(k.Constants, t.Constants())
}

// mostTuning bounds what is read: a larger file is not ours.
const mostTuning = 1 << 20

// readTiles returns what a file holds, nothing where there is none or it is no such file.
func readTiles(path string) map[string]kept {
	var f tilesFile
	data, err := file.ReadAll(context.Background(), path, mostTuning)
	if err != nil || json.Unmarshal(data, &f) != nil || f.Format != tuningStyle || f.Tiles == nil {
		return map[string]kept{}
	}
	return f.Tiles
}

// writeTiles adds choices to a file.
func writeTiles(path string, tiles map[string]kept) error {
	all := readTiles(path)
	maps.Copy(all, tiles)
	data, err := json.MarshalIndent(tilesFile{tuningStyle, all}, "", "\t")
	if err != nil {
		return err
	}
	return file.Replace(path, data, 0o600)
}
