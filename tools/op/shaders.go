package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/gradrows"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/rewrite"
	"github.com/glipvk/glipvk/swin"
)

// variant is a row of shaders/variants.json.
type variant struct {
	Name   string `json:"name"`
	Source string `json:"source"`
}

// lowered is what shaders are found in.
type lowered struct {
	variants []variant
	examples map[string][]*graph.Graph // by kind
}

func readShaders(root string) (lowered, error) {
	var l lowered
	data, err := os.ReadFile(filepath.Join(root, "shaders", "variants.json"))
	if err != nil {
		return l, err
	}
	if err := json.Unmarshal(data, &l.variants); err != nil {
		return l, fmt.Errorf("shaders/variants.json: %w", err)
	}
	l.examples, err = examples()
	return l, err
}

// examples cuts the operations out of the models, by kind, each alone in a graph: of GLIP-T as it is recorded and as it is
// executed, of a backbone of which everything is switched on, and of what training adds.
func examples() (map[string][]*graph.Graph, error) {
	backbone, err := swin.Preset("tiny", 7, 224)
	if err != nil {
		return nil, err
	}
	backbone.AbsPosEmbed, backbone.OutIndices = true, []int{0, 1, 2, 3}
	cfg, err := glip.Preset("glip-t")
	if err != nil {
		return nil, err
	}
	recorded, err := swin.Record(backbone, swin.Input{Batch: 1, Height: 200, Width: 300})
	if err != nil {
		return nil, err
	}
	found := map[string][]*graph.Graph{}
	cut(found, recorded)
	if recorded, err = glip.Record(cfg, glip.Grounding{Height: 320, Width: 512, Tokens: 20, Labels: 6}); err != nil {
		return nil, err
	}
	cut(found, recorded)
	executed, _, err := rewrite.Absorb(recorded, nil)
	if err != nil {
		return nil, err
	}
	cut(found, executed)
	for _, r := range gradrows.Rows() {
		b := graph.NewBuilder()
		var in []graph.Value
		for i, s := range r.In {
			in = append(in, b.In("x", i).Input(s...))
		}
		b.Output(b.In("y").Record(r.Op, in...))
		g, err := b.Build()
		if err != nil {
			return nil, err
		}
		cut(found, g)
	}
	return found, nil
}

// cut adds the operations of a graph, of equals one. What they take is a weight where it is one in the graph, else an input.
func cut(found map[string][]*graph.Graph, g *graph.Graph) {
	seen := map[string]bool{}
	for _, n := range g.Nodes {
		alone := &graph.Graph{}
		last := graph.Node{Path: n.Path, Op: n.Op, Shape: n.Shape}
		var shapes []graph.Shape
		for _, id := range n.Inputs {
			last.Inputs = append(last.Inputs, graph.ID(len(alone.Nodes)))
			in := g.Nodes[id]
			if _, weight := in.Op.(graph.Param); !weight {
				in = graph.Node{Path: in.Path, Op: graph.Input{}, Shape: in.Shape}
			}
			alone.Nodes = append(alone.Nodes, in)
			shapes = append(shapes, in.Shape)
		}
		if key := fmt.Sprintf("%T %v %v", n.Op, n.Op, shapes); !seen[key] {
			seen[key] = true
			alone.Outputs = []graph.ID{graph.ID(len(alone.Nodes))}
			alone.Nodes = append(alone.Nodes, last)
			found[graph.Kind(n.Op)] = append(found[graph.Kind(n.Op)], alone)
		}
	}
}

// style is a device with the family of shaders that is asked of it.
type style struct {
	info    engine.Info
	variant string
}

// styles are a graphics card and a software driver, each with all that shaders are written for.
func styles() []style {
	caps := engine.Caps{
		MaxStorageBufferRange: 1 << 30, StorageAlignment: 16, MaxTexels: 1 << 30, MaxPushConstants: 256, MaxSharedMemory: 64 << 10,
		MaxInvocations: 1024, MaxWorkgroupSize: [3]int{1024, 1024, 1024}, MaxWorkgroups: [3]int{65535, 65535, 65535}, MaxBindings: 1 << 20,
		MaxAllocations: 1 << 20, MaxAllocationBytes: 1 << 31, SubgroupOperations: []string{"basic", "vote", "arithmetic", "ballot", "shuffle"},
		Float16: true, Int8: true, Int16: true, Int64: true, Storage16: true, Uniform16: true, BufferAddress: true, CooperativeMatrix: true,
	}
	card, software := engine.Info{Name: "card", Kind: "discrete", Caps: caps}, engine.Info{Name: "software", Kind: "cpu", Caps: caps}
	card.Caps.SubgroupSize, software.Caps.SubgroupSize = 32, 8
	card.Caps.CooperativeMatrices = []engine.CooperativeMatrix{{
		M: 16, N: 16, K: 16, A: "float16", B: "float16", C: "float32", Result: "float32", Scope: "subgroup",
	}}
	return []style{{card, ""}, {card, "coop"}, {software, ""}, {software, "uniform"}}
}

// places lists the variants that an operation by itself may run as, one place for each source.
func (l lowered) places(kind string) ([]place, error) {
	used := map[string]bool{}
	for _, g := range l.examples[kind] {
		for _, s := range styles() {
			for _, precision := range []kernels.Precision{kernels.F32, kernels.F16} {
				list, err := kernels.Pipelines(g, s.info, precision, s.variant, kernels.Options{NoFusion: true})
				if err != nil && !errors.Is(err, engine.ErrUnsupported) {
					return nil, fmt.Errorf("%s on %s %s: %w", kind, s.info.Name, s.variant, err)
				}
				for _, x := range list {
					used[x.Spec.Label] = true
				}
			}
		}
	}
	var places []place
	for _, v := range l.variants {
		if !used[v.Name] {
			continue
		}
		file := "shaders/" + v.Source
		i := slices.IndexFunc(places, func(x place) bool { return x.file == file })
		if i < 0 {
			places = append(places, place{file: file, what: v.Name})
			continue
		}
		places[i].what += " " + strings.TrimPrefix(v.Name, strings.TrimSuffix(v.Source, ".comp"))
	}
	slices.SortFunc(places, func(a, b place) int { return strings.Compare(a.file, b.file) })
	return places, nil
}
