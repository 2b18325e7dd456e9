package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/train"
)

// trainingReport is what there is to say of training alone.
type trainingReport struct {
	Mode      train.Mode   `json:"mode"`
	Boxes     int          `json:"boxes"` // of a picture
	Recompute []string     `json:"recompute,omitempty"`
	Recorded  train.Work   `json:"recorded"` // multiply-adds of a step
	Direct    train.Work   `json:"direct"`   // in the direct form, with the longest captions
	Memory    train.Memory `json:"memory"`
	Update    glipvk.Stats `json:"update"`                 // programs of the update
	Losses    [2]float64   `json:"losses"`                 // of the first step and of the last
	Phases    []phases     `json:"phases"`                 // of each sample, in order; the front is in the forward
	Second    float64      `json:"second_epoch,omitempty"` // time of a step of known pictures, of one of new ones
	Modules   []phases     `json:"modules,omitempty"`
	Kinds     []phases     `json:"kinds,omitempty"`

	losses *[]float64
}

// The phases of a step.
const (
	forward = iota
	backward
	update
	phaseCount
)

// phases are the device time of something and its work, by phase.
type phases struct {
	Name  string                    `json:"name,omitempty"`
	Times [phaseCount]time.Duration `json:"ns"`
	FLOPs [phaseCount]int64         `json:"flops"`
	Bytes [phaseCount]int64         `json:"bytes"`
}

func (p *phases) add(o operation) {
	at := map[string]int{train.Front: forward, train.Forward: forward, train.Backward: backward, train.Update: update}[o.Part]
	p.Times[at] += o.Duration
	p.FLOPs[at] += o.FLOPs
	p.Bytes[at] += o.Bytes
}

func (p *phases) time() (sum time.Duration) {
	for _, t := range p.Times {
		sum += t
	}
	return sum
}

// phasesBy adds operations up by a name, in the order of execution.
func phasesBy(ops []operation, name func(operation) string) (list []phases) {
	at := map[string]int{}
	for _, o := range ops {
		n := name(o)
		i, known := at[n]
		if !known {
			i = len(list)
			at[n] = i
			list = append(list, phases{Name: n})
		}
		list[i].add(o)
	}
	return list
}

// judge computes what follows from the samples.
func (t *trainingReport) judge(r *report, perOp string) {
	if n := len(*t.losses); n > 0 {
		t.Losses = [2]float64{(*t.losses)[0], (*t.losses)[n-1]}
	}
	for _, s := range r.Samples {
		var all phases
		for _, o := range s.Ops {
			all.add(o)
		}
		t.Phases = append(t.Phases, all)
	}
	list := r.last()
	if len(list) == 2 && list[0] != nil && list[1] != nil {
		t.Second = quantile(0.5, list[1].Wall).Seconds() / quantile(0.5, list[0].Wall).Seconds()
	}
	last := list[0]
	if perOp == "" || last == nil {
		return
	}
	t.Modules = phasesBy(last.Ops, func(o operation) string {
		if o.Part == train.Update {
			return train.Update
		}
		return moduleOf(strings.TrimPrefix(o.Path, "grad."), r.Detector.Fusion).name
	})
	t.Kinds = phasesBy(last.Ops, func(o operation) string { return o.Kernel })
	slices.SortStableFunc(t.Kinds, func(a, b phases) int { return cmp.Compare(b.time(), a.time()) })
}

// printTables writes the table by module and that by kind of operation.
func (t *trainingReport) printTables(w io.Writer, r *report) error {
	if len(t.Modules) == 0 {
		return nil
	}
	total := phases{Name: "total"}
	for _, o := range r.last()[0].Ops {
		total.add(o)
	}
	for _, table := range []struct {
		title string
		rows  []phases
	}{{"module", t.Modules}, {"kind", t.Kinds}} {
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintf(tw, "forward\tof peak\tGB/s\tbackward\tof peak\tGB/s\tof forward\tupdate\tof step\t %s\n", table.title)
		for _, row := range append(slices.Clip(table.rows), total) {
			row.print(tw, r.PeakGFLOPS, total.time())
		}
		fmt.Fprintln(tw)
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// print writes a row, times in milliseconds.
func (p *phases) print(w io.Writer, peak float64, whole time.Duration) {
	for i := range update {
		milliseconds, share, moved := "-", "-", "-"
		if t := p.Times[i].Seconds(); t > 0 {
			milliseconds = fmt.Sprintf("%.2f", 1000*t)
			_, share, moved = rates(t, peak, p.FLOPs[i], p.Bytes[i])
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t", milliseconds, share, moved)
	}
	times, updated := "-", "-"
	if p.Times[forward] > 0 && p.Times[backward] > 0 {
		times = fmt.Sprintf("%.2f", p.Times[backward].Seconds()/p.Times[forward].Seconds())
	}
	if p.Times[update] > 0 {
		updated = fmt.Sprintf("%.2f", 1000*p.Times[update].Seconds())
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t %s\n", times, updated, percent(p.time().Seconds(), whole.Seconds()), p.Name)
}

// printPhases writes a row for each phase of a sample.
func (t *trainingReport) printPhases(p phases, number int, peak float64, row func(name, format string, args ...any)) {
	for i, name := range []string{train.Forward, train.Backward, train.Update} {
		seconds := p.Times[i].Seconds()
		text := fmt.Sprintf("%s, %s of the step", readable(seconds), percent(seconds, p.time().Seconds()))
		if speed, share, _ := rates(max(seconds, 1e-12), peak, p.FLOPs[i], 0); p.FLOPs[i] > 0 {
			text += fmt.Sprintf(": %.2f GMAC, %s GFLOP/s, %s of peak", float64(p.FLOPs[i])/2e9, speed, share)
		}
		if i == backward && p.Times[forward] > 0 {
			text += fmt.Sprintf(", %.2f times the forward", seconds/p.Times[forward].Seconds())
		}
		row(fmt.Sprintf("  %s %d", name, number), "%s", text)
	}
}
