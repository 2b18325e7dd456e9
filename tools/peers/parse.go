package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// figure is what one process measured of one work, in the work's unit.
type figure struct {
	work  string
	value float64
	why   string // why there is no value, where a process measured several works and not this
}

// benchDevice is the part of bench's JSON that says what it ran on.
type benchDevice struct {
	Name   string `json:"name"`
	Vulkan *struct {
		Driver        string
		DriverVersion string
	} `json:"vulkan"`
	Fallback  string `json:"fallback"`
	Precision string `json:"precision"`
	Reason    string `json:"precision_reason"`
}

// driverName is the driver in words.
func (d benchDevice) driverName() string {
	if d.Vulkan == nil {
		return ""
	}
	return strings.TrimSpace(d.Vulkan.DriverVersion)
}

// refuse says why a device is not the one that was asked for: bench falls back, a comparison may not.
func (d benchDevice) refuse(e engine) error {
	switch {
	case e.driver != noDriver && d.Vulkan == nil:
		if d.Fallback == "" {
			d.Fallback = "no Vulkan device"
		}
		return errors.New(d.Fallback)
	case d.Precision != "" && d.Precision != e.precision:
		if d.Reason == "" {
			d.Reason = "bench used " + d.Precision
		}
		return errors.New(d.Reason)
	}
	return nil
}

// benchModel is the part of bench's JSON on a model that is read here.
type benchModel struct {
	Device       benchDevice `json:"device"`
	MultiplyAdds float64     `json:"multiply_adds"`
	Samples      []struct {
		Case string    // of a detector: what was known
		Wall []float64 `json:"wall_ns"`
	} `json:"samples"`
}

// parseBenchModel reads what bench --model --json wrote.
func parseBenchModel(data []byte, e engine, w work) (benchModel, figure, error) {
	var b benchModel
	if err := json.Unmarshal(data, &b); err != nil {
		return b, figure{}, fmt.Errorf("bench's JSON: %w", err)
	}
	if err := b.Device.refuse(e); err != nil {
		return b, figure{}, err
	}
	var wall []float64
	for _, s := range b.Samples {
		if s.Case == "" || s.Case == "nothing" { // a picture and a caption that were not seen before, as ONNX Runtime has them
			wall = append(wall, s.Wall...)
		}
	}
	if len(wall) == 0 {
		return b, figure{}, errors.New("bench's JSON holds no runs")
	}
	return b, figure{work: w.name, value: median(wall) / 1e6}, nil
}

// benchProducts is the part of bench's JSON on products that is read here.
type benchProducts struct {
	Device benchDevice `json:"device"`
	GEMM   []struct {
		M, N, K   int
		Precision string
		GFLOPS    float64
	} `json:"gemm"`
}

// parseBenchProducts reads what bench --gemm --json wrote.
func parseBenchProducts(data []byte, e engine, list []work) (benchProducts, []figure, error) {
	var b benchProducts
	if err := json.Unmarshal(data, &b); err != nil {
		return b, nil, fmt.Errorf("bench's JSON: %w", err)
	}
	if err := b.Device.refuse(e); err != nil {
		return b, nil, err
	}
	var found []figure
	for _, w := range list {
		f := figure{work: w.name, why: "bench's JSON does not hold this product"}
		for _, p := range b.GEMM {
			if p.M != w.m || p.N != w.n || p.K != w.k {
				continue
			}
			if p.Precision != e.precision {
				f.why = "bench used " + p.Precision
			} else if p.GFLOPS > 0 {
				f = figure{work: w.name, value: p.GFLOPS}
			}
		}
		found = append(found, f)
	}
	return b, found, nil
}

// parseONNX reads the last line that ort.mjs printed.
func parseONNX(stdout string, w work) (figure, error) {
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	var result struct {
		Median float64 `json:"median_ms"`
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &result); err != nil {
		return figure{}, fmt.Errorf("ort.mjs's output: %w", err)
	}
	if !(result.Median > 0) {
		return figure{}, fmt.Errorf("ort.mjs's output holds a median of %v ms", result.Median)
	}
	if w.isModel() {
		return figure{work: w.name, value: result.Median}, nil
	}
	return figure{work: w.name, value: w.flops() / 1e6 / result.Median}, nil
}

// terminal matches what colours a line.
var terminal = regexp.MustCompile("\x1b\\[[0-9;]*m|^\\[[0-9;]*m")

func plain(text string) string { return terminal.ReplaceAllString(text, "") }

// The parts of an error of ONNX Runtime that say why: Dawn's warning about a missing feature, then the exception.
var (
	dawnNeeds = regexp.MustCompile(`(?m)^Warning: (Vulkan .* required\.)`)
	ortThrew  = regexp.MustCompile(`(?m)^\s*(?:\[?Error|Error)[^:]*: (.*)`)
	ortNoise  = regexp.MustCompile(`^.* was false\. `)
)

// reasonONNX is why ONNX Runtime could not run, by its own words in stderr.
func reasonONNX(stderr string) string {
	stderr = plain(stderr)
	var parts []string
	if m := ortThrew.FindStringSubmatch(stderr); m != nil {
		parts = append(parts, strings.TrimSpace(ortNoise.ReplaceAllString(m[1], "")))
	}
	for _, m := range dawnNeeds.FindAllStringSubmatch(stderr, -1) {
		if !slices.Contains(parts, m[1]) {
			parts = append(parts, m[1])
		}
	}
	if len(parts) == 0 {
		return lastLine(stderr)
	}
	return strings.TrimSuffix(strings.Join(parts, ": "), ".")
}

// ggmlSpeed matches the end of a line of test-backend-ops perf.
var ggmlSpeed = regexp.MustCompile(`([0-9.]+) ([MGT])FLOPS\s*$`)

// parseGGML reads the speed of a product out of what test-backend-ops perf -o MUL_MAT printed.
func parseGGML(stdout string, e engine, w work) figure {
	want := fmt.Sprintf("MUL_MAT(type_a=%s,type_b=f32,%s,", e.precision, w.ggml)
	for line := range strings.Lines(stdout) {
		line = strings.TrimSpace(plain(line))
		if !strings.HasPrefix(line, want) {
			continue
		}
		if strings.HasSuffix(line, "not supported") {
			return figure{work: w.name, why: "test-backend-ops: not supported"}
		}
		if m := ggmlSpeed.FindStringSubmatch(line); m != nil {
			value, err := strconv.ParseFloat(m[1], 64)
			if err == nil && value > 0 {
				return figure{work: w.name, value: value * map[string]float64{"M": 1e-3, "G": 1, "T": 1e3}[m[2]]}
			}
		}
		return figure{work: w.name, why: "test-backend-ops printed " + line}
	}
	return figure{work: w.name, why: "test-backend-ops has no such case"}
}

// lastLine is the last line that says anything, shortened.
func lastLine(text string) string {
	lines := strings.FieldsFunc(plain(text), func(r rune) bool { return r == '\n' || r == '\r' })
	for _, line := range slices.Backward(lines) {
		if line = strings.TrimSpace(line); line != "" {
			if runes := []rune(line); len(runes) > 300 {
				line = string(runes[:300]) + "..."
			}
			return line
		}
	}
	return ""
}
