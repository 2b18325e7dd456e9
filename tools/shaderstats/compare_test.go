package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/engine"
)

var good = row{Driver: "Mesa 1", Chip: "vega10", Pipeline: "gemm_tiled 64 1", Uses: "GLIP-T/f32 GLIP-L/f32", Path: "stage0, qkv", Subgroup: 64, Registers: 88,
	Scalars: 32, Shared: 8704, Waves: 2, Cycles: 15000, Code: 3696, MultiplyAdds: 64, Loop: 83}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name          string
		change        func(r *row)
		problem, note string // a part of the only one
	}{
		{"the same", func(*row) {}, "", ""},
		{"better", func(r *row) { r.Waves, r.Loop = 3, 80 }, "", ""},
		{"spilled registers", func(r *row) { r.Spilled = 1 }, "1 registers and 0 scalar ones are spilled", ""},
		{"spilled scalars", func(r *row) { r.SpilledScalars = 2 }, "0 registers and 2 scalar ones are spilled", ""},
		{"scratch", func(r *row) { r.Scratch = 16 }, "16 bytes of scratch", ""},
		{"scratch of another driver", func(r *row) { r.Driver, r.Scratch = "Mesa 2", 16 }, "16 bytes of scratch", "NO BASELINE"},
		{"fewer waves", func(r *row) { r.Waves = 1 }, "1 waves, the baseline has 2", ""},
		{"smaller share", func(r *row) { r.Loop = 84 }, "76.2 % of the inner loop multiply and add, in the baseline 77.1 %", ""},
		{"no loop any more", func(r *row) { r.Loop, r.MultiplyAdds = 0, 0 }, "- of the inner loop", ""},
		{"slower, but no matter", func(r *row) { r.Cycles, r.Code, r.Registers = 16000, 5000, 96 }, "", ""},
		{"only tried", func(r *row) { r.Uses, r.Spilled, r.Waves = tried, 9, 1 }, "", ""},
		{"another driver", func(r *row) { r.Driver, r.Waves = "Mesa 2", 1 }, "", "Mesa 2, vega10: NO BASELINE"},
		{"another chip", func(r *row) { r.Chip, r.Waves = "navi21", 1 }, "", "Mesa 1, navi21: NO BASELINE"},
		{"a new pipeline", func(r *row) { r.Pipeline, r.Waves = "gemm_tiled 64 0", 1 }, "", "1 pipelines are new"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := good
			c.change(&r)
			problems, notes := compare([]row{r}, []row{good})
			gone := func(n string) bool { return n == "1 pipelines of the baseline were not measured" }
			if slices.ContainsFunc(notes, gone) != (r.key() != good.key()) {
				t.Errorf("notes %q: those that are gone", notes)
			}
			notes = slices.DeleteFunc(notes, gone)
			if !only(problems, c.problem) || !only(notes, c.note) {
				t.Errorf("problems %q, notes %q; want %q and %q", problems, notes, c.problem, c.note)
			}
			if (c.problem != "") != (report(io.Discard, []row{r}, []row{good}) != nil) {
				t.Error("report gives the wrong verdict")
			}
		})
	}
}

// only reports whether got is one sentence with this part, or nothing for "".
func only(got []string, part string) bool {
	if part == "" {
		return len(got) == 0
	}
	return len(got) == 1 && strings.Contains(got[0], part)
}

func TestRows(t *testing.T) {
	rows := []row{good, {Driver: "Mesa 1", Chip: "navi21", Pipeline: "softmax", Spilled: 1, SpilledScalars: 2, Scratch: 3}}
	var b bytes.Buffer
	if err := writeRows(&b, rows); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	got, err := readRows(&b)
	if err != nil || !slices.Equal(got, rows) {
		t.Errorf("%+v, %v; want %+v", got, err, rows)
	}
	for name, bad := range map[string]string{
		"column gone":    strings.Replace(text, ",waves", "", 1),
		"column renamed": strings.Replace(text, "waves", "occupancy", 1),
		"not a number":   strings.Replace(text, ",8704,", ",many,", 1),
		"a short line":   text + "Mesa 1,navi31\n",
		"an open quote":  text + "\"",
	} {
		if _, err := readRows(strings.NewReader(bad)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestRun measures nothing: it compares files, and makes them the baseline.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	measured, baseline, doc := filepath.Join(dir, "m.csv"), filepath.Join(dir, "new", "b.csv"), filepath.Join(dir, "d.md")
	write := func(r row) {
		t.Helper()
		if err := replace(measured, func(w io.Writer) error { return writeRows(w, []row{r}) }); err != nil {
			t.Fatal(err)
		}
	}
	try := func(args ...string) (string, error) {
		var out, messages bytes.Buffer
		err := run(t.Context(), append([]string{"-baseline", baseline, "-doc", doc}, args...), &out, &messages)
		return out.String() + messages.String(), err
	}
	write(good)
	if out, err := try(measured); err != nil || !strings.Contains(out, "NO BASELINE") || !strings.Contains(out, "77.1 %") {
		t.Errorf("without a baseline: %v, %s", err, out)
	}
	if out, err := try("-update", measured); err != nil || strings.Contains(out, "note") {
		t.Errorf("update: %v, %s", err, out)
	}
	if text, err := os.ReadFile(doc); err != nil || !strings.Contains(string(text), "## vega10 (GCN 5), Mesa 1") {
		t.Errorf("the document: %v, %s", err, text)
	}
	worse := good
	worse.Waves = 1
	write(worse)
	if out, err := try(measured); err == nil || !strings.Contains(out, "FAIL") {
		t.Errorf("worse: %v, %s", err, out)
	}
	worse.Scratch = 4
	write(worse)
	if _, err := try("-update", measured); err == nil {
		t.Error("scratch is accepted with -update")
	}
	for _, args := range [][]string{{}, {filepath.Join(dir, "nothing.csv")}, {"-no-such-flag"}} {
		if _, err := try(args...); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// TestDocInStep compares the committed tables with the committed baseline.
func TestDocInStep(t *testing.T) {
	rows, err := readFiles([]string{"baseline.csv"})
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := writeDoc(&want, rows); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/shaderstats.md")
	if err != nil || string(got) != want.String() {
		t.Errorf("docs/shaderstats.md is not what baseline.csv says (%v): run make shaderstats STATSFLAGS=-update", err)
	}
	if problems, notes := compare(rows, rows); len(problems)+len(notes) > 0 {
		t.Errorf("the baseline itself: %q, %q", problems, notes)
	}
}

// TestPlaces: a chip is compiled for in one place, an emulated system gets its environment from the emulator alone, and Mesa's warnings are not
// taken for what a program said.
func TestPlaces(t *testing.T) {
	places := []place{{}, {shims: "s"}, {system: "/sys", program: "p"}}
	for _, c := range chips {
		n := 0
		for _, p := range places {
			if p.has(c.family) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s is compiled for in %d places", c.name, n)
		}
	}
	cmd := places[2].command(t.Context(), "self", "g610", []string{"A=1", "B=2"})
	if got := strings.Join(cmd.Args[1:], " "); got != "-L /sys -E A=1 -E B=2 p -compile g610" || cmd.Env == nil || len(cmd.Env) > 0 {
		t.Errorf("%s in %q", got, cmd.Env)
	}
	cmd = place{}.command(t.Context(), "self", "vega10", []string{"A=1"})
	if got := strings.Join(cmd.Args, " "); got != "self -compile vega10" || !slices.Equal(cmd.Env, []string{"A=1"}) {
		t.Errorf("%s in %q", got, cmd.Env)
	}
	for messages, want := range map[string]string{"MESA: error: Opening\nshaderstats: no device\ntrace": "shaderstats: no device", "MESA: error: x\n": "MESA: error: x", "": ""} {
		if got := said(messages); got != want {
			t.Errorf("%q: %q, want %q", messages, got, want)
		}
	}
	if emulated("vega10") || !emulated("g610") {
		t.Error("who is emulated")
	}
	reserved := statistic{seen: "_scratch"}
	if reserved.used([]engine.Representation{{Text: "@load_ssbo"}}) || !reserved.used([]engine.Representation{{Text: "@load_ssbo"}, {Text: "@load_scratch"}}) {
		t.Error("whether reserved memory is used")
	}
}

// TestMerge: an update of some chips keeps the baseline of the others.
func TestMerge(t *testing.T) {
	old, other, newer := good, good, good
	other.Chip, newer.Driver = "skl", "Mesa 2"
	if got := merge([]row{newer}, []row{old, other}); !slices.Equal(got, []row{newer, other}) {
		t.Errorf("%+v", got)
	}
}

// TestTrials: every shape that is tried has all the constants that the table and its multiply-adds are read from, and what spills is not predicted.
func TestTrials(t *testing.T) {
	first := trials[0].shapes[0]
	r := row{Pipeline: "gemm_tiled", Uses: tried, Waves: 4, MultiplyAdds: 32, Loop: 64}
	for _, c := range first {
		r.Pipeline += fmt.Sprintf(" %d", c)
	}
	other := row{Pipeline: "softmax", Waves: 32}
	if text := trialTable([]row{r, other}); !strings.Contains(text, "0.250") { // half of them, and half of a quarter of the waves
		t.Error(text)
	}
	r.Spilled = 1
	if text := trialTable([]row{r, other}); !strings.Contains(text, "spills") {
		t.Error(text)
	}
	for _, tr := range trials {
		for _, shape := range tr.shapes {
			if n := tr.adds(shape); n == 0 || n > 4096 {
				t.Errorf("%s %v: %d multiply-adds", tr.what, shape, n)
			}
		}
	}
}
