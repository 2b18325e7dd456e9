// Package ort runs ONNX Runtime, the npm package onnxruntime-node, in a process of its own: an implementation of ONNX that nobody here
// wrote, to compare with and to be timed beside. It is used by tests and by tools/peers.
package ort

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	_ "embed"
)

// Script is what node runs: node ort.mjs MODULE JOBS.
//
//go:embed ort.mjs
var Script []byte

// Version is that of onnxruntime-node that is asked of npm.
const Version = "1.30"

// Variable is that of the environment by which tests are told of a folder with node_modules/onnxruntime-node in it, where that is not the
// one that tools/peers keeps.
const Variable = "GLIPVK_ORT"

// ErrMissing is wrapped where node or onnxruntime-node is not on this machine. Remedy: make peers installs it, or
// npm install --prefix FOLDER --ignore-scripts onnxruntime-node and GLIPVK_ORT=FOLDER.
var ErrMissing = errors.New("not on this machine")

// Runtime is an installed onnxruntime-node.
type Runtime struct{ Node, Module string }

// Folder is where tools/peers keeps onnxruntime-node below its cache.
func Folder(cache string) string { return filepath.Join(cache, "onnxruntime-node-"+Version) }

// ModuleIn is onnxruntime-node's index.js below a folder that npm installed it into.
func ModuleIn(folder string) string {
	return filepath.Join(folder, "node_modules", "onnxruntime-node", "dist", "index.js")
}

// Find looks for node, and for onnxruntime-node in a folder that npm installed it into; "" is the one that tools/peers keeps. The error
// wraps [ErrMissing].
func Find(folder string) (Runtime, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return Runtime{}, fmt.Errorf("ort: node is %w", ErrMissing)
	}
	if folder == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return Runtime{}, fmt.Errorf("ort: onnxruntime-node is %w: %w", ErrMissing, err)
		}
		folder = Folder(filepath.Join(cache, "glipvk", "peers"))
	}
	module := ModuleIn(folder)
	if _, err := os.Stat(module); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("there is no %s; %s names a folder that npm installed it into", module, Variable)
		}
		return Runtime{}, fmt.Errorf("ort: onnxruntime-node is %w: %w", ErrMissing, err)
	}
	return Runtime{node, module}, nil
}

// Job is a model to be run.
type Job struct {
	Model    string   `json:"model"`    // path
	Provider string   `json:"provider"` // "cpu" or "webgpu"
	Threads  int      `json:"threads"`
	Seconds  float64  `json:"seconds"` // for which it is run again and again, behind a run that is not counted; 0 for one run
	Outputs  bool     `json:"outputs"` // are wanted
	Inputs   []Tensor `json:"inputs"`
}

// Tensor is an input or an output.
type Tensor struct {
	Name string `json:"name"` // "" for the model's first input
	Type string `json:"type"` // "float32" or "int64"
	Dims []int  `json:"dims"`
	Data string `json:"data,omitempty"` // base64 of the elements, little-endian; "" for numbers by a formula
}

// Floats is a tensor of numbers.
func Floats(name string, dims []int, values []float32) Tensor {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return Tensor{name, "float32", dims, base64.StdEncoding.EncodeToString(data)}
}

// Integers is a tensor of whole numbers, given as floats.
func Integers(name string, dims []int, values []float32) Tensor {
	data := make([]byte, 0, 8*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint64(data, uint64(int64(v)))
	}
	return Tensor{name, "int64", dims, base64.StdEncoding.EncodeToString(data)}
}

// Values are the elements, whole numbers too.
func (t Tensor) Values() ([]float32, error) {
	data, err := base64.StdEncoding.DecodeString(t.Data)
	if err != nil {
		return nil, fmt.Errorf("ort: %s: %w", t.Name, err)
	}
	var values []float32
	switch t.Type {
	case "float32":
		for ; len(data) >= 4; data = data[4:] {
			values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(data)))
		}
	case "int64":
		for ; len(data) >= 8; data = data[8:] {
			values = append(values, float32(int64(binary.LittleEndian.Uint64(data))))
		}
	default:
		return nil, fmt.Errorf("ort: %s is of %s, want float32 or int64", t.Name, t.Type)
	}
	return values, nil
}

// Result is what became of a job.
type Result struct {
	Median  float64  `json:"median_ms"`
	Runs    int      `json:"runs"`
	Outputs []Tensor `json:"outputs"`
	Error   string   `json:"error"`
}

// Output is the output of that name.
func (r Result) Output(name string) ([]float32, error) {
	for _, t := range r.Outputs {
		if t.Name == name {
			return t.Values()
		}
	}
	return nil, fmt.Errorf("ort: there is no output %q", name)
}

// Run runs jobs, one after the other in one process. A job that fails says so in its result; the error is one of the process.
func (r Runtime) Run(ctx context.Context, jobs ...Job) ([]Result, error) {
	folder, err := os.MkdirTemp("", "ort-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	script, list := filepath.Join(folder, "ort.mjs"), filepath.Join(folder, "jobs.json")
	data, err := json.Marshal(jobs)
	if err == nil {
		err = errors.Join(os.WriteFile(script, Script, 0o600), os.WriteFile(list, data, 0o600))
	}
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, r.Node, script, r.Module, list)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	results, parsing := Parse(out)
	if err != nil && len(results) < len(jobs) {
		return nil, fmt.Errorf("ort: %w: %s", err, strings.TrimSpace(problems.String()))
	}
	if parsing == nil && len(results) != len(jobs) {
		parsing = fmt.Errorf("ort: %d results of %d jobs", len(results), len(jobs))
	}
	return results, parsing
}

// Parse reads what the script printed: results, a line each.
func Parse(out []byte) ([]Result, error) {
	var results []Result
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "{") { // of the runtime's own
			continue
		}
		var result Result
		if err := json.Unmarshal([]byte(line), &result); err != nil {
			return results, fmt.Errorf("ort: the script's output: %w", err)
		}
		results = append(results, result)
	}
	return results, nil
}
