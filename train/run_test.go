package train_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/train"
)

// lines reads what a run reported, without times.
func lines(t *testing.T, out string) (list []train.Report) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(out, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var r train.Report
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		r.Seconds, r.Left = 0, 0
		list = append(list, r)
	}
	return list
}

// killedOut is the folder of the run that TestKilledRun's program takes part in.
const killedOut = "GLIPVK_TEST_KILLED_OUT"

// killable trains in a folder, on from what is there.
func killable(t *testing.T, data, out string) {
	tr := trainer(t, func(o *train.Options) { o.Frozen, o.Average, o.Schedule.Patience = -1, 0.9, 0 })
	c := course(t, data, out)
	c.Steps, c.Validate, c.Save, c.Resume, c.Val = 20, 7, 3, true, &dataset.Set{Categories: c.Train.Categories, Pictures: c.Train.Pictures[:1]}
	if err := tr.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// alive goes on with a run in a program of its own and says whether it was killed before its end.
func alive(t *testing.T, out string, kill bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKilledRun$") // SIGKILL where ctx ends
	cmd.Env = append(os.Environ(), killedOut+"="+out)
	metrics := filepath.Join(out, "metrics.jsonl")
	if kill {
		before, _ := os.ReadFile(metrics) // none at first
		wanted, rest := bytes.Count(before, []byte("\n"))+1+rand.N(6), rand.N(40*time.Millisecond)
		go func() {
			for ctx.Err() == nil {
				if now, _ := os.ReadFile(metrics); bytes.Count(now, []byte("\n")) >= wanted {
					time.Sleep(rest)
					cancel()
				}
				time.Sleep(time.Millisecond)
			}
		}()
	}
	said, err := cmd.CombinedOutput()
	if err != nil && (!kill || ctx.Err() == nil) {
		t.Fatalf("%v: %s", err, said)
	}
	return err != nil
}

// TestKilledRun kills a training at random moments, again and again, and compares where it ends with one that was left alone.
func TestKilledRun(t *testing.T) {
	if out := os.Getenv(killedOut); out != "" {
		killable(t, filepath.Join(filepath.Dir(out), "toy.json"), out)
		return
	}
	folder := t.TempDir()
	data, alone, killed := toy(t, folder, 6), filepath.Join(folder, "alone"), filepath.Join(folder, "killed")
	if err := os.Truncate(filepath.Join(folder, "2.png"), 100); err != nil { // of no use
		t.Fatal(err)
	}
	killable(t, data, alone)
	deaths := 0
	for alive(t, killed, deaths < 8) {
		deaths++
	}
	if deaths < 3 {
		t.Errorf("it was killed %d times only", deaths)
	}
	for _, name := range []string{"last", "best", "last.ema", "best.ema"} {
		want, err := os.ReadFile(filepath.Join(alone, name+".safetensors"))
		got, err2 := os.ReadFile(filepath.Join(killed, name+".safetensors"))
		if err := errors.Join(err, err2); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s.safetensors has other bits after %d deaths, %v", name, deaths, err)
		}
	}
	if list, err := os.ReadDir(killed); err != nil || len(list) != 6 {
		t.Errorf("%v, %v: want four files of weights, a state and the metrics", list, err)
	}
	got, want := lines(t, killed), lines(t, alone)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("metrics are\n%+v, want\n%+v", got, want)
	}
	if !slices.ContainsFunc(want, func(r train.Report) bool { return len(r.Passed) == 1 && strings.Contains(r.Passed[0], "2.png") }) {
		t.Errorf("the picture that cannot be read is not named: %+v", want)
	}
}

// TestInterruptedRun ends a run by its context; another goes on from what it says is saved.
func TestInterruptedRun(t *testing.T) {
	folder := t.TempDir()
	c := course(t, toy(t, folder, 4), filepath.Join(folder, "out"))
	ctx, cancel := context.WithCancel(t.Context())
	c.Report = func(r train.Report) {
		if r.Step == 2 {
			cancel()
		}
	}
	err := trainer(t, nil).Run(ctx, c)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "after 2 steps is saved in") {
		t.Fatal(err)
	}
	c.Report, c.Resume = nil, true
	if err := trainer(t, nil).Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if list := lines(t, c.Out); len(list) != 3 || list[2].Step != 3 {
		t.Errorf("metrics are %+v", list)
	}
}

// TestNotFinite: with a rate that no weights survive, three steps have no loss, and the error names their pictures.
func TestNotFinite(t *testing.T) {
	folder := t.TempDir()
	c := course(t, toy(t, folder, 4), filepath.Join(folder, "out"))
	c.Steps = 9
	skipped := 0
	c.Report = func(r train.Report) {
		if r.Skipped != "" {
			skipped++
		}
	}
	err := trainer(t, func(o *train.Options) { o.Recipe.Rate = 1e30 }).Run(t.Context(), c)
	if !errors.Is(err, train.ErrNotFinite) || skipped != 2 || !strings.Contains(err.Error(), ".png") || !strings.Contains(err.Error(), "3 steps in a row") {
		t.Errorf("after %d skipped steps: %v", skipped, err)
	}
	for i := range 4 {
		if name := filepath.Join(folder, string(rune('0'+i))+".png"); err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}

// TestUseless: pictures that cannot be read are passed over, but not for ever.
func TestUseless(t *testing.T) {
	folder := t.TempDir()
	c := course(t, toy(t, folder, 3), filepath.Join(folder, "out"))
	for _, p := range c.Train.Pictures {
		if err := os.Remove(p.Path); err != nil {
			t.Fatal(err)
		}
	}
	if err := trainer(t, nil).Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "100 pictures in a row") || !strings.Contains(err.Error(), ".png") {
		t.Error(err)
	}
}

// TestEmpty: a step takes a picture without things as background; a run passes over one whose caption names nothing in it.
func TestEmpty(t *testing.T) {
	folder := t.TempDir()
	c := course(t, toy(t, folder, 3), filepath.Join(folder, "out"))
	p := c.Train.Pictures[0]
	decoded, err := picture.Open(t.Context(), p.Path, picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	p.Objects = nil
	s, err := p.Sample(t.Context(), decoded, dataset.Caption{Text: "cat. dog"}, dataset.View{Short: 64, Long: 128}, picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	tr := trainer(t, nil)
	l, err := tr.Step(t.Context(), s, s)
	if err != nil || l.Box != 0 || l.Centerness != 0 || !(l.Token > 0) {
		t.Errorf("losses %+v, %v; want none of boxes", l, err)
	}
	c.Train.Pictures[1].Objects = nil
	passed := 0
	c.Report = func(r train.Report) { passed += len(r.Passed) }
	if err := tr.Run(t.Context(), c); err != nil || passed == 0 {
		t.Errorf("%d pictures were passed over, %v", passed, err)
	}
}

// TestEarlyStop measures by what the untrained detector finds, which training makes worse.
func TestEarlyStop(t *testing.T) {
	folder := t.TempDir()
	c := course(t, toy(t, folder, 2), filepath.Join(folder, "out"))
	tr := trainer(t, func(o *train.Options) { // the first step changes nothing
		o.Recipe.Rate, o.Schedule = 0.01, train.Schedule{Kind: train.Steps, Length: 9, Warmup: train.Warmup{Steps: 1}}
	})
	d, err := tr.Detector(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p := c.Train.Pictures[0]
	decoded, err := picture.Open(t.Context(), p.Path, picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := d.Detect(t.Context(), glipvk.Query{Classes: c.Train.Names()}, decoded)
	if err != nil || len(found[0]) == 0 {
		t.Fatalf("%d things are found, %v", len(found), err)
	}
	p.Objects = nil
	for _, f := range found[0] {
		p.Objects = append(p.Objects, dataset.Object{Box: f.Box, Label: f.Label})
	}
	c.Val, c.Validate, c.Stop, c.Steps = &dataset.Set{Categories: c.Train.Categories, Pictures: []dataset.Picture{p}}, 1, 2, 9
	if err := tr.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	list := lines(t, c.Out)
	if last := list[len(list)-1]; last.Step != 3 || !strings.Contains(last.Stopped, "2 measurements in a row") {
		t.Errorf("the last line is %+v", last)
	}
}

// TestClosedRun takes the device away under a run: on the CPU the state is saved all the same, of Vulkan it is what was saved before.
func TestClosedRun(t *testing.T) {
	for device, says := range map[string]string{"cpu": "the state after 2 steps is saved in", "vulkan": "the state after 1 steps is the last that could be saved"} {
		t.Run(device, func(t *testing.T) {
			folder := t.TempDir()
			c := course(t, toy(t, folder, 4), filepath.Join(folder, "out"))
			o, _ := train.Defaults(train.Linear, 0)
			tr := readied(t, loaded(t, device), o)
			c.Save, c.Steps = 1, 9
			c.Report = func(r train.Report) {
				if r.Step == 2 {
					if err := tr.Close(); err != nil || tr.Executor().Live() != 0 {
						t.Errorf("%d objects are left, %v", tr.Executor().Live(), err)
					}
				}
			}
			if err := tr.Run(t.Context(), c); !errors.Is(err, glipvk.ErrClosed) || !strings.Contains(err.Error(), says) {
				t.Errorf("%v, want %q", err, says)
			}
		})
	}
}

// TestDefaultsRun takes a step of each mode as the paper has it, chance included.
func TestDefaultsRun(t *testing.T) {
	folder := t.TempDir()
	data := toy(t, folder, 4)
	for _, m := range train.Modes() {
		o, c := train.Defaults(m, 1)
		toys := course(t, data, filepath.Join(folder, string(m)))
		c.Train, c.Shorts, c.Long, c.Out, c.Steps = toys.Train, toys.Shorts, toys.Long, toys.Out, 1
		tr := trainer(t, func(to *train.Options) { *to = o })
		before, err := tr.Weights(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.Run(t.Context(), c); err != nil {
			t.Errorf("%s: %v", m, err)
		}
		after, err := tr.Weights(t.Context())
		if err != nil || reflect.DeepEqual(before, after) {
			t.Errorf("%s: nothing has changed, %v", m, err)
		}
	}
}
