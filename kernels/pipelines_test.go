package kernels_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/vulkan"
)

// described are devices of which only the description is there: a graphics card as RADV
// reports it, a small one, Mesa's software driver before and after it kept addresses in
// scalar registers, and SwiftShader.
func described() map[string]engine.Info {
	groups := [3]int{65535, 65535, 65535}
	all := []string{"basic", "vote", "arithmetic", "ballot", "shuffle", "shuffle_relative", "clustered", "quad"}
	radv := engine.Caps{MaxStorageBufferRange: 1<<32 - 1, StorageAlignment: 16, MaxTexels: 1<<32 - 1, MaxPushConstants: 256,
		MaxSharedMemory: 64 << 10, MaxInvocations: 1024, MaxWorkgroupSize: [3]int{1024, 1024, 1024}, MaxWorkgroups: groups, MaxBindings: 1 << 20, MaxTexelBindings: 1 << 20, MaxResources: 1 << 20,
		MaxAllocationBytes: 1 << 31, SubgroupSize: 64, SubgroupOperations: all, Float16: true, Int64: true, Storage16: true, BufferAddress: true}
	least := engine.Caps{MaxStorageBufferRange: 1 << 27, StorageAlignment: 256, MaxTexels: 1 << 16, MaxPushConstants: 128,
		MaxSharedMemory: 16 << 10, MaxInvocations: 128, MaxWorkgroupSize: [3]int{128, 128, 64}, MaxWorkgroups: groups, MaxBindings: 8, MaxTexelBindings: 16, MaxResources: 128,
		MaxAllocationBytes: 1 << 30, SubgroupSize: 32, SubgroupOperations: []string{"basic"}}
	lavapipe := engine.Caps{MaxStorageBufferRange: 1 << 27, StorageAlignment: 16, MaxTexels: 1 << 27, MaxPushConstants: 256,
		MaxSharedMemory: 32 << 10, MaxInvocations: 1024, MaxWorkgroupSize: [3]int{1024, 1024, 1024}, MaxWorkgroups: groups, MaxBindings: 1 << 20, MaxTexelBindings: 1 << 20, MaxResources: 1 << 20,
		MaxAllocationBytes: 1 << 31, SubgroupSize: 8, SubgroupOperations: all, Storage16: true, BufferAddress: true, Int64: true}
	v3dv := least
	v3dv.MaxSharedMemory, v3dv.MaxInvocations, v3dv.MaxWorkgroupSize, v3dv.SubgroupSize = 32<<10, 256, [3]int{256, 256, 256}, 16
	swiftShader := least
	swiftShader.SubgroupSize, swiftShader.SubgroupOperations, swiftShader.MaxStorageBufferRange = 4, all, 1<<30
	return map[string]engine.Info{
		"radv":                  {Kind: "discrete", Name: "AMD Radeon RX 6800 XT (RADV NAVI21)", Driver: "radv", DriverVersion: "Mesa 26.2.6", Caps: radv},
		"least":                 {Kind: "integrated", Name: "least", Driver: "none", Caps: least},
		"v3dv":                  {Kind: "integrated", Name: "V3D 7.1.7.0", Driver: "V3DV Mesa", Caps: v3dv},
		"llvmpipe 22":           {Kind: "cpu", Name: "llvmpipe", Driver: "llvmpipe", DriverVersion: "Mesa 22.3.6 (LLVM 15.0.6)", Caps: lavapipe},
		"llvmpipe 26":           {Kind: "cpu", Name: "llvmpipe", Driver: "llvmpipe", DriverVersion: "Mesa 26.2.6-1 (LLVM 21.1.8)", Caps: lavapipe},
		"swiftshader":           {Kind: "cpu", Name: "SwiftShader Device", Driver: "SwiftShader driver", Caps: swiftShader},
		"software at the floor": {Kind: "cpu", Name: "floor", Driver: "none", Caps: least}, // no subgroup operations, no 64-bit integers
	}
}

// preset records a published size on one picture.
func preset(t testing.TB, size string, window, image int) *graph.Graph {
	t.Helper()
	cfg, err := swin.Preset(size, window, image)
	if err != nil {
		t.Fatal(err)
	}
	g, err := swin.Record(cfg, swin.Input{Batch: 1, Height: image, Width: image})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// used names a pipeline.
func used(shader string, constants []uint32) string { return fmt.Sprint(shader, constants) }

// TestPipelines lists the pipelines of real models for devices that are not here: each
// once, each as its shader wants it and within the limits of the device, and all that the
// program of such a device dispatches.
func TestPipelines(t *testing.T) {
	graphs := map[string]*graph.Graph{"GLIP-T": preset(t, "tiny", 7, 224), "GLIP-L": preset(t, "large", 12, 384), "micro": micro(t, 4, 61, 45, 2)}
	modules := map[string]*module{}
	for device, info := range described() {
		for model, g := range graphs {
			for _, precision := range []kernels.Precision{kernels.F32, kernels.F16} {
				for _, apart := range []bool{false, true} {
					if apart && model == "GLIP-L" { // other sizes of what GLIP-T has
						continue
					}
					name := fmt.Sprintf("%s, %s, %s, apart %v", device, model, precision, apart)
					o := kernels.Options{NoFusion: apart}
					uses, err := kernels.Pipelines(g, info, precision, "", o)
					if err != nil || len(uses) == 0 {
						t.Fatalf("%s: %d pipelines, %v", name, len(uses), err)
					}
					settled, _, err := kernels.Settle(info, precision)
					if err != nil {
						t.Fatal(err)
					}
					style, err := kernels.StyleOf(info, "")
					if err != nil {
						t.Fatal(err)
					}
					list, err := kernels.LowerAs(g, style, info.Caps, settled, o)
					if err != nil {
						t.Fatal(err)
					}
					missing := map[string]bool{}
					for _, x := range list {
						missing[used(x.Shader(), x.Constants())] = true
					}
					for _, u := range uses {
						key := used(u.Spec.Label, u.Spec.Constants)
						if !missing[key] {
							t.Errorf("%s: %s is listed twice, or is not used", name, key)
						}
						delete(missing, key)
						if _, ok := g.Find(u.Path); !ok {
							t.Errorf("%s: %s is at %q, which is no path", name, key, u.Path)
						}
						if err := specFits(modules, u.Spec, info.Caps); err != nil {
							t.Errorf("%s: %s: %v", name, key, err)
						}
					}
					if len(missing) > 0 {
						t.Errorf("%s: not listed: %v", name, missing)
					}
				}
			}
		}
	}
}

// specFits compares a spec with its shader and with a device.
func specFits(modules map[string]*module, s engine.PipelineSpec, caps engine.Caps) error {
	m := modules[s.Label]
	if m == nil {
		m = readModule(s.Code)
		modules[s.Label] = m
	}
	for _, c := range m.specs {
		if int(c.id) >= len(s.Constants) {
			return fmt.Errorf("constant %d (%s) is not given", c.id, c.name)
		}
	}
	if most := m.specs[len(m.specs)-1].id; int(most) != len(s.Constants)-1 {
		return fmt.Errorf("%d constants are given, the shader's last is %d", len(s.Constants), most)
	}
	if int(m.pushBytes) != s.PushBytes || s.PushBytes > caps.MaxPushConstants {
		return fmt.Errorf("push constants of %d bytes, the shader has %d, the device %d", s.PushBytes, m.pushBytes, caps.MaxPushConstants)
	}
	if s.Addressed != (len(m.bindings) == 0) || !s.Addressed && len(m.bindings) != s.Bindings || len(m.bindings) > caps.MaxBindings {
		return fmt.Errorf("%d bindings, addressed %v; the shader has %d, the device %d", s.Bindings, s.Addressed, len(m.bindings), caps.MaxBindings)
	}
	for _, b := range m.bindings {
		if texel := s.Texels>>b.number&1 == 1; texel != (b.kind == "uniform texel buffer") {
			return fmt.Errorf("binding %d is %s, a texel buffer: %v", b.number, b.kind, texel)
		}
	}
	if local := m.local(s.Constants); local[0] == 0 || int(local[0]*local[1]*local[2]) > caps.MaxInvocations {
		return fmt.Errorf("workgroup %v, the device has %d invocations", local, caps.MaxInvocations)
	}
	if shared := m.shared(s.Constants); int(shared) > caps.MaxSharedMemory {
		return fmt.Errorf("%d bytes of shared memory, the device has %d", shared, caps.MaxSharedMemory)
	}
	if err := s.Fits(caps); err != nil { // which reads the shader by itself
		return err
	}
	return capable(m, caps)
}

// capable compares what a shader declares with what a device can.
func capable(m *module, caps engine.Caps) error {
	operation := func(name string) bool { return slices.Contains(caps.SubgroupOperations, name) }
	has := map[uint32]bool{ // by SPIR-V's numbers
		1: true, 46: true, // Shader, SampledBuffer
		61: operation("basic"), 62: operation("vote"), 63: operation("arithmetic"), 64: operation("ballot"),
		65: operation("shuffle"), 66: operation("shuffle_relative"), 67: operation("clustered"),
		5347: caps.BufferAddress /* PhysicalStorageBufferAddresses */, 4433 /* StorageBuffer16BitAccess */ : caps.Storage16,
		9: caps.Float16, 11: caps.Int64, 22: caps.Int16,
	}
	for _, c := range m.capabilities {
		if !has[c] {
			return fmt.Errorf("the shader needs capability %d, which the device lacks or this test does not know", c)
		}
	}
	return nil
}

// TestFits takes from a card, one by one, what its pipelines need, and more than it needs: the error names the limit, and nothing else is refused.
func TestFits(t *testing.T) {
	g := micro(t, 4, 61, 45, 1)
	for name, c := range map[string]struct {
		change func(c *engine.Caps)
		want   string
	}{
		"all":                  {func(*engine.Caps) {}, ""},
		"no shuffle":           {func(c *engine.Caps) { c.SubgroupOperations = []string{"basic"} }, ""},
		"no numbers":           {func(c *engine.Caps) { c.Int64, c.Int16, c.Float16, c.Storage16 = false, false, false, false }, ""},
		"few storage buffers":  {func(c *engine.Caps) { c.MaxBindings = 4 }, "maxPerStageDescriptorStorageBuffers"},
		"few resources":        {func(c *engine.Caps) { c.MaxResources = 4 }, "maxPerStageResources"},
		"small push constants": {func(c *engine.Caps) { c.MaxPushConstants = 64 }, "maxPushConstantsSize"},
		"few invocations":      {func(c *engine.Caps) { c.MaxInvocations = 32 }, "maxComputeWorkGroupInvocations"},
		"narrow workgroups":    {func(c *engine.Caps) { c.MaxWorkgroupSize[0] = 16 }, "maxComputeWorkGroupSize"},
		"little shared memory": {func(c *engine.Caps) { c.MaxSharedMemory = 1 << 10 }, "maxComputeSharedMemorySize"},
	} {
		info := described()["least"]
		c.change(&info.Caps)
		err := kernels.Fits(g, info, kernels.F32, kernels.Options{})
		if (err != nil) != (c.want != "") || err != nil && (!errors.Is(err, engine.ErrUnsupported) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	software := described()["llvmpipe 22"]
	software.Caps.MaxTexelBindings = 1
	if err := kernels.Fits(g, software, kernels.F32, kernels.Options{}); err == nil || !strings.Contains(err.Error(), "maxPerStageDescriptorSampledImages") {
		t.Errorf("one texel buffer: %v", err)
	}
}

// TestPipelinesOfDevice: the list for a device's own description is what its program uses.
func TestPipelinesOfDevice(t *testing.T) {
	d := device(t)
	g := micro(t, 4, 61, 45, 1)
	for _, u := range []vulkan.UploadOptions{{}, {Precision: kernels.F16}, {Variant: "tiled"}, {Variant: "direct"}} {
		uses, err := kernels.Pipelines(g, d.Info(), u.Precision, u.Variant, kernels.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want, got := map[string]bool{}, map[string]bool{}
		for _, x := range compileAs(t, d, g, ones{}, u, vulkan.Options{}).Plan().Dispatches {
			want[used(x.Pipeline.Label, x.Pipeline.Constants)] = true
		}
		for _, x := range uses {
			got[used(x.Spec.Label, x.Spec.Constants)] = true
		}
		if !maps.Equal(got, want) {
			t.Errorf("%+v: lists %v, uses %v", u, got, want)
		}
	}
}

// ones is a source of ones.
type ones struct{}

// Tensor implements [vulkan.Source].
func (ones) Tensor(_ string, shape []int) ([]float32, error) {
	return slices.Repeat([]float32{1}, graph.Shape(shape).Elements()), nil
}

func TestPipelinesRefusals(t *testing.T) {
	g, infos := micro(t, 4, 61, 45, 1), described()
	for name, u := range map[string]vulkan.UploadOptions{"variant": {Variant: "fast"}, "precision": {Precision: "f8"}} {
		if _, err := kernels.Pipelines(g, infos["radv"], u.Precision, u.Variant, kernels.Options{}); err == nil {
			t.Errorf("an unknown %s is accepted", name)
		}
	}
	if _, err := kernels.Pipelines(g, infos["swiftshader"], kernels.F32, "uniform", kernels.Options{}); !errors.Is(err, engine.ErrUnsupported) {
		t.Errorf("uniform without addresses: %v", err)
	}
	small := infos["radv"]
	small.Caps.MaxAllocationBytes = 4 << 10
	if _, err := kernels.Pipelines(g, small, kernels.F32, "", kernels.Options{}); !errors.Is(err, engine.ErrUnsupported) {
		t.Errorf("values larger than any buffer: %v", err)
	}
}

// TestDispatchCounts: a joined GLIP-T takes at most 70 dispatches and a GLIP-L at most 130, in
// every style whose products norm rows, and none of them only moves data but the gather of
// patches; nothing that attention or a product takes over is left. (Direct products do not norm:
// each norm is a dispatch, and so is a merge before one.)
func TestDispatchCounts(t *testing.T) {
	for _, c := range []struct {
		size          string
		window, image int
		most          int
	}{{"tiny", 7, 224, 70}, {"large", 12, 384, 130}} {
		g := preset(t, c.size, c.window, c.image)
		for name, s := range kernels.Styles() {
			for _, precision := range []kernels.Precision{kernels.F32, kernels.F16} {
				list, err := kernels.LowerAs(g, s, guaranteed, precision, kernels.Options{})
				if err != nil {
					t.Fatal(err)
				}
				stems := map[string]int{}
				for _, x := range list {
					stem, _, _ := strings.Cut(x.Shader(), "_")
					stems[stem]++
				}
				norms := s.Gemm != "direct"
				if len(list) > c.most && norms {
					t.Errorf("%s, %s, %s: %d dispatches, at most %d are wanted: %v", c.size, name, precision, len(list), c.most, stems)
				}
				for stem, n := range stems {
					left := slices.Contains([]string{"gemm", "attention", "layernorm", "patches"}, stem) || stem == "merge" && !norms // a norm is between it and the product
					if !left || stem == "patches" && n != 1 || stem == "layernorm" && norms && n != 1+len(g.Outputs) {
						t.Errorf("%s, %s, %s: %d dispatches of %s", c.size, name, precision, n, stem)
					}
				}
				t.Logf("%s, %s, %s: %d dispatches: %v", c.size, name, precision, len(list), stems)
			}
		}
	}
}
