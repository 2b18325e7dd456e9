package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/internal/file/filetest"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
	"github.com/spf13/cobra"
)

// command is one that ends with an error, and has the flags that several have.
func command(err error) (*cobra.Command, *Device, *Weights, *picture.Limits) {
	var d Device
	var w Weights
	var l picture.Limits
	cmd := &cobra.Command{Use: "tool", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return err }}
	d.Define(cmd)
	w.Define(cmd, "some", func() []string { return []string{"some"} })
	Limits(cmd, &l)
	return cmd, &d, &w, &l
}

func TestRun(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	bad := fmt.Errorf("no such model: %w", glipvk.ErrInput)
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		args []string
		code int
		says string
	}{
		{"done", t.Context(), nil, nil, Done, ""},
		{"failure", t.Context(), errors.New("device lost"), nil, Failure, "tool: device lost\n"},
		{"input", t.Context(), bad, nil, Input, "tool: no such model"},
		{"usage", t.Context(), Usage("--size %d", 3), nil, Input, "tool: --size 3\n"},
		{"wrong", t.Context(), errors.Join(bad, ErrWrong), nil, Wrong, "verification failed"},
		{"choice", t.Context(), &loader.Error{File: "a.pth", Kind: loader.ErrChoice, Detail: "x and y"}, nil, Failure, "x and y (--weights-entry)\n"},
		{"flag", t.Context(), nil, []string{"--bogus"}, Input, `"tool --help" shows flags`},
		{"argument", t.Context(), nil, []string{"x"}, Input, "x"},
		{"interrupted", over, fmt.Errorf("reading: %w", context.Canceled), nil, Failure, "tool: interrupted\n"},
		{"interrupted between", over, errors.Join(&Interrupted{Rest: "1 of 2 done"}, context.Canceled), nil, Failure, "tool: interrupted: 1 of 2 done\n"},
		{"a call that was called off", t.Context(), context.Canceled, nil, Failure, "tool: context canceled\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			cmd, _, _, _ := command(c.err)
			if code := Run(c.ctx, cmd, c.args, &stdout, &stderr); code != c.code || !strings.Contains(stderr.String(), c.says) || (c.says == "") != (stderr.Len() == 0) {
				t.Errorf("exit status %d, want %d, and %q", code, c.code, stderr.String())
			}
		})
	}
}

func TestFlags(t *testing.T) {
	cmd, d, w, l := command(nil)
	if err := cmd.ParseFlags([]string{"--device", "vulkan", "--precision", "f16", "--no-tune", "--no-fusion", "--weights", "a.pth", "--allow-non-finite", "--max-side", "9"}); err != nil {
		t.Fatal(err)
	}
	var o glipvk.Options
	if err := d.Apply(&o); err != nil {
		t.Fatal(err)
	}
	name, arch, err := Architecture(cmd, *w, &o, swin.ParseConfig)
	if name != "some" || arch != nil || err != nil {
		t.Errorf("model %q, %v, %v", name, arch, err)
	}
	if o.Device != "vulkan" || o.Precision != glipvk.F16 || !o.Tuning.Off || !o.NoFusion || o.Weights != "a.pth" || !o.AllowNonFinite || l.MaxSide != 9 {
		t.Errorf("options %+v, limits %+v", o, l)
	}
	if err := CheckLimits(*l); err != nil {
		t.Error(err)
	}
	l.MaxMemory = 0
	d.Precision = "int4"
	if err := errors.Join(CheckLimits(*l), d.Apply(&o)); ExitCode(err) != Input || !strings.Contains(err.Error(), "--max-memory 0") || !strings.Contains(err.Error(), "--precision") {
		t.Errorf("bad flags: %v", err)
	}
	var said bytes.Buffer
	Fell(&said, "tool", glipvk.DeviceInfo{Name: "CPU"})
	Fell(&said, "tool", glipvk.DeviceInfo{Name: "CPU", Fallback: "no GPU"})
	if said.String() != "tool: auto takes the CPU: no GPU\n" {
		t.Errorf("a fallback is told as %q", said.String())
	}
}

// An architecture is a small regular file, and the only thing that names the model.
func TestArchitecture(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	paths := map[string]string{
		write("huge.json", strings.Repeat(" ", mostArch+1)): "too large", write("bad.json", "{}"): "bad.json", filepath.Join(dir, "none"): "none",
	}
	for _, odd := range filetest.Odds(t, "arch.json") {
		paths[odd.Path] = "not a regular file"
	}
	for path, says := range paths {
		began := time.Now()
		if _, err := ReadArch(t.Context(), path, swin.ParseConfig); ExitCode(err) != Input || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "--arch") {
			t.Errorf("%s: %v, want %q", path, err, says)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s took %v", path, took)
		}
	}
	cmd, _, w, _ := command(nil)
	if err := cmd.ParseFlags([]string{"--model", "some", "--arch", "a.json"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Architecture(cmd, *w, &glipvk.Options{}, swin.ParseConfig); ExitCode(err) != Input || !strings.Contains(err.Error(), "exclude") {
		t.Errorf("two models: %v", err)
	}
}

// What the library says of its options a command says of its flags.
func TestWords(t *testing.T) {
	for said, want := range map[string]string{
		"raise MaxMemory to allow it":       "raise --max-memory to allow it",
		"set PadSmallMap, or raise MaxSide": "set --pad-small-map, or raise --max-side",
		"it (DetectorOptions.Vocabulary)":   "it (--vocab)",
		"the picture MaxSideways":           "the picture MaxSideways",
	} {
		if got := Words(said); got != want {
			t.Errorf("%q becomes %q, want %q", said, got, want)
		}
	}
	for option, flag := range flags {
		if Words("x "+option+".") != "x "+flag+"." {
			t.Errorf("%s does not become %s", option, flag)
		}
	}
}

// An interrupted program has its patience from when the hold on it ends, to say what it saved; without a program there is nothing to hold.
func TestHold(t *testing.T) {
	const patience = 20 * time.Millisecond
	Hold(t.Context())()
	ctx, hold := holding(t.Context())
	began := time.Now()
	if patient(hold, patience); time.Since(began) < patience {
		t.Error("a program that nothing holds has no patience")
	}
	hold.Unlock()
	release := Hold(ctx)
	ended := make(chan time.Time)
	go func() {
		patient(hold, patience)
		ended <- time.Now()
	}()
	for hold.TryRLock() { // it has not come to wait for the hold yet
		hold.RUnlock()
		time.Sleep(time.Millisecond)
	}
	released := time.Now()
	release()
	if left := (<-ended).Sub(released); left < patience {
		t.Errorf("the program ends %v after its hold", left)
	}
}
