package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/convert"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/loader"
)

// Saving says how weights are saved.
type Saving struct {
	Names    convert.Names // Microsoft or MMDetection, both of which either program reads; "" for the former
	Averaged bool          // the moving average of the weights, which [Options.Average] keeps
	Half     bool          // in 16 bits, which halves the file; numbers are rounded

	// About is what else the file's card is to say of the weights; see [glipvk.Card]. "steps", "seed" and "mode" are said anyway.
	About map[string]string
}

// Save writes all weights, trained or not: to a path that ends with .safetensors in that format, else as torch.save does, in the
// entry "model" or, with MMDetection's names, "state_dict". In the former averages that are kept are beside, as "model_ema". Adapters
// are part of the weights that they adapt. The file says what it has weights of ([glipvk.Card]), so that it needs no other to be
// opened. It is complete or what was there before.
func (t *Trainer) Save(ctx context.Context, path string, o Saving) error {
	if o.Averaged && t.options.Average == 0 {
		return fmt.Errorf("train: %w: no average of the weights is kept; set one", ErrOptions)
	}
	if o.Names != "" && o.Names != convert.Microsoft && o.Names != convert.MMDetection {
		return fmt.Errorf("train: %w: names %q, want one of %q", ErrOptions, o.Names, []convert.Names{convert.Microsoft, convert.MMDetection})
	}
	if err := t.sound(); err != nil {
		return err
	}
	said, err := t.card(o.About).Metadata()
	if err != nil {
		return err
	}
	list := t.tensors(ctx, o)
	return file.Save(path, 0o644, func(w io.Writer) error {
		if filepath.Ext(path) == ".safetensors" {
			said["format"] = "pt"
			return loader.SaveSafetensors(w, said, list)
		}
		if o.Names == convert.MMDetection {
			return loader.SavePickle(w, said, loader.SavedEntry{Name: "state_dict", Tensors: list})
		}
		entries := []loader.SavedEntry{{Name: "model", Tensors: list}}
		if t.options.Average > 0 && !o.Averaged {
			o.Averaged = true
			entries = append(entries, loader.SavedEntry{Name: "model_ema", Tensors: t.tensors(ctx, o)})
		}
		return loader.SavePickle(w, said, entries...)
	})
}

// card is what is said of the weights as they are now.
func (t *Trainer) card(about map[string]string) glipvk.Card {
	all := map[string]string{"steps": fmt.Sprint(t.taken), "seed": fmt.Sprint(t.options.Seed), "mode": string(t.options.Mode)}
	maps.Copy(all, about)
	return glipvk.Card{Config: &t.cfg, Vocabulary: t.tokenizer, Size: t.loaded.Options().Size, About: all}
}

// tensors lists all weights as they are now.
func (t *Trainer) tensors(ctx context.Context, o Saving) (list []loader.Saved) {
	now := map[string]executor.Value{}
	for i, p := range t.params {
		if now[p.Name] = t.state.weights[i]; o.Averaged {
			now[p.Name] = t.state.averages[i]
		}
	}
	family, stored := glip.Official, loader.Float32
	if o.Names == convert.MMDetection {
		family = glip.MMDetection
	}
	if o.Half {
		stored = loader.Float16
	}
	for _, p := range t.cfg.Params() {
		f, _ := glip.Store(family, p) // both have names for all of it
		list = append(list, loader.Saved{Name: f.Keys[0], Shape: f.Shape, DType: stored, Data: func() ([]float32, error) {
			data, err := t.tensor(ctx, now, p)
			if err != nil || f.Order == nil {
				return data, err
			}
			data = slices.Clone(data) // which may be somebody's
			f.Order(data)
			return data, nil
		}})
	}
	return list
}

// tensor reads a weight as it is now, with its adapter.
func (t *Trainer) tensor(ctx context.Context, now map[string]executor.Value, p glip.Param) ([]float32, error) {
	if v, trained := now[p.Name]; trained {
		return v.Read(ctx)
	}
	data, err := t.source.Tensor(p.Name, p.Shape)
	if err != nil {
		return nil, err
	}
	return t.merge(p, data, func(name string) ([]float32, error) { return now[name].Read(ctx) })
}

// resumed is what a state file says besides tensors.
type resumed struct {
	Version  int      `json:"version"`
	Steps    int      `json:"steps"`
	Mode     Mode     `json:"mode"`
	Adapters LowRank  `json:"adapters"`
	Frozen   int      `json:"frozen"`
	Seed     int      `json:"seed"`
	Average  float64  `json:"average"`
	Schedule Progress `json:"schedule"`
	Course   position `json:"course"`
}

const stateVersion = 2

// stateEntry is the key of it in a file's metadata.
const stateEntry = "glipvk.training"

// SaveState writes what [Trainer.LoadState] goes on from: the trained weights with moments and averages, and how
// far the training and its course ([Trainer.Run]) are. The file is complete or what was there before, even when the
// machine stops meanwhile.
func (t *Trainer) SaveState(ctx context.Context, path string) error {
	if err := t.sound(); err != nil {
		return err
	}
	o := t.options
	text, err := json.Marshal(resumed{stateVersion, t.taken, o.Mode, o.Adapters, o.Frozen, o.Seed, o.Average, o.Schedule.State, t.at})
	if err != nil {
		return err
	}
	var list []loader.Saved
	for _, s := range t.state.parts() {
		for i, v := range *s.values {
			p := t.params[i]
			list = append(list, loader.Saved{Name: s.name + "." + p.Name, Shape: p.Shape, Data: func() ([]float32, error) { return v.Read(ctx) }})
		}
	}
	return file.Save(path, 0o644, func(w io.Writer) error {
		return loader.SaveSafetensors(w, map[string]string{stateEntry: string(text)}, list)
	})
}

// sound refuses weights that are of no step.
func (t *Trainer) sound() error {
	if t.torn {
		return fmt.Errorf("train: %w: step %d changed some weights and failed at others; load a state", ErrState, t.taken+1)
	}
	return nil
}

// parts are the state's lists by name.
func (s *state) parts() []statePart {
	return []statePart{{"weight", &s.weights}, {"first", &s.first}, {"second", &s.second}, {"average", &s.averages}}
}

type statePart struct {
	name   string
	values *[]executor.Value
}

// ErrState is wrapped where a file does not hold the state of this training.
var ErrState = errors.New("not the state of this training")

// Finished says whether a state that [Trainer.SaveState] wrote is the last of a course of so many steps. Without a file it is not: lines of
// metrics alone may be of steps whose weights went with a program that was killed.
func Finished(path string, steps int) (bool, error) {
	file, err := loader.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var r resumed
	err = json.Unmarshal([]byte(file.Metadata()[stateEntry]), &r)
	return err == nil && r.Steps >= steps && (r.Course.Measured == r.Steps || r.Course.Bad > 0), file.Close()
}

// LoadState goes on from a file that [Trainer.SaveState] wrote, bit for bit. The mode, the frozen stages, the seed and the
// average must be those of then. After an error nothing has changed.
func (t *Trainer) LoadState(ctx context.Context, path string) (err error) {
	file, err := loader.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var r resumed
	if err := json.Unmarshal([]byte(file.Metadata()[stateEntry]), &r); err != nil {
		return fmt.Errorf("train: %s: %w: it says nothing of a training", path, ErrState)
	}
	o := t.options
	if r.Version != stateVersion || r.Mode != o.Mode || r.Frozen != o.Frozen || r.Seed != o.Seed || r.Average != o.Average || r.Steps < 0 || !reflect.DeepEqual(r.Adapters, o.Adapters) {
		return fmt.Errorf("train: %s: %w: version %d, mode %s, adapters %v, frozen %d, seed %d, average %g; here they are %d, %s, %v, %d, %d, %g",
			path, ErrState, r.Version, r.Mode, r.Adapters, r.Frozen, r.Seed, r.Average, stateVersion, o.Mode, o.Adapters, o.Frozen, o.Seed, o.Average)
	}
	if c := r.Course; c.Drawn < 0 || c.Bad < 0 || c.Worse < 0 || c.Bytes < 0 {
		return fmt.Errorf("train: %s: %w: %+v, want nothing below 0", path, ErrState, c)
	}
	next, err := t.read(ctx, file)
	again, err := t.executor.Recover(ctx, err)
	if again {
		if err = t.leave(); err == nil {
			next, err = t.read(ctx, file)
		}
	}
	if err != nil {
		return fmt.Errorf("train: %s: %w", path, err)
	}
	before := t.state
	t.state, t.taken, t.options.Schedule.State, t.at, t.torn = next, r.Steps, r.Schedule, r.Course, false
	return before.close()
}

// read places the values of a state file, all or none.
func (t *Trainer) read(ctx context.Context, file *loader.Checkpoint) (next state, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, next.close())
		}
	}()
	for _, to := range next.parts() {
		if to.values == &next.averages && t.options.Average == 0 {
			continue
		}
		for _, p := range t.params {
			data := make([]float32, graph.Shape(p.Shape).Elements())
			if err := file.Read(to.name+"."+p.Name, data); err != nil {
				return next, fmt.Errorf("%w: %w", ErrState, err)
			}
			if err := t.place(ctx, to.values, data); err != nil {
				return next, err
			}
		}
	}
	return next, nil
}

// close gives the values back.
func (s *state) close() error {
	var errs []error
	for _, part := range s.parts() {
		errs = append(errs, closed(*part.values))
	}
	return errors.Join(errs...)
}
