package arrows

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Module is the path of the module whose packages are checked.
const Module = "github.com/glipvk/glipvk"

// vulkan is the binding that only engine may import.
const vulkan = "github.com/vulkan-go/vulkan"

// anything, among the outside modules of a rule, allows all of them (but the Vulkan binding, which has its own rule).
const anything = "*"

// rule says what the packages of one folder may import besides the standard library and themselves.
type rule struct {
	ours   []string // folders of this module; "." is the root package
	others []string // modules of other people, by path prefix
	files  bool     // whether the files of a package may form no circle
}

// rules is the map of the project, by top-level folder; internal packages, and folders within a folder that need a row of their own, are
// listed one by one. Arrows point at what is imported.
func rules() map[string]rule {
	return map[string]rule{
		"graph":     {},
		"rewrite":   {ours: []string{"graph"}, files: true},
		"bind":      {files: true},
		"swin":      {ours: []string{"graph", "bind"}},
		"glip":      {ours: []string{"graph", "bind", "swin"}},
		"grad":      {ours: []string{"graph"}},
		"onnx":      {ours: []string{"graph", "swin", "glip", "rewrite", "internal/file"}, others: []string{"google.golang.org/protobuf/"}},
		"cpuref":    {ours: []string{"graph"}}, // the oracle is lonely: a mistake must not be shared
		"cpu":       {ours: []string{"graph", "internal/clock", "internal/turn"}, others: []string{"golang.org/x/sys/cpu"}},
		"shaders":   {},
		"engine":    {ours: []string{"internal/file", "internal/turn"}, others: []string{vulkan, "golang.org/x/"}},
		"kernels":   {ours: []string{"graph", "shaders", "engine", "internal/float16"}, others: []string{anything}},
		"vulkan":    {ours: []string{"graph", "engine", "kernels", "internal/clock", "internal/file", "internal/turn"}, others: []string{anything}},
		"executor":  {ours: []string{"graph", "cpuref", "cpu", "engine", "kernels", "vulkan", "internal/clock", "internal/compare", "internal/memory", "internal/turn"}, others: []string{anything}, files: true},
		"loader":    {ours: []string{"internal/file", "internal/float16", "internal/memory"}, others: []string{"github.com/nlpodyssey/gopickle", "golang.org/x/"}},
		"synthetic": {others: []string{anything}, files: true},
		"picture":   {ours: []string{"internal/file", "internal/memory"}, others: []string{anything}},
		"text":      {ours: []string{"internal/file"}, others: []string{"golang.org/x/text/", "github.com/jdkato/prose/v2"}, files: true},
		"world":     {files: true},
		"viz":       {others: []string{anything}},
		"eval":      {ours: []string{"internal/file"}, others: []string{"golang.org/x/sync/errgroup", "github.com/go-json-experiment/json/jsontext"}},
		"labels":    {ours: []string{"internal/cocofile", "internal/file", "internal/jsonlist"}, others: []string{"github.com/parquet-go/parquet-go", "go.yaml.in/yaml/v3"}},
		"dataset":   {ours: []string{"eval", "glip", "labels", "picture", "text", "internal/cocofile", "internal/file"}, others: []string{"go.yaml.in/yaml/v3"}},
		"web":       {files: true}, // the page knows the server's answers, not its types
		"fetch":     {ours: []string{"loader", "internal/file"}, others: []string{"github.com/gofrs/flock"}},
		"train":     {ours: []string{".", "convert", "dataset", "engine", "eval", "executor", "glip", "grad", "graph", "loader", "picture", "rewrite", "text", "internal/clock", "internal/file", "internal/memory"}},
		"convert":   {ours: []string{".", "bind", "executor", "glip", "loader", "swin", "text", "internal/file"}},

		"serve": {
			ours:   []string{".", "engine", "internal/clock", "picture", "text", "web", "serve/annotate", "serve/api", "serve/guard", "serve/oip", "serve/queue", "serve/remote", "serve/v1"},
			others: []string{"github.com/prometheus/client_golang/", "golang.org/x/sync/semaphore"},
		},
		"serve/v1":            {ours: []string{"serve/api", "serve/guard"}, files: true},
		"serve/queue":         {ours: []string{"serve/api"}, files: true},
		"serve/guard":         {ours: []string{"serve/api", "internal/file"}, others: []string{"connectrpc.com/connect"}, files: true},
		"serve/remote":        {ours: []string{"serve/api"}, files: true},
		"serve/api":           {others: []string{"github.com/go-json-experiment/json/jsontext"}, files: true},
		"serve/annotate":      {ours: []string{"serve/api"}, others: []string{"golang.org/x/sync/errgroup"}, files: true},
		"serve/internal/fake": {ours: []string{"serve/api"}, files: true},
		"serve/oip": {
			ours:   []string{"serve/api"},
			others: []string{"connectrpc.com/", "google.golang.org/protobuf/", "github.com/go-json-experiment/json/jsontext"},
			files:  true,
		},

		".": {
			ours: []string{
				"graph", "bind", "swin", "glip", "grad", "rewrite", "engine", "executor", "loader", "synthetic", "picture", "text", "world", "internal/compare",
			},
			others: []string{anything},
			files:  true,
		},
		"cmd": {
			ours:   []string{".", "swin", "glip", "executor", "synthetic", "picture", "text", "dataset", "train", "cmd/internal/cli", "internal/clock", "internal/file", "internal/meter"},
			others: []string{anything},
		},
		"cmd/glip": {
			ours: []string{
				".", "bind", "swin", "glip", "engine", "executor", "loader", "picture", "text", "viz", "shaders", "convert", "dataset", "train", "eval", "labels", "fetch", "onnx", "serve",
				"cmd/internal/cli", "internal/file", "internal/jsonlist", "internal/meter",
			},
			others: []string{anything},
		},
		"cmd/internal/cli":   {ours: []string{".", "fetch", "loader", "picture", "text", "engine", "internal/file", "internal/memory", "internal/meter"}, others: []string{anything}, files: true},
		"internal/clock":     {others: []string{"golang.org/x/sys/windows"}, files: true},
		"internal/compare":   {files: true},
		"internal/file":      {others: []string{"golang.org/x/sys/"}, files: true},
		"internal/memory":    {ours: []string{"internal/file"}, others: []string{"golang.org/x/sys/"}, files: true},
		"internal/goldtrain": {ours: []string{"bind", "swin", "glip", "grad", "graph", "picture", "synthetic", "text", "cpuref", "cpu", "engine", "internal/difftest"}},
		"internal/gradrows":  {ours: []string{"graph"}, files: true},
		"internal/cocofile":  {ours: []string{"internal/file", "internal/jsonlist"}},
		"internal/jsonlist":  {files: true},
		"internal/soak":      {files: true},
		"internal/meter":     {others: []string{anything}, files: true},
		"internal/float16":   {},
		"internal/ort":       {},
		"internal/turn":      {files: true},
		"tools":              {ours: []string{"internal/file"}, others: []string{anything}},
		"tools/peers": {
			ours:   []string{".", "cpu", "graph", "swin", "glip", "rewrite", "onnx", "synthetic", "internal/compare", "internal/file", "internal/ort"},
			others: []string{anything},
		},
		"tools/arrows":      {files: true},
		"tools/faults":      {ours: []string{".", "engine", "glip", "picture", "tools"}},
		"tools/op":          {ours: []string{"graph", "swin", "glip", "rewrite", "engine", "kernels", "internal/gradrows"}, files: true},
		"tools/world":       {ours: []string{".", "glip", "picture", "text", "dataset", "eval", "train", "internal/file", "viz"}, others: []string{anything}},
		"tools/shaderstats": {ours: []string{".", "graph", "swin", "glip", "rewrite", "engine", "kernels", "internal/file"}, others: []string{anything}},
		"internal/difftest": {
			ours: []string{
				"graph", "bind", "swin", "glip", "rewrite", "cpuref", "cpu", "engine", "vulkan", "synthetic", "picture", "text", "internal/compare",
			},
			others: []string{anything},
		},
	}
}

// Package is what the check needs to know of one package: its path and the non-test imports that the go command reports.
type Package struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

// Wrong returns a sentence for every import of this module's packages that the map does not allow, sorted.
func Wrong(packages []Package) []string {
	standard := map[string]bool{"C": true}
	for _, p := range packages {
		standard[p.ImportPath] = standard[p.ImportPath] || p.Standard
	}
	var problems []string
	table := rules()
	for _, p := range packages {
		from, ok := folder(p.ImportPath)
		if !ok {
			continue
		}
		allowed, known := table[from]
		if !known {
			problems = append(problems, fmt.Sprintf("%s: folder %s has no row in tools/arrows/rules.go", p.ImportPath, from))
			continue
		}
		for _, target := range p.Imports {
			if !standard[target] && !allowed.allows(from, target) {
				problems = append(problems, fmt.Sprintf("%s imports %s: %s may import only %s", p.ImportPath, target, from, allowed))
			}
		}
	}
	slices.Sort(problems)
	return slices.Compact(problems)
}

// Idle returns a sentence for every arrow between our folders that the map allows and no package has, sorted: a map that allows more
// than there is tells a reader less.
func Idle(packages []Package) []string {
	used := map[[2]string]bool{}
	for _, p := range packages {
		from, _ := folder(p.ImportPath)
		for _, target := range p.Imports {
			if to, ok := folder(target); ok {
				used[[2]string{from, to}] = true
			}
		}
	}
	var problems []string
	for from, r := range rules() {
		for _, to := range r.ours {
			if !used[[2]string{from, to}] {
				problems = append(problems, fmt.Sprintf("tools/arrows/rules.go lets %s import %s, which nothing there does", from, to))
			}
		}
	}
	slices.Sort(problems)
	return problems
}

// folder is the row of the table that a package of this module belongs to, the innermost; false for other people's packages.
func folder(importPath string) (string, bool) {
	if importPath == Module {
		return ".", true
	}
	inside, ok := strings.CutPrefix(importPath, Module+"/")
	if !ok {
		return "", false
	}
	table := rules()
	for at := inside; at != "."; at = path.Dir(at) {
		if _, listed := table[at]; listed {
			return at, true
		}
	}
	top, _, _ := strings.Cut(inside, "/")
	return top, true // which has no row
}

// allows reports whether a package in folder from may import target, which is not of the standard library.
func (r rule) allows(from, target string) bool {
	if to, ok := folder(target); ok {
		return to == from || slices.Contains(r.ours, to)
	}
	if target == vulkan || strings.HasPrefix(target, vulkan+"/") {
		return from == "engine"
	}
	return slices.ContainsFunc(r.others, func(prefix string) bool {
		return prefix == anything || strings.HasPrefix(target, prefix)
	})
}

// String lists what the rule allows.
func (r rule) String() string {
	words := []string{"the standard library"}
	for _, name := range r.ours {
		if name == "." {
			name = "the root package"
		}
		words = append(words, name)
	}
	for _, name := range r.others {
		if name == anything {
			name = "other modules (the Vulkan binding excepted)"
		}
		words = append(words, name)
	}
	return strings.Join(words, ", ")
}
