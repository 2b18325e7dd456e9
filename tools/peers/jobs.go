package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/glipvk/glipvk/internal/ort"
)

// job is one process, which measures one or more works on an engine.
type job struct {
	engine engine
	works  []work
	argv   []string
	why    string        // why it cannot run, "" = it can
	limit  time.Duration // of the process
	read   func(j job, stdout string) (reading, error)
	reason func(stderr string) string // why it failed
}

// reading is what was found in a process's output.
type reading struct {
	figures []figure
	driver  string  // in words, where the process says so
	flops   float64 // of the model, where the process says so
}

// jobs lists what one round runs, work by work, so that the engines take turns.
func (p *prepared) jobs(list []work) []job {
	var jobs []job
	var products []work
	for _, w := range list {
		if !w.isModel() {
			products = append(products, w)
			continue
		}
		for _, e := range w.engines() {
			jobs = append(jobs, p.job(e, []work{w}))
		}
	}
	if len(products) == 0 {
		return jobs
	}
	// bench measures all products in one process, and ggml measures its one product once for both of its names.
	seen := map[string]bool{}
	for _, w := range products {
		for _, e := range w.engines() {
			works := []work{w}
			if e.name != ortCPU.name && e.name != ortNew32.name {
				if seen[e.id()] {
					continue
				}
				seen[e.id()] = true
				works = slices.DeleteFunc(slices.Clone(products), func(o work) bool {
					return !slices.ContainsFunc(o.engines(), func(other engine) bool { return other.id() == e.id() })
				})
			}
			jobs = append(jobs, p.job(e, works))
		}
	}
	return jobs
}

// job is the process that measures the works, all models or all products, on an engine.
func (p *prepared) job(e engine, works []work) job {
	j := job{engine: e, works: works, limit: p.timeout, reason: lastLine}
	switch {
	case e.driver == newest && p.noNew != "":
		j.why = p.noNew
	case e.name == oursCPU.name:
		p.benchJob(&j)
	case e.name == ggmlNew16.name, e.name == ggmlPlain.name:
		p.ggmlJob(&j)
	default:
		p.ortJob(&j)
	}
	return j
}

// inside puts the command of an engine on its driver: in the folder of newMesa, with the scratch folder writable and what
// it reads readable.
func (p *prepared) inside(e engine, argv []string, reads ...string) []string {
	if e.driver != newest {
		return argv
	}
	command := []string{newMesa, "run", "-w", p.scratch}
	for _, path := range reads {
		command = append(command, "-r", path)
	}
	return append(command, argv...)
}

func (p *prepared) benchJob(j *job) {
	e, models := j.engine, j.works[0].isModel()
	switch {
	case p.noBench != "":
		j.why = p.noBench
	case !models && !strings.Contains(p.help, "--gemm"):
		j.why = "bench has no --gemm"
	case e.precision != "f32" && !strings.Contains(p.help, "--precision"):
		j.why = "bench has no --precision"
	}
	// Kept between rounds: pipelines, and kernels chosen by measuring. Apart for each driver, and apart from the user's.
	kept := filepath.Join(p.scratch, "kept-"+string(e.driver))
	report := filepath.Join(p.scratch, strings.ReplaceAll(e.id(), " ", "-")+".json")
	argv := []string{"env", "XDG_CACHE_HOME=" + kept, p.bench, "--json", report, "--duration", p.duration.String()}
	if strings.Contains(p.help, "--precision") {
		argv = append(argv, "--precision", e.precision)
	}
	if e.driver == noDriver {
		argv = append(argv, "--device", "cpu")
	} else {
		argv = append(argv, "--device", "vulkan") // software drivers are among them, which auto does not take
	}
	if models {
		// The result is compared with the oracle in tests; here it need only be finite and the same twice.
		argv = append(argv, "--model", j.works[0].model, "--check", "finite")
		if e := j.works[0].export; e != nil && e.detector {
			argv = append(argv, "--detector", "--size", fmt.Sprintf("%dx%d", e.height, e.width), "--tokens", fmt.Sprint(e.tokens))
		}
	} else {
		var shapes []string
		for _, w := range j.works {
			shapes = append(shapes, w.shape())
		}
		argv = append(argv, "--gemm", strings.Join(shapes, ","))
		j.limit *= time.Duration(len(shapes))
	}
	j.argv = p.inside(e, argv)
	j.read = func(j job, _ string) (reading, error) {
		data, err := os.ReadFile(report)
		if err != nil {
			return reading{}, err
		}
		if err := os.Remove(report); err != nil { // or a later round might read it again
			return reading{}, err
		}
		if !models {
			b, figures, err := parseBenchProducts(data, e, j.works)
			return reading{figures: figures, driver: b.Device.driverName()}, err
		}
		b, f, err := parseBenchModel(data, e, j.works[0])
		return reading{[]figure{f}, b.Device.driverName(), 2 * b.MultiplyAdds}, err
	}
}

func (p *prepared) ggmlJob(j *job) {
	j.why = p.noGGML
	// ggml leaves out software drivers unless a device is named. One regular expression for all the works: they are one product.
	pattern := fmt.Sprintf("type_a=%s,type_b=f32,%s,", j.engine.precision, j.works[0].ggml)
	variables := []string{"env", "GGML_VK_VISIBLE_DEVICES=0"}
	if j.engine.name == ggmlPlain.name {
		variables = append(variables, "GGML_VK_DISABLE_COOPMAT=1")
	}
	j.argv = p.inside(j.engine, append(variables, p.ggml, "perf", "-b", "Vulkan0", "-o", "MUL_MAT", "-p", pattern))
	j.read = func(j job, stdout string) (reading, error) {
		var r reading
		for _, w := range j.works {
			r.figures = append(r.figures, parseGGML(stdout, j.engine, w))
		}
		return r, nil
	}
}

func (p *prepared) ortJob(j *job) {
	e, w := j.engine, j.works[0]
	file, node, provider := w.onnx, p.node, "webgpu"
	switch {
	case p.noORT != "":
		j.why = p.noORT
	case e.driver != newest && p.noNode != "":
		j.why = p.noNode
	}
	if e.driver == newest {
		node = "node" // the folder's own
	}
	if e.driver == noDriver {
		provider = "cpu"
	}
	switch {
	case w.export != nil:
		file = p.file(w, e.name == ortAbsorbed.name)
		if j.why == "" {
			j.why = p.noExport[file]
		}
	case w.isModel():
		if _, err := os.Stat(file); err != nil && j.why == "" {
			j.why = fmt.Sprintf("%s is missing", filepath.Base(file))
		}
	default:
		file = filepath.Join(p.scratch, fmt.Sprintf("gemm-%s-%s.onnx", w.shape(), e.precision))
		if err := os.WriteFile(file, productModel(w, e.precision), 0o600); err != nil {
			j.why = err.Error()
		}
	}
	task := ort.Job{Model: file, Provider: provider, Threads: runtime.NumCPU(), Seconds: math.Max(p.duration.Seconds(), 0.001), Inputs: w.inputs()}
	list := filepath.Join(p.scratch, strings.NewReplacer(" ", "-", ",", "").Replace(e.id()+" "+w.name)+".json")
	data, err := json.Marshal([]ort.Job{task})
	if err == nil {
		err = os.WriteFile(list, data, 0o600)
	}
	if err != nil && j.why == "" {
		j.why = err.Error()
	}
	module := filepath.Dir(filepath.Dir(filepath.Dir(filepath.Dir(p.ort)))) // the folder that holds node_modules
	j.argv = p.inside(e, []string{node, filepath.Join(p.scratch, "ort.mjs"), p.ort, list}, module, filepath.Dir(file))
	j.reason = reasonONNX
	j.read = func(j job, stdout string) (reading, error) {
		f, err := parseONNX(stdout, w)
		return reading{figures: []figure{f}}, err
	}
}
