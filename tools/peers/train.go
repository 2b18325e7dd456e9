package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	_ "embed"

	"github.com/glipvk/glipvk/internal/file"
)

//go:embed train.py
var torchScript []byte

// What is trained: GLIP-T, all weights, one picture and a caption of that many tokens.
const (
	trainHeight = 320
	trainWidth  = 512
	trainTokens = 20
)

// trainParts are the parts that both time, by train.py's names, and what the names of bench's modules begin with or hold. The last
// is what both do to the weights.
var trainParts = []struct{ name, module, note string }{
	{"backbone", "backbone ", "Swin-T and its norms"},
	{"pyramid", "fpn ", ""},
	{"text encoder", "bert ", "12 layers and the embeddings"},
	{"fusion", " VLFuse", "6 layers"},
	{"text layers", " text layer", "6 layers"},
	{"dynamic heads", " DyConv", "6 layers; PyTorch has no deformable convolution and takes grid_sample"},
	{"update", "update", "clipping and AdamW"},
}

// duration of a part, in milliseconds: of its forward, backward and update.
type duration [3]float64

func (d duration) sum() float64 { return d[0] + d[1] + d[2] }

// trainRow is a part, with a figure of each round.
type trainRow struct {
	Part   string     `json:"part"`
	Ours   []duration `json:"ours_ms"`
	Theirs []duration `json:"pytorch_ms"`
	Note   string     `json:"note,omitempty"`
}

// medians of the rounds.
func medians(rounds []duration) (d duration) {
	for i := range d {
		var list []float64
		for _, r := range rounds {
			list = append(list, r[i])
		}
		d[i] = median(list)
	}
	return d
}

// trainReport is everything that was found; its JSON is peers-train.json.
type trainReport struct {
	Started time.Time  `json:"started"`
	Commit  string     `json:"commit"`
	Machine machine    `json:"machine"`
	Rounds  int        `json:"rounds"`
	Torch   torchRound `json:"pytorch"` // of the last round
	Rows    []trainRow `json:"rows"`
	Steps   []float64  `json:"ours_step_ms"` // wall time of whole steps
	Peak    float64    `json:"ours_peak_gflops"`
}

// torchRound is what train.py printed.
type torchRound struct {
	Torch   string   `json:"torch"`
	Threads int      `json:"threads"`
	BLAS    []string `json:"blas"`
	Parts   map[string]struct {
		Forward  float64 `json:"forward_ms"`
		Backward float64 `json:"backward_ms"`
		Update   float64 `json:"update_ms"`
	} `json:"parts"`
}

// parseTorch reads the last line that train.py printed.
func parseTorch(stdout string) (t torchRound, err error) {
	if err := json.Unmarshal([]byte(lastOf(stdout)), &t); err != nil {
		return t, fmt.Errorf("train.py's output: %w", err)
	}
	for _, part := range trainParts {
		p := t.Parts[part.name]
		if d := (duration{p.Forward, p.Backward, p.Update}); !(d.sum() > 0) {
			return t, fmt.Errorf("train.py's output has no time of the %s", part.name)
		}
	}
	return t, nil
}

// lastOf is the last line of a text.
func lastOf(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// benchTraining is the part of bench's JSON on training that is read here.
type benchTraining struct {
	Peak    float64 `json:"peak_gflops"`
	Samples []struct {
		Wall []float64 `json:"wall_ns"`
	} `json:"samples"`
	Training struct {
		Modules []struct {
			Name  string     `json:"name"`
			Times [3]float64 `json:"ns"`
		} `json:"modules"`
	} `json:"training"`
}

// parseBenchTraining reads what bench --train --per-op --json wrote.
func parseBenchTraining(data []byte) (b benchTraining, parts []duration, err error) {
	if err := json.Unmarshal(data, &b); err != nil {
		return b, nil, fmt.Errorf("bench's JSON: %w", err)
	}
	parts = make([]duration, len(trainParts))
	for i, part := range trainParts {
		for _, m := range b.Training.Modules {
			if !strings.Contains(m.Name, part.module) {
				continue
			}
			for k := range parts[i] {
				parts[i][k] += m.Times[k] / 1e6
			}
		}
		if !(parts[i].sum() > 0) {
			return b, nil, fmt.Errorf("bench's JSON has no time of the %s", part.name)
		}
	}
	if len(b.Samples) == 0 || len(b.Samples[0].Wall) == 0 {
		return b, nil, errors.New("bench's JSON holds no runs")
	}
	return b, parts, nil
}

// train times training beside PyTorch and writes peers-train.md and peers-train.json.
func (s settings) train(ctx context.Context, stdout, stderr io.Writer) (err error) {
	p := &prepared{settings: s}
	if p.scratch, err = os.MkdirTemp("", "peers-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(p.scratch)) }()
	script := filepath.Join(p.scratch, "train.py")
	if err := errors.Join(os.MkdirAll(s.out, 0o755), os.WriteFile(script, torchScript, 0o600)); err != nil {
		return err
	}
	if p.getBench(ctx); p.noBench != "" {
		return errors.New(p.noBench)
	}
	r := &trainReport{Started: time.Now().UTC().Truncate(time.Second), Machine: thisMachine(), Commit: commit(), Rounds: s.rounds}
	for _, part := range trainParts {
		r.Rows = append(r.Rows, trainRow{Part: part.name, Note: part.note})
	}
	m := newMeter(stderr, 2*s.rounds)
	defer m.done()
	for round := range s.rounds {
		m.show(fmt.Sprintf("round %d of %d: glipvk", round+1, s.rounds))
		if err := p.ourTraining(ctx, r); err != nil {
			return err
		}
		m.show(fmt.Sprintf("round %d of %d: PyTorch", round+1, s.rounds))
		if err := p.torchTraining(ctx, script, r); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = errors.Join(file.Replace(filepath.Join(s.out, "peers-train.json"), append(data, '\n'), 0o644),
			file.Replace(filepath.Join(s.out, "peers-train.md"), []byte(r.markdown()), 0o644))
	}
	if err == nil {
		_, err = io.WriteString(stdout, r.markdown())
	}
	return err
}

// ourTraining is a process of bench.
func (p *prepared) ourTraining(ctx context.Context, r *trainReport) error {
	path := filepath.Join(p.scratch, "train.json")
	if _, err := p.output(ctx, p.timeout, p.bench, "--train", "--model", "glip-t", "--size", fmt.Sprintf("%dx%d", trainHeight, trainWidth),
		"--tokens", fmt.Sprint(trainTokens), "--device", "cpu", "--duration", p.duration.String(), "--per-op", "--json", path); err != nil {
		return fmt.Errorf("bench --train: %w", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b, parts, err := parseBenchTraining(data)
	if err != nil {
		return err
	}
	for i, d := range parts {
		r.Rows[i].Ours = append(r.Rows[i].Ours, d)
	}
	r.Peak = max(r.Peak, b.Peak)
	var wall []float64
	for _, s := range b.Samples {
		wall = append(wall, s.Wall...)
	}
	r.Steps = append(r.Steps, median(wall)/1e6)
	return nil
}

// torchTraining is a process of train.py.
func (p *prepared) torchTraining(ctx context.Context, script string, r *trainReport) error {
	stdout, err := p.output(ctx, p.timeout, p.python, script, fmt.Sprint(trainHeight), fmt.Sprint(trainWidth), fmt.Sprint(trainTokens),
		fmt.Sprint(runtime.NumCPU()), fmt.Sprint(p.duration.Seconds()))
	if err != nil {
		return fmt.Errorf("PyTorch: %w; it takes Debian's packages python3-torch and libopenblas0-pthread, or another --python", err)
	}
	if r.Torch, err = parseTorch(stdout); err != nil {
		return err
	}
	for i, part := range trainParts {
		x := r.Torch.Parts[part.name]
		r.Rows[i].Theirs = append(r.Rows[i].Theirs, duration{x.Forward, x.Backward, x.Update})
	}
	return nil
}

// markdown is the report in words and a table.
func (r *trainReport) markdown() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# Training beside PyTorch")
	p("")
	p("Written by `go run ./tools/peers --train` on %s at commit %s. Do not edit: run it again.", r.Started.Format("2 January 2006, 15:04 UTC"), r.Commit)
	p("")
	p("- machine: %s, %d cores, %s; load averages at the start %s", r.Machine.CPU, r.Machine.Cores, r.Machine.System, or(r.Machine.Load, "unknown"))
	p("- PyTorch %s with %s, %s", r.Torch.Torch, strings.Join(r.Torch.BLAS, " and "), count(r.Torch.Threads, "thread"))
	p("- GLIP-T, all weights trained, a picture of %dx%d and a caption of %d tokens, f32, on the CPU; dropouts and drop paths on", trainHeight, trainWidth, trainTokens)
	p("- %s, in turns; a figure is the median of the rounds, each of a process of its own", count(r.Rounds, "round"))
	p("")
	p("PyTorch runs each part by itself, ours are the same parts within whole steps. Milliseconds:")
	p("")
	p("| part | PyTorch forward | backward | ours forward | backward | ours is faster | |")
	p("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
	var ours, theirs duration
	row := func(name string, theirs, ours duration, note string) {
		p("| %s | %s | %s | %s | %s | %.2f x | %s |", name, number(theirs[0]), number(theirs[1]), number(ours[0]), number(ours[1]), theirs.sum()/ours.sum(), note)
	}
	for _, x := range r.Rows {
		o, t := medians(x.Ours), medians(x.Theirs)
		for i := range o {
			ours[i], theirs[i] = ours[i]+o[i], theirs[i]+t[i]
		}
		if o[2] > 0 {
			p("| %s | %s | | %s | | %.2f x | %s |", x.Part, number(t[2]), number(o[2]), t.sum()/o.sum(), x.Note)
			continue
		}
		row(x.Part, t, o, x.Note)
	}
	row("**together, with the update**", theirs, ours, "")
	p("")
	step := median(slices.Clone(r.Steps))
	p("A whole step of ours, losses, targets and head too, takes %s ms by the clock on the wall: PyTorch's parts alone take %.2f times as long.", number(step), theirs.sum()/step)
	p("The GEMM peak of ours in these runs was %.0f GFLOP/s.", r.Peak)
	return b.String()
}
