package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shell is a job that runs a script and reads its figure from the last line it prints.
func shell(e engine, w work, script string) job {
	return job{engine: e, works: []work{w}, argv: []string{"sh", "-c", script}, limit: time.Minute, reason: reasonONNX,
		read: func(j job, stdout string) (reading, error) {
			f, err := parseONNX(stdout, w)
			return reading{figures: []figure{f}, driver: "Mesa 9", flops: 1e9}, err
		}}
}

func needShell(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs sh")
	}
}

// TestMeasure runs scripts in the place of engines: they take turns, and one that failed is not asked again.
func TestMeasure(t *testing.T) {
	needShell(t)
	log := filepath.Join(t.TempDir(), "log")
	script := func(name, more string) string { return "echo " + name + " >>'" + log + "'; " + more }
	say := func(ms string) string { return `echo '{"median_ms": ` + ms + `}'` }
	jobs := []job{
		shell(oursSys32, glipT, script("ours", say("20"))),
		shell(ortSys32, glipT, script("theirs", "echo 'Error: broken' >&2; exit 3")),
		shell(oursCPU, glipT, script("cpu", say("'$(wc -l <'"+log+"')'"))),
		shell(ortCPU, glipT, script("slow", "exec sleep 60")),
		{engine: oursNew32, works: []work{glipT}, why: "no root"},
	}
	jobs[3].limit = 200 * time.Millisecond
	r := newReport(&prepared{}, []work{glipT}, 3)
	if err := measure(t.Context(), jobs, 3, r, &meter{}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(string(data)); strings.Join(got, " ") != "ours theirs cpu slow ours cpu ours cpu" {
		t.Errorf("order %v", got)
	}
	if x := r.row(glipT.name, oursCPU); len(x.Samples) != 3 || x.Samples[0] != 3 || x.Samples[2] != 8 {
		t.Errorf("samples %v, want those of three rounds", x.Samples)
	}
	for e, word := range map[string]string{ortSys32.id(): "broken", ortCPU.id(): "--timeout", oursNew32.id(): "no root"} {
		for _, x := range r.Rows {
			if x.engine.id() == e && !strings.Contains(x.Reason, word) {
				t.Errorf("%s: reason %q, want %q", e, x.Reason, word)
			}
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := measure(gone, jobs, 1, r, &meter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want it cancelled", err)
	}
}

// filled is a report with figures that are easy to check.
func filled(t *testing.T) *report {
	t.Helper()
	r := newReport(&prepared{ortIs: "1.2.3"}, []work{glipT, small}, 2)
	r.Started = time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		e      engine
		w      work
		values []float64
	}{
		{oursNew32, glipT, []float64{100, 300}}, {ortNew32, glipT, []float64{1600, 1600}}, {oursNew16, glipT, []float64{100}},
		{ortCPU, glipT, []float64{50}}, {oursNew32, small, []float64{60}}, {ggmlNew16, small, []float64{3}},
	} {
		for _, v := range c.values {
			r.add(job{engine: c.e, works: []work{c.w}}, reading{figures: []figure{{work: c.w.name, value: v}}, driver: "Mesa 9", flops: 6e9})
		}
	}
	r.failed(job{engine: ortSys32, works: []work{glipT}}, "a | b")
	if err := r.finish(); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReport(t *testing.T) {
	r := filled(t)
	for _, c := range []struct {
		e      engine
		w      work
		median float64
		faster float64
	}{
		{oursNew32, glipT, 200, 0}, {ortNew32, glipT, 1600, 8}, {oursNew16, glipT, 100, 0.5},
		{ortCPU, glipT, 50, 0}, // ours on the CPU has no figure
		{ggmlNew16, small, 3, 20},
	} {
		if x := r.row(c.w.name, c.e); x.Median != c.median || x.Faster != c.faster {
			t.Errorf("%s, %s: median %v, ours %v times faster; want %v and %v", c.e.id(), c.w.name, x.Median, x.Faster, c.median, c.faster)
		}
	}
	// 6 GFLOP in 200 ms are 30 GFLOP/s, half of the product's 60.
	if len(r.Shares) != 1 || math.Abs(r.Shares[0].GFLOPS-30) > 1e-12 || r.Shares[0].Best != 60 {
		t.Errorf("shares %+v", r.Shares)
	}
	text := r.markdown()
	for _, line := range []string{
		"| **glipvk** | newest | f32 | 200 | 100 to 300 |  |  |",
		"| **glipvk** | newest | f16 | 100 | 100 to 100 | 2.00 x | against glipvk f32 |",
		"| ONNX Runtime WebGPU | newest | f32 | 1600 | 1600 to 1600 | 8.00 x | than glipvk f32 |",
		`| ONNX Runtime WebGPU | system | f32 | - | - | - | a \| b |`,
		"| GLIP-T 224 | newest | f32 | 30.0 | GEMM 2x3x4 | 60.0 | 50 % |",
		"- newest driver: Mesa 9,", "ggml not here",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("the report lacks %q:\n%s", line, text)
		}
	}
	if err := newReport(&prepared{}, []work{glipT}, 1).finish(); err == nil {
		t.Error("a report without a figure is finished")
	}
	r.add(job{engine: oursCPU, works: []work{glipT}}, reading{figures: []figure{{work: glipT.name, value: math.NaN()}}})
	if x := r.row(glipT.name, oursCPU); len(x.Samples) != 0 || x.Reason == "" {
		t.Errorf("NaN is kept as %v", x.Samples)
	}
}

// TestWrite requires three whole files and nothing beside them.
func TestWrite(t *testing.T) {
	r, folder := filled(t), t.TempDir()
	for range 2 { // the second time over the first
		if err := r.write(folder); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 3 {
		t.Fatalf("%v (%v), want three files", entries, err)
	}
	data, err := os.ReadFile(filepath.Join(folder, "peers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(data, &back); err != nil || len(back.Rows) != len(r.Rows) || back.Rows[0].Median != 200 {
		t.Errorf("%v %+v", err, back)
	}
	picture, err := os.ReadFile(filepath.Join(folder, "peers.png"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[any]int{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			seen[img.At(x, y)]++
		}
	}
	for _, colour := range []any{ground, ink, oursColour, peerColour} {
		if seen[colour] < 20 {
			t.Errorf("colour %v has %d pixels in the plot", colour, seen[colour])
		}
	}
	if err := r.write(filepath.Join(folder, "peers.md")); err == nil {
		t.Error("written into what is no folder")
	}
}

// TestJobs checks what would be run, without running it.
func TestJobs(t *testing.T) {
	p := &prepared{settings: settings{duration: time.Second, timeout: time.Minute, models: "models"}, scratch: t.TempDir(),
		bench: "BENCH", help: "--gemm --precision", ort: "/cache/ort/node_modules/onnxruntime-node/dist/index.js", node: "/bin/node", ggml: "GGML"}
	jobs := p.jobs(allWorks())
	line := func(e engine, work string) (string, string) {
		for _, j := range jobs {
			for _, w := range j.works {
				if j.engine.id() == e.id() && w.name == work {
					return strings.Join(j.argv, " "), j.why
				}
			}
		}
		t.Fatalf("no job for %s on %s", e.id(), work)
		return "", ""
	}
	for _, c := range []struct {
		e          engine
		work       string
		words, why string
	}{
		{oursNew16, "GLIP-T 224", newMesa + " run -w " + p.scratch, ""},
		{oursNew16, "GLIP-T 224", "--precision f16 --device vulkan --model swin-t_glip-pre_3rdparty", ""},
		{oursCPU, "GEMM 768x768x768", "--device cpu --gemm 768x768x768,4096x512x14336,512x4096x14336,3136x384x96,49x3072x768", ""},
		{ggmlNew16, "GEMM 512x4096x14336", "GGML_VK_VISIBLE_DEVICES=0 GGML perf -b Vulkan0 -o MUL_MAT -p type_a=f16,type_b=f32,m=4096,n=512,k=14336,", ""},
		{ortNew16, "GEMM 768x768x768", " node ", ""},
		{ortCPU, "GEMM 768x768x768", filepath.Join(p.scratch, "ort.mjs") + " " + p.ort + " " + filepath.Join(p.scratch, "ONNX-Runtime-CPU--f32-GEMM-768x768x768.json"), ""},
		{ortCPU, "GLIP-T 224", "ONNX-Runtime-CPU--f32-GLIP-T-224.json", "swin_t_224.onnx is missing"},
		{oursCPU, detectorWork, "--model glip-t --check finite --detector --size 800x1344 --tokens 20", ""},
		{ortAbsorbed, detectorWork, "ONNX-Runtime-CPU-absorbed--f32-GLIP-T-detector-800x1333-our-export.json", ""},
	} {
		argv, why := line(c.e, c.work)
		if !strings.Contains(argv, c.words) || why != c.why && !strings.Contains(why, c.why) {
			t.Errorf("%s on %s: %q (%q), want %q (%q)", c.e.id(), c.work, argv, why, c.words, c.why)
		}
	}
	// Every row has a job, and none has two.
	asked := map[string]int{}
	for _, j := range jobs {
		for _, w := range j.works {
			asked[w.name+j.engine.id()]++
		}
	}
	for _, w := range allWorks() {
		for _, e := range w.engines() {
			if n := asked[w.name+e.id()]; n != 1 {
				t.Errorf("%s is measured %d times on %s", e.id(), n, w.name)
			}
		}
	}
	p.help, p.noNew = "", "no root"
	jobs = p.jobs(allWorks())
	for e, want := range map[string]string{oursSys32.id(): "no --gemm", oursNew32.id(): "no root", ggmlNew16.id(): "no root"} {
		for _, j := range jobs {
			if j.engine.id() == e && !j.works[0].isModel() && !strings.Contains(j.why, want) {
				t.Errorf("%s: %q, want %q", e, j.why, want)
			}
		}
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		word string
	}{
		{[]string{"--help"}, 0, "interleaved"}, {[]string{"--rounds", "0"}, 2, "--rounds"}, {[]string{"--timeout", "0s"}, 2, "--timeout"},
		{[]string{"--only", "["}, 2, "--only"}, {[]string{"--only", "VGG"}, 2, "VGG"}, {[]string{"x"}, 2, "x"},
		{[]string{"--out", os.Args[0]}, 1, "--out"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), c.args, &stdout, &stderr)
		if text := stdout.String() + stderr.String(); code != c.code || !strings.Contains(text, c.word) {
			t.Errorf("%v: exit status %d, want %d and %q:\n%s", c.args, code, c.code, c.word, text)
		}
	}
}

func TestTargets(t *testing.T) {
	found := map[string]string{}
	for _, x := range filled(t).Targets {
		found[x.Text] = fmt.Sprintf("%v %s", x.Seen, x.reached())
	}
	want := map[string]string{
		"GLIP-T 224 f32, newest driver: times faster than ONNX Runtime WebGPU": "8 reached",
		"GLIP-T 224 f32, system's driver":                                      "0 not measured",
		"GLIP-T 224 f32, newest driver: share of our best product":             "50 missed",
		"GLIP-T 224 f32, system's driver: share of our best product":           "0 not measured",
		"GLIP-T 224 f32, CPU: times slower than ONNX Runtime CPU":              "0 not measured",
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct {
		target
		want string
	}{
		{target{Most: 3, Seen: 3}, "reached"}, {target{Most: 3, Seen: 3.1}, "missed"}, {target{Least: 3, Seen: 3}, "reached"},
		{target{Least: 3, Seen: 2.9}, "missed"}, {target{Least: 3, Seen: math.NaN()}, "not measured"},
	} {
		if got := c.reached(); got != c.want {
			t.Errorf("%+v is %s, want %s", c.target, got, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{1234.6: "1235", 12.345: "12.3", 1.2345: "1.23", 0.012345: "0.0123", 0.139: "0.139"} {
		if got := number(v); got != want {
			t.Errorf("%v is written %q, want %q", v, got, want)
		}
	}
}

func TestCPUName(t *testing.T) {
	const info = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\nflags\t\t: fpu avx2 avx512f sse\n"
	if got, want := cpuName(info), "AMD EPYC (family 25, model 17), avx512f"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := cpuName("hardware: x"); got != "unknown" {
		t.Errorf("%q", got)
	}
}
