package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// markdown is the report in words and tables.
func (r *report) markdown() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# Beside others")
	p("")
	p("Written by `make peers` on %s at commit %s. Do not edit: run it again.", r.Started.Format("2 January 2006, 15:04 UTC"), r.Commit)
	p("")
	p("- machine: %s, %d cores, %s; load averages at the start %s", r.Machine.CPU, r.Machine.Cores, r.Machine.System, or(r.Machine.Load, "unknown"))
	p("- system's driver: %v", r.driver(system))
	p("- newest driver: %v, in a Debian folder of its own", r.driver(newest))
	p("- peers: onnxruntime-node %s, ggml %s (test-backend-ops)", or(r.Peers["onnxruntime-node"], "not here"), or(r.Peers["ggml"], "not here"))
	p("- %s, interleaved; a figure is the median of the rounds, each the median of a process of its own; batch 1, all cores",
		count(r.Rounds, "round"))
	p("")
	p("\"Ours\" says how many times faster this project is than that row, on the same driver and in the same precision where")
	p("it has both; below 1 it is slower. The last column says with which of ours the row was compared, or why it has no figure.")
	p("")
	p("![the same as a plot](peers.png)")
	if len(r.Targets) > 0 {
		p("")
		p("## Targets")
		p("")
		p("| what | asked | seen | |")
		p("| --- | --- | ---: | --- |")
		for _, t := range r.Targets {
			seen := "-"
			if t.Seen > 0 {
				seen = number(t.Seen) + " " + t.Unit
			}
			p("| %s | %s | %s | %s |", t.Text, t.asked(), seen, t.reached())
		}
	}
	for _, w := range r.works {
		p("")
		p("## %s", w.name)
		p("")
		p("| engine | driver | precision | %s | least to greatest | ours | |", w.unit())
		p("| --- | --- | --- | ---: | --- | ---: | --- |")
		for _, x := range r.Rows {
			if x.Work == w.name {
				p("%s", x.markdown())
			}
		}
	}
	if len(r.Shares) > 0 {
		p("")
		p("## Whole models as a share of our own best product")
		p("")
		p("| model | driver | precision | GFLOP/s | best product | GFLOP/s | share |")
		p("| --- | --- | --- | ---: | --- | ---: | ---: |")
		for _, s := range r.Shares {
			p("| %s | %s | %s | %s | %s | %s | %.0f %% |", s.Model, place(s.Driver), s.Precision, number(s.GFLOPS), s.Product, number(s.Best), 100*s.GFLOPS/s.Best)
		}
	}
	if len(r.Agreements) > 0 {
		p("")
		p("## Our exports' numbers")
		p("")
		p("Outputs of ONNX Runtime beside those of our CPU, one run on one input; of each model the output that is furthest.")
		p("")
		p("| model | engine | output | relative L2 | largest difference | |")
		p("| --- | --- | --- | ---: | ---: | --- |")
		for _, a := range r.Agreements {
			p("%s", a.markdown())
		}
	}
	p("")
	p("ggml keeps weights in the precision named and activations in f32, and is also timed plain, without cooperative matrices. ONNX Runtime's f16 product rounds its activations too. The models that")
	p("ONNX Runtime runs are exports of the same architecture with constant weights, whose numbers are not compared; those of \"our export\" are.")
	return b.String()
}

// markdown is one line of a table.
func (x *row) markdown() string {
	name := x.Engine
	if x.Engine == oursCPU.name {
		name = "**" + name + "**"
	}
	if len(x.Samples) == 0 {
		return fmt.Sprintf("| %s | %s | %s | - | - | - | %s |", name, place(x.Driver), x.Precision, cell(or(x.Reason, "not run")))
	}
	ours, note := "", ""
	if x.Faster > 0 {
		ours, note = number(x.Faster)+" x", "than "+x.Against
		if x.engine.name == x.engine.against[0].name {
			note = "against " + x.Against
			ours = number(1/x.Faster) + " x" // of two of ours, the row's own speed
		}
	}
	if x.Reason != "" {
		note = strings.TrimPrefix(note+"; then "+x.Reason, "; ")
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s to %s | %s | %s |", name, place(x.Driver), x.Precision,
		number(x.Median), number(slices.Min(x.Samples)), number(slices.Max(x.Samples)), ours, cell(note))
}

// markdown is one line of the table of agreements.
func (a agreement) markdown() string {
	if a.Reason != "" {
		return fmt.Sprintf("| %s | %s | - | - | - | %s |", a.Work, a.Engine, cell(a.Reason))
	}
	verdict := fmt.Sprintf("within %.0e", agrees)
	if !a.Agree {
		verdict = "**too far**"
	}
	return fmt.Sprintf("| %s | %s | %s | %.1e | %.1e | %s |", a.Work, a.Engine, a.Output, a.L2, a.Most, verdict)
}

func (r *report) driver(d driver) string { return or(r.Drivers[string(d)], "not here") }

// place is where an engine works, in words.
func place(d driver) string {
	if d == noDriver {
		return "CPU"
	}
	return string(d)
}

// number writes a figure with three digits that count.
func number(v float64) string {
	digits := 2 - int(math.Floor(math.Log10(math.Max(v, 1e-9))))
	return fmt.Sprintf("%.*f", min(max(digits, 0), 4), v)
}

// cell is text that cannot end its table cell.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}

// or is the text, or another where it is empty.
func or(text any, other string) string {
	if s, ok := text.(string); ok && s != "" {
		return s
	}
	return other
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// commit is the revision of the checkout, as git tells it.
func commit() string {
	git := func(args ...string) (string, error) {
		stdout, _, err := execute(context.Background(), time.Minute, append([]string{"git"}, args...))
		return strings.TrimSpace(stdout), err
	}
	revision, err := git("rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "unknown"
	}
	// The report itself may lie there from the run before.
	if changes, err := git("status", "--porcelain", "--", ".", ":!docs"); err != nil || changes != "" {
		return revision + " with changes"
	}
	return revision
}
