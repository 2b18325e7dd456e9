package loader

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// pair is an entry of a dictionary in a pickle: of another one, of a tensor, or of None.
type pair struct {
	key   string
	value any // []pair, list or tensor
}

type (
	list   []any
	tensed struct{} // a tensor of one element
)

// put writes a value.
func (p *pickler) value(v any) *pickler {
	switch v := v.(type) {
	case []pair:
		p.op(opEmptyDict)
		for _, e := range v {
			p.str(e.key).value(e.value).op(opSetItem)
		}
	case list:
		p.op(opEmptyList)
		for _, x := range v {
			p.value(x).op(opAppend)
		}
	case tensed:
		p.tensor(view{class: "FloatStorage", key: "0", numel: 1, shape: []int64{1}, strides: []int64{1}})
	default:
		p.op(opNone)
	}
	return p
}

// weights is a dictionary of parameters.
func weights(names ...string) (d []pair) {
	for _, name := range names {
		d = append(d, pair{name, tensed{}})
	}
	return d
}

// The dictionary of weights is found wherever a framework puts it, chosen where there are
// several, and those that could be meant are listed.
func TestEntries(t *testing.T) {
	sd, other := weights("a.weight", "a.bias"), weights("b.weight")
	adam := []pair{{"state", []pair{{"a.weight", weights("exp_avg")}}}, {"exp_avg", weights("a.weight")}}
	rng := pair{"rng_state", tensed{}}
	for _, tc := range []struct {
		name   string
		object any
		entry  string
		tensor string // first name
		from   string // wrapper, or of an error some words
		fails  error
	}{
		{"plain", sd, "", "a.weight", "", nil},
		{"state_dict", []pair{{"meta", nil}, {"state_dict", sd}}, "", "a.weight", "state_dict", nil},
		{"usual first", []pair{{"state_dict_ema", other}, {"model", other}, {"state_dict", sd}}, "", "a.weight", "state_dict", nil},
		{"model", []pair{{"model_ema", other}, {"model", sd}}, "", "a.weight", "model", nil},
		{"ema alone", []pair{{"epoch", nil}, {"state_dict_ema", sd}}, "", "a.weight", "state_dict_ema", nil},
		{"model_ema alone", []pair{{"model_ema", sd}, {"model", nil}}, "", "a.weight", "model_ema", nil},
		{"empty model", []pair{{"model", []pair{}}, {"params", sd}}, "", "a.weight", "params", nil},
		{"optimizer", []pair{{"net", sd}, {"optimizer", adam}, {"optim", weights("x.y")}, rng}, "", "a.weight", "net", nil},
		{"nested", []pair{{"model", []pair{{"state_dict", sd}}}}, "", "a.weight", "model.state_dict", nil},
		{"deep", []pair{{"a", []pair{{"b", []pair{{"c", []pair{{"d", sd}}}}}}}}, "", "a.weight", "a.b.c.d", nil},
		{"in a list", list{sd, nil}, "", "a.weight", "0", nil},
		{"list inside", []pair{{"models", list{[]pair{{"net", sd}}}}}, "", "a.weight", "models.0.net", nil},
		{"no dots", []pair{{"params", weights("w")}}, "", "w", "params", nil},
		{"dots win", []pair{{"stats", weights("mean")}, {"params", sd}}, "", "a.weight", "params", nil},

		{"two", []pair{{"generator", sd}, {"generator_ema", other}}, "", "", "generator (2 tensors), generator_ema (1 tensor)", ErrChoice},
		{"two nested", []pair{{"model", []pair{{"net", sd}, {"ema", other}}}}, "", "", "model.net (2 tensors), model.ema (1 tensor)", ErrChoice},
		{"one of two", []pair{{"generator", sd}, {"generator_ema", other}}, "generator_ema", "b.weight", "generator_ema", nil},
		{"by its path", []pair{{"model", []pair{{"net", sd}, {"ema", other}}}}, "model.ema", "b.weight", "model.ema", nil},
		{"ema beside", []pair{{"state_dict", sd}, {"state_dict_ema", other}}, "state_dict_ema", "b.weight", "state_dict_ema", nil},
		{"key with dots", []pair{{"v1.0", sd}, {"v2.0", other}}, "v2.0", "b.weight", "v2.0", nil},
		{"names", []pair{{"state_dict", weights("student.x", "teacher.x.w")}}, "teacher", "x.w", "state_dict", nil},
		{"entry and names", []pair{{"model", other}, {"ema", weights("student.x", "teacher.x.w")}}, "ema.teacher.x", "w", "ema", nil},
		{"optimizer on request", []pair{{"net", sd}, {"optimizer", adam}}, "optimizer.exp_avg", "a.weight", "optimizer.exp_avg", nil},
		{"not there", []pair{{"generator", sd}, {"ema", other}}, "discriminator", "", "generator (2 tensors), ema (1 tensor)", ErrMissing},
		{"no such names", []pair{{"state_dict", sd}}, "state_dict.teacher", "", `"teacher"`, ErrMissing},
		{"nothing", []pair{{"epoch", nil}, {"weights", []pair{}}}, "", "", "epoch, weights", ErrMissing},
		{"a list of nothing", list{nil}, "", "", "is a list, not a dictionary", ErrFormat},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := makeZip(t, member{"data.pkl", newPickle().value(tc.object).stop()}, member{"data/0", floats(1)})
			c, err := Options{Entry: tc.entry}.Read(strings.NewReader(string(file)), int64(len(file)), "test.pth")
			if tc.fails != nil {
				if !errors.Is(err, tc.fails) || !strings.Contains(err.Error(), tc.from) {
					t.Fatalf("%v, want %v with %q", err, tc.fails, tc.from)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Names()[0] != tc.tensor || c.Wrapper() != tc.from {
				t.Errorf("%v from %q, want %s from %q", c.Names(), c.Wrapper(), tc.tensor, tc.from)
			}
			if _, data, err := c.Tensor(tc.tensor); err != nil || len(data) != 1 {
				t.Errorf("%v, %v", data, err)
			}
		})
	}
}

// Others names the entries that were passed over, Skipped what a prefix leaves out.
func TestOthers(t *testing.T) {
	object := []pair{{"state_dict", weights("a.w", "b.v", "b.w", "step")}, {"ema", weights("a.w")}}
	file := makeZip(t, member{"data.pkl", newPickle().value(object).stop()}, member{"data/0", floats(1)})
	c, err := Options{Entry: "b"}.Read(strings.NewReader(string(file)), int64(len(file)), "test.pth")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Others(), []string{"ema (1 tensor)"}) || c.Prefix() != "b." || !slices.Equal(c.Names(), []string{"v", "w"}) {
		t.Errorf("others %q, prefix %q, names %q", c.Others(), c.Prefix(), c.Names())
	}
	for _, want := range []string{"ema", "a.* (1 tensor)", "step (1 tensor)"} {
		if !slices.Contains(c.Skipped(), want) {
			t.Errorf("skipped %q, want %q", c.Skipped(), want)
		}
	}
}

// A dictionary that holds itself, and one that is reached by very many ways, is looked at once.
func TestEntriesBounded(t *testing.T) {
	p := newPickle().op(opEmptyDict).put(0)
	for range 200 {
		p.op(opEmptyDict).put(1).str("a").get(0).op(opSetItem).str("b").get(0).op(opSetItem).put(0)
	}
	p.str("self").get(0).op(opSetItem)
	if _, err := readPickle(t, p.stop()); !errors.Is(err, ErrMissing) {
		t.Errorf("error %v", err)
	}
}
