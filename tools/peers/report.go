package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/glipvk/glipvk/internal/file"
)

// report is everything that was found; its JSON is peers.json.
type report struct {
	Started time.Time      `json:"started"`
	Commit  string         `json:"commit"`
	Machine machine        `json:"machine"`
	Drivers map[string]any `json:"drivers"` // by "system" and "newest", what the driver calls itself
	Peers   map[string]any `json:"peers"`   // versions
	Rounds  int            `json:"rounds"`
	Rows    []*row         `json:"rows"`
	Shares  []share        `json:"shares"` // of our own best product
	Targets []target       `json:"targets"`

	Agreements []agreement `json:"agreements,omitempty"` // of our exports' numbers with ours

	works []work
	flops map[string]float64 // of each model, as bench counts them
}

// row is one engine on one work.
type row struct {
	Work      string    `json:"work"`
	Engine    string    `json:"engine"`
	Driver    driver    `json:"driver"`
	Precision string    `json:"precision"`
	Unit      string    `json:"unit"`
	Samples   []float64 `json:"samples"` // one a round
	Median    float64   `json:"median,omitempty"`
	Against   string    `json:"against,omitempty"` // which of ours it is compared with
	Faster    float64   `json:"ours_faster,omitempty"`
	Reason    string    `json:"reason,omitempty"` // why there are no samples, or fewer than rounds

	engine engine
	work   work
}

// share is the speed of a whole model as a part of our best product's, on one driver in one precision.
type share struct {
	Model     string  `json:"model"`
	Driver    driver  `json:"driver"`
	Precision string  `json:"precision"`
	GFLOPS    float64 `json:"gflops"`
	Best      float64 `json:"best_gflops"`
	Product   string  `json:"product"`
}

func newReport(p *prepared, list []work, rounds int) *report {
	r := &report{Started: time.Now().UTC().Truncate(time.Second), Machine: thisMachine(), Commit: commit(), Rounds: rounds,
		Drivers: map[string]any{}, Peers: map[string]any{"onnxruntime-node": p.ortIs, "ggml": p.ggmlIs}, works: list, flops: map[string]float64{}}
	for _, w := range list {
		for _, e := range w.engines() {
			r.Rows = append(r.Rows, &row{Work: w.name, Engine: e.name, Driver: e.driver, Precision: e.precision, Unit: w.unit(),
				Samples: []float64{}, engine: e, work: w})
		}
	}
	return r
}

// row finds the row of an engine on a work.
func (r *report) row(work string, e engine) *row {
	i := slices.IndexFunc(r.Rows, func(x *row) bool { return x.Work == work && x.engine.id() == e.id() })
	if i < 0 {
		return &row{} // of nobody: what an engine measures beyond its works is dropped
	}
	return r.Rows[i]
}

func (r *report) failed(j job, why string) {
	for _, w := range j.works {
		r.row(w.name, j.engine).Reason = why
	}
}

func (r *report) add(j job, found reading) {
	for _, f := range found.figures {
		x := r.row(f.work, j.engine)
		if f.why != "" {
			x.Reason = f.why
			continue
		}
		if !(f.value > 0) || math.IsInf(f.value, 0) { // NaN too
			x.Reason = fmt.Sprintf("measured %v %s", f.value, x.Unit)
			continue
		}
		x.Samples = append(x.Samples, f.value)
	}
	if found.driver != "" {
		r.Drivers[string(j.engine.driver)] = found.driver
	}
	if found.flops > 0 {
		r.flops[j.works[0].name] = found.flops
	}
}

// finish works out medians, ratios and shares. Without a single figure there is no report.
func (r *report) finish() error {
	measured := false
	for _, x := range r.Rows {
		if len(x.Samples) > 0 {
			x.Median, measured = median(x.Samples), true
		}
	}
	if !measured {
		return errors.New("nothing could be measured: " + r.Rows[0].Reason)
	}
	for _, x := range r.Rows {
		for _, e := range x.engine.against {
			if ours := r.row(x.Work, e); x.Median > 0 && ours.Median > 0 {
				x.Against, x.Faster = ours.title(), x.work.faster(ours.Median, x.Median)
				break
			}
		}
	}
	for _, x := range r.Rows {
		if x.Engine == oursCPU.name && x.work.isModel() && x.Median > 0 {
			if s := r.share(x); s.Best > 0 {
				r.Shares = append(r.Shares, s)
			}
		}
	}
	r.Targets = r.targets()
	return nil
}

// share compares a model of ours with our fastest product on the same driver in the same precision.
func (r *report) share(x *row) share {
	s := share{Model: x.Work, Driver: x.Driver, Precision: x.Precision, GFLOPS: r.flops[x.Work] / 1e6 / x.Median}
	for _, o := range r.Rows {
		if o.engine.id() == x.engine.id() && !o.work.isModel() && o.Median > s.Best {
			s.Best, s.Product = o.Median, o.Work
		}
	}
	return s
}

// title is the engine's name with its precision.
func (x *row) title() string { return x.Engine + " " + x.Precision }

// machine is what the figures belong to.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	System string `json:"system"`
	Load   string `json:"load,omitempty"` // averages over 1, 5 and 15 minutes when the run began: what else was going on
}

func thisMachine() machine {
	m := machine{CPU: "unknown", Cores: runtime.NumCPU(), System: runtime.GOOS}
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU = cpuName(string(data))
	}
	if data, err := os.ReadFile("/etc/os-release"); err == nil {
		if name := setting(string(data), "PRETTY_NAME", "="); name != "" {
			m.System = name
		}
	}
	if data, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.Join(strings.Fields(string(data))[:3], " ")
	}
	return m
}

// cpuName is the model's name in /proc/cpuinfo, with family and model numbers, since virtual machines hide much of the name.
func cpuName(info string) string {
	name := setting(info, "model name", ":")
	if name == "" {
		return "unknown"
	}
	if family, model := setting(info, "cpu family", ":"), setting(info, "model", ":"); family != "" && model != "" {
		name += fmt.Sprintf(" (family %s, model %s)", family, model)
	}
	for _, flag := range []string{"avx512f", "avx2"} {
		if strings.Contains(info, " "+flag+" ") {
			return name + ", " + flag
		}
	}
	return name
}

// setting is the value after a key and its separator in lines of text.
func setting(text, key, separator string) string {
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(line, separator); ok && strings.TrimSpace(k) == key {
			return strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return ""
}

// packageVersion reads the version of an npm package.
func packageVersion(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var p struct{ Version string }
	if err := json.Unmarshal(data, &p); err != nil || p.Version == "" {
		return "", fmt.Errorf("%s names no version (%v)", path, err)
	}
	return p.Version, nil
}

// write writes all three files beside their places, then moves them there.
func (r *report) write(folder string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	picture, err := r.plot()
	if err != nil {
		return fmt.Errorf("drawing: %w", err)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{"peers.json", append(data, '\n')}, {"peers.md", []byte(r.markdown())}, {"peers.png", picture}} {
		if err := file.Replace(filepath.Join(folder, f.name), f.data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
