package main

import (
	"fmt"
	"path/filepath"
	"regexp"

	"github.com/glipvk/glipvk/internal/ort"
)

// work is what engines are timed on: a backbone, or the product of [M, K] activations and [K, N] weights.
type work struct {
	name  string
	model string // by bench's name; "" for a product
	onnx  string // file of the same architecture for ONNX Runtime
	side  int    // of the square picture, in pixels

	export *export // of ours, which this run writes; nil for the files that are here

	m, n, k int    // of a product
	ggml    string // test-backend-ops' parameters of the same product, "" where it has none
}

// allWorks are the models, then the products. ggml writes its result as [N, M], so its m is our N: both orders of its
// shape are here, since the issue that asks for it names the first.
func allWorks() []work {
	const ggml = "m=4096,n=512,k=14336"
	return []work{
		{name: "GLIP-T 224", model: "swin-t_glip-pre_3rdparty", onnx: "swin_t_224.onnx", side: 224},
		{name: "GLIP-L 384", model: "swin-l_glip-pre_3rdparty_384px", onnx: "swin_l_384.onnx", side: 384},
		product(768, 768, 768, ""), product(4096, 512, 14336, ggml), product(512, 4096, 14336, ggml),
		product(3136, 384, 96, ""), product(49, 3072, 768, ""),
		{name: "GLIP-T 224, our export", model: "swin-t_glip-pre_3rdparty", export: &export{height: 224, width: 224}},
		{name: detectorWork, model: "glip-t", export: &export{detector: true, height: 800, width: 1344, tokens: 20}},
	}
}

// detectorWork is the whole detector on a picture of 800 x 1333 pixels and a caption of 20 tokens.
const detectorWork = "GLIP-T detector 800x1333, our export"

func product(m, n, k int, ggml string) work {
	return work{name: fmt.Sprintf("GEMM %dx%dx%d", m, n, k), m: m, n: n, k: k, ggml: ggml}
}

func (w work) isModel() bool { return w.model != "" }

// shape is a product as bench --gemm takes it.
func (w work) shape() string { return fmt.Sprintf("%dx%dx%d", w.m, w.n, w.k) }

// flops of a product.
func (w work) flops() float64 { return 2 * float64(w.m) * float64(w.n) * float64(w.k) }

// unit is that of the figures: milliseconds for a model, less is better; GFLOP/s for a product, more is better.
func (w work) unit() string {
	if w.isModel() {
		return "ms"
	}
	return "GFLOP/s"
}

// faster says by how much a figure of ours beats one of theirs: 2 where ours takes half the time.
func (w work) faster(ours, theirs float64) float64 {
	if w.isModel() {
		return theirs / ours
	}
	return ours / theirs
}

// inputs are what ONNX Runtime is fed with.
func (w work) inputs() []ort.Tensor {
	switch {
	case w.export != nil:
		return w.export.inputs(bertWords).theirs
	case w.isModel():
		return []ort.Tensor{{Type: "float32", Dims: []int{1, 3, w.side, w.side}}}
	}
	return []ort.Tensor{{Type: "float32", Dims: []int{w.m, w.k}}}
}

// works are those that --only chooses, with paths to their files; it also checks the other flags.
func (s settings) works() ([]work, error) {
	switch {
	case s.rounds < 1:
		return nil, fmt.Errorf("--rounds %d: want at least 1", s.rounds)
	case s.timeout <= 0 || s.duration <= 0:
		return nil, fmt.Errorf("--timeout %v and --duration %v: want more than 0", s.timeout, s.duration)
	}
	pattern, err := regexp.Compile(s.only)
	if err != nil {
		return nil, fmt.Errorf("--only: %w", err)
	}
	var list []work
	for _, w := range allWorks() {
		if w.onnx != "" {
			w.onnx = filepath.Join(s.models, w.onnx)
		}
		if pattern.MatchString(w.name) {
			list = append(list, w)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("--only %q matches nothing", s.only)
	}
	return list, nil
}

// driver is the Vulkan driver that a process finds.
type driver string

const (
	noDriver driver = ""       // works on the CPU
	system   driver = "system" // what this machine has installed
	newest   driver = "newest" // lavapipe in the folder of tools/newmesa.sh
)

// engine is a program, with what it runs on: a row of the table.
type engine struct {
	name      string
	driver    driver
	precision string   // f32 or f16: of weights, and of activations but for ggml
	against   []engine // ours to compare it with: the first of them that has a figure
}

// The engines. ONNX Runtime's models are f32.
var (
	oursNew32 = engine{"glipvk", newest, "f32", nil}
	oursNew16 = engine{"glipvk", newest, "f16", []engine{oursNew32}}
	oursSys32 = engine{"glipvk", system, "f32", nil}
	oursSys16 = engine{"glipvk", system, "f16", []engine{oursSys32}}
	oursCPU   = engine{"glipvk", noDriver, "f32", nil}
	ortCPU    = engine{"ONNX Runtime CPU", noDriver, "f32", []engine{oursCPU}}
	// The export that has taken projections in, as our programs have.
	ortAbsorbed = engine{"ONNX Runtime CPU, absorbed", noDriver, "f32", []engine{oursCPU}}
	ortNew32    = engine{"ONNX Runtime WebGPU", newest, "f32", []engine{oursNew32}}
	ortNew16    = engine{"ONNX Runtime WebGPU", newest, "f16", []engine{oursNew16, oursNew32}}
	ortSys32    = engine{"ONNX Runtime WebGPU", system, "f32", []engine{oursSys32}}
	ggmlNew32   = engine{"ggml Vulkan", newest, "f32", []engine{oursNew32}}
	ggmlNew16   = engine{"ggml Vulkan", newest, "f16", []engine{oursNew16, oursNew32}}
	// By default ggml takes cooperative matrices where the driver has them, which on a CPU is not its best.
	ggmlPlain = engine{"ggml Vulkan, plain", newest, "f16", []engine{oursNew16, oursNew32}}
)

// id tells engines apart.
func (e engine) id() string { return e.name + " " + string(e.driver) + " " + e.precision }

// engines that have something to say about a work, in the order of its table.
func (w work) engines() []engine {
	switch {
	case w.export == nil:
	case w.export.detector:
		return []engine{oursCPU, ortCPU, ortAbsorbed}
	default:
		return []engine{oursCPU, ortCPU}
	}
	list := []engine{oursNew32, oursNew16, ortNew32}
	if !w.isModel() {
		list = append(list, ortNew16)
	}
	if w.ggml != "" {
		list = append(list, ggmlNew32, ggmlNew16, ggmlPlain)
	}
	return append(list, oursSys32, oursSys16, ortSys32, oursCPU, ortCPU)
}
