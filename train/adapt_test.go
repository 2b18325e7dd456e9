package train_test

import (
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/train"
)

// shown are samples of the first pictures of the toy set.
func shown(t *testing.T, count int) (list []dataset.Sample) {
	t.Helper()
	c := course(t, toy(t, t.TempDir(), count), "")
	caption, err := dataset.Fixed(c.Train.Names(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Train.Pictures {
		decoded, err := picture.Open(t.Context(), p.Path, picture.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.Sample(t.Context(), decoded, caption, dataset.View{Short: 64, Long: 128}, picture.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	return list
}

// lossWith is what a file's weights, or those by formula, lose on samples, without chance.
func lossWith(t *testing.T, path string, list []dataset.Sample) float64 {
	t.Helper()
	cfg, err := glip.ParseConfig([]byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	l, err := glipvk.LoadDetector("", glipvk.DetectorOptions{
		Options: glipvk.Options{Device: "cpu", Weights: path}, Arch: &cfg, Vocabulary: "../testdata/glip/tiny/vocab.txt",
	})
	if err != nil {
		t.Fatal(err)
	}
	o, _ := train.Defaults(train.Linear, 0)
	o.Random = glip.Random{}
	tr, err := train.New(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	losses, err := tr.Step(t.Context(), list...)
	if err != nil {
		t.Fatal(err)
	}
	return losses.Sum()
}

// TestAdapters: adapters change nothing at the start, learn on every device, and what is saved gives the numbers that they gave.
func TestAdapters(t *testing.T) {
	list := shown(t, 2)
	zero := lossWith(t, "synthetic:1", list)
	near := func(what string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 2e-5*want) {
			t.Errorf("%s: loss %g, want %g", what, got, want)
		}
	}
	for _, device := range devices {
		t.Run(device, func(t *testing.T) {
			o, _ := train.Defaults(train.Adapters, 0)
			o.Random, o.Adapters.Globs = glip.Random{}, append(o.Adapters.Globs, "rpn.head.dyhead_tower.0.b_attn.attn.*", "rpn.head.bbox_pred")
			tr := readied(t, loaded(t, device), o)
			defer tr.Close()
			var losses []float64
			path := filepath.Join(t.TempDir(), "adapted.safetensors")
			for k := range 4 {
				if k == 3 {
					if err := tr.Save(t.Context(), path, train.Saving{}); err != nil {
						t.Fatal(err)
					}
				}
				l, err := tr.Step(t.Context(), list...)
				if err != nil {
					t.Fatal(err)
				}
				losses = append(losses, l.Sum())
			}
			near("at the start", losses[0], zero)
			near("after 3 steps, by what is saved", lossWith(t, path, list), losses[3])
			if !(losses[3] < 0.999*losses[0]) {
				t.Errorf("they learn nothing: losses %v", losses)
			}
		})
	}
}

// TestAdaptersState: a state has them apart from their weights, and says of what they are.
func TestAdaptersState(t *testing.T) {
	adapters := func(o *train.Options) { *o, _ = train.Defaults(train.Adapters, 0) }
	list := shown(t, 1)
	one, other := trainer(t, adapters), trainer(t, adapters)
	path := filepath.Join(t.TempDir(), "state")
	if _, err := one.Step(t.Context(), list...); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(one.SaveState(t.Context(), path), other.LoadState(t.Context(), path)); err != nil {
		t.Fatal(err)
	}
	for _, tr := range []*train.Trainer{one, other} {
		if _, err := tr.Step(t.Context(), list...); err != nil {
			t.Fatal(err)
		}
	}
	want, err := one.Weights(t.Context())
	got, err2 := other.Weights(t.Context())
	if err := errors.Join(err, err2); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the weights are others after a step from the state, %v", err)
	}
	thin := trainer(t, func(o *train.Options) { adapters(o); o.Adapters.Rank = 4 })
	if err := thin.LoadState(t.Context(), path); !errors.Is(err, train.ErrState) {
		t.Errorf("a state of another rank: %v", err)
	}
}

// TestAdaptersRefused names what is wrong with options.
func TestAdaptersRefused(t *testing.T) {
	for _, change := range []func(*train.Options){
		func(o *train.Options) { o.Adapters.Globs = nil },
		func(o *train.Options) { o.Adapters.Globs = []string{"no.such.map"} },
		func(o *train.Options) { o.Adapters.Rank = 0 },
		func(o *train.Options) { o.Adapters.Alpha = math.NaN() },
		func(o *train.Options) { o.Mode = train.Head },
	} {
		o, _ := train.Defaults(train.Adapters, 0)
		change(&o)
		if tr, err := train.New(t.Context(), loaded(t, "cpu"), o); !errors.Is(err, train.ErrOptions) || tr != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
