package main

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/glipvk/glipvk"
)

// The Chrome trace format, as chrome://tracing and ui.perfetto.dev read it: "Trace
// Event Format", document 1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU of the
// catapult project. Events of one thread nest by time.
type trace struct {
	Events   []traceEvent      `json:"traceEvents"`
	Unit     string            `json:"displayTimeUnit"`
	Metadata map[string]string `json:"otherData"`
}

// traceEvent is a complete event ("X"), or metadata ("M"). Times are microseconds.
type traceEvent struct {
	Name     string         `json:"name"`
	Category string         `json:"cat,omitempty"`
	Phase    string         `json:"ph"`
	Start    float64        `json:"ts"`
	Duration float64        `json:"dur,omitempty"`
	Process  int            `json:"pid"`
	Thread   int            `json:"tid"`
	Args     map[string]any `json:"args,omitempty"`
}

// part is a part of the model that a dispatch lies in.
type part struct {
	name  string
	event int // its index in the trace
	start time.Duration
}

// newTrace lays the dispatches of one profiled run end to end, as they ran, below the
// parts of the model they belong to.
func newTrace(r *report, timings []glipvk.Timing) trace {
	t := trace{Unit: "ms", Metadata: map[string]string{
		"model": r.Model, "size": strconv.Itoa(r.Height) + "x" + strconv.Itoa(r.Width), "batch": strconv.Itoa(r.Batch),
		"weights": r.Weights, "precision": string(r.Precision), "kernels": r.choice(),
		"device": r.Device.Name, "driver": r.driver(), "commit": r.Commit, "started": r.Started.Format(time.RFC3339),
	}}
	t.Events = append(t.Events,
		traceEvent{Name: "process_name", Phase: "M", Process: 1, Thread: 1, Args: map[string]any{"name": r.Device.Name}},
		traceEvent{Name: "thread_name", Phase: "M", Process: 1, Thread: 1, Args: map[string]any{"name": "device time"}})
	var open []part // what the last dispatch lay in, outermost first
	var at time.Duration
	for _, timing := range timings {
		parts := pathParts(timing.Path)
		common := 0
		for common < min(len(open), len(parts)-1) && open[common].name == parts[common] {
			common++
		}
		open = open[:common]
		for _, name := range parts[common : len(parts)-1] {
			open = append(open, part{name, len(t.Events), at})
			t.Events = append(t.Events, traceEvent{Name: name, Category: "part", Phase: "X", Start: micros(at), Process: 1, Thread: 1})
		}
		t.Events = append(t.Events, traceEvent{
			Name: parts[len(parts)-1], Category: "dispatch", Phase: "X", Start: micros(at), Duration: micros(timing.Duration), Process: 1, Thread: 1,
			Args: map[string]any{
				"path": timing.Path, "kernel": timing.Kernel, "flops": timing.FLOPs, "bytes": timing.Bytes,
				"bound_us": micros(r.roofline().bound(timing.FLOPs, timing.Bytes)),
			},
		})
		at += timing.Duration
		for _, p := range open {
			t.Events[p.event].Duration = micros(at - p.start)
		}
	}
	return t
}

// pathParts cuts a graph path into the names that are shown one below the other: a
// number belongs to the name before it.
func pathParts(path string) []string {
	var parts []string
	for _, p := range strings.Split(path, ".") {
		if _, err := strconv.Atoi(p); err == nil && len(parts) > 0 {
			parts[len(parts)-1] += "." + p
			continue
		}
		parts = append(parts, p)
	}
	return parts
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// writeTrace writes the trace of the last measurement that came to its profile.
func (r *report) writeTrace(path string) error {
	for _, s := range slices.Backward(r.Samples) {
		if s.which != 0 || len(s.profile) == 0 {
			continue
		}
		data, err := json.Marshal(newTrace(r, s.profile))
		if err != nil {
			return err
		}
		return writeFile("--trace", path, append(data, '\n'))
	}
	return errors.New("--trace: nothing was written: interrupted before the dispatches were timed")
}
