package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/loader"
)

// tensors lists all weights as they are now, by official names, averaged ones where averages are kept
// and asked for.
func (t *Trainer) tensors(ctx context.Context, averaged bool) (list []loader.Saved) {
	now := map[string]executor.Value{}
	for i, p := range t.params {
		if now[p.Name] = t.state.weights[i]; averaged {
			now[p.Name] = t.state.averages[i]
		}
	}
	for _, p := range t.cfg.Params() {
		list = append(list, loader.Saved{Name: glip.OfficialName(p.Name), Shape: p.Shape, Data: func() ([]float32, error) {
			data, err := t.tensor(ctx, now, p)
			if err != nil {
				return nil, err
			}
			_, data = glip.OfficialTensor(p, data)
			return data, nil
		}})
	}
	return list
}

func (t *Trainer) tensor(ctx context.Context, now map[string]executor.Value, p glip.Param) ([]float32, error) {
	if v, trained := now[p.Name]; trained {
		return v.Read(ctx)
	}
	return t.source.Tensor(p.Name, p.Shape)
}

// Save writes all weights, trained or not, under the names of microsoft/GLIP: to a path that ends with
// .safetensors in that format, else as torch.save does, in the entry "model". The file is complete or what was
// there before.
func (t *Trainer) Save(ctx context.Context, path string) error {
	return file.Save(path, 0o644, func(w io.Writer) error {
		if filepath.Ext(path) == ".safetensors" {
			return loader.SaveSafetensors(w, map[string]string{"format": "pt"}, t.tensors(ctx, false))
		}
		return loader.SavePickle(w, "model", t.tensors(ctx, false))
	})
}

// resumed is what a state file says besides tensors.
type resumed struct {
	Version  int      `json:"version"`
	Steps    int      `json:"steps"`
	Mode     Mode     `json:"mode"`
	Frozen   int      `json:"frozen"`
	Seed     int      `json:"seed"`
	Average  float64  `json:"average"`
	Schedule Progress `json:"schedule"`
	Extra    string   `json:"extra,omitempty"`
}

const stateVersion = 1

// stateEntry is the key of it in a file's metadata.
const stateEntry = "glipvk.training"

// SaveState writes what [Trainer.LoadState] goes on from: the trained weights with moments and averages, and how
// far the training is. extra is the caller's own. The file is complete or what was there before, even when the
// machine stops meanwhile.
func (t *Trainer) SaveState(ctx context.Context, path, extra string) error {
	o := t.options
	text, err := json.Marshal(resumed{stateVersion, t.taken, o.Mode, o.Frozen, o.Seed, o.Average, o.Schedule.State, extra})
	if err != nil {
		return err
	}
	var list []loader.Saved
	for _, s := range t.state.parts() {
		for i, v := range s.values {
			p := t.params[i]
			list = append(list, loader.Saved{Name: s.name + "." + p.Name, Shape: p.Shape, Data: func() ([]float32, error) { return v.Read(ctx) }})
		}
	}
	return file.Save(path, 0o644, func(w io.Writer) error {
		return loader.SaveSafetensors(w, map[string]string{stateEntry: string(text)}, list)
	})
}

// parts are the state's lists by name.
func (s *state) parts() []struct {
	name   string
	values []executor.Value
} {
	return []struct {
		name   string
		values []executor.Value
	}{{"weight", s.weights}, {"first", s.first}, {"second", s.second}, {"average", s.averages}}
}

// ErrState is wrapped where a file does not hold the state of this training.
var ErrState = errors.New("not the state of this training")

// LoadState goes on from a file that [Trainer.SaveState] wrote, bit for bit, and returns the caller's own part. The
// options must be those of then, but for the length of the training. After an error nothing has changed.
func (t *Trainer) LoadState(path string) (extra string, err error) {
	file, err := loader.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var r resumed
	if err := json.Unmarshal([]byte(file.Metadata()[stateEntry]), &r); err != nil {
		return "", fmt.Errorf("train: %s: %w: it says nothing of a training", path, ErrState)
	}
	o := t.options
	if r.Version != stateVersion || r.Mode != o.Mode || r.Frozen != o.Frozen || r.Seed != o.Seed || r.Average != o.Average || r.Steps < 0 {
		return "", fmt.Errorf("train: %s: %w: version %d, mode %s, frozen %d, seed %d, average %g; here they are %d, %s, %d, %d, %g",
			path, ErrState, r.Version, r.Mode, r.Frozen, r.Seed, r.Average, stateVersion, o.Mode, o.Frozen, o.Seed, o.Average)
	}
	var next state
	for _, to := range []struct {
		name   string
		values *[]executor.Value
		absent bool
	}{{"weight", &next.weights, false}, {"first", &next.first, false}, {"second", &next.second, false}, {"average", &next.averages, o.Average == 0}} {
		if to.absent {
			continue
		}
		for _, p := range t.params {
			data := make([]float32, graph.Shape(p.Shape).Elements())
			if err := file.Read(to.name+"."+p.Name, data); err != nil {
				return "", fmt.Errorf("train: %s: %w: %w", path, ErrState, err)
			}
			if err := t.place(context.Background(), to.values, data); err != nil {
				return "", err
			}
		}
	}
	var errs []error
	for _, s := range t.state.parts() {
		errs = append(errs, closed(s.values))
	}
	t.state, t.taken, t.options.Schedule.State = next, r.Steps, r.Schedule
	return r.Extra, errors.Join(errs...)
}
