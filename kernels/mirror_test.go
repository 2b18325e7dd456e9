package kernels_test

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/shaders"
	"github.com/glipvk/glipvk/swin"
)

// guaranteed are the limits that every Vulkan device has, as far as lowering asks.
var guaranteed = engine.Caps{MaxStorageBufferRange: 1 << 27, StorageAlignment: 256, MaxTexels: 1 << 27,
	MaxWorkgroups: [3]int{65535, 65535, 65535}, MaxSharedMemory: 16 << 10, MaxInvocations: 128}

// micro is a Swin of four small stages, with padding and shift.
func micro(t testing.TB, window, height, width, batch int) *graph.Graph {
	t.Helper()
	g, err := swin.Record(swin.Config{EmbedDims: 24, Depths: []int{2, 2, 2, 2}, NumHeads: []int{1, 2, 4, 8}, WindowSize: window,
		PadSmallMap: true, OutIndices: []int{0, 1, 2, 3}, ImageSize: 64, PatchSize: 4, MLPRatio: 4, Eps: 1e-5, QKVBias: true},
		swin.Input{Batch: batch, Height: height, Width: width})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// everyDispatch lowers all graphs of the tests in all styles, joined and not.
func everyDispatch(t *testing.T) []kernels.Lowered {
	graphs := []*graph.Graph{micro(t, 4, 61, 45, 1), micro(t, 7, 61, 45, 2)}
	for _, size := range []string{"tiny", "large"} {
		cfg, err := swin.Preset(size, 7, 224)
		if err != nil {
			t.Fatal(err)
		}
		g, err := swin.Record(cfg, swin.Input{Batch: 1, Height: 224, Width: 224})
		if err != nil {
			t.Fatal(err)
		}
		graphs = append(graphs, g)
	}
	for _, c := range opCases() {
		graphs = append(graphs, build(t, c.record))
	}
	for _, c := range joinedCases() {
		graphs = append(graphs, build(t, c.record))
	}
	var list []kernels.Lowered
	for _, g := range graphs {
		for _, s := range kernels.Styles() {
			for _, apart := range []bool{false, true} {
				for _, p := range []kernels.Precision{kernels.F32, kernels.F16} {
					some, err := kernels.LowerAs(g, s, guaranteed, p, kernels.Options{NoFusion: apart})
					if err != nil {
						t.Fatal(err)
					}
					list = append(list, some...)
				}
			}
		}
	}
	return list
}

// TestDispatchesFitShaders compares every dispatch with what its shader says of itself.
func TestDispatchesFitShaders(t *testing.T) {
	modules, seen := map[string]*shaders.Module{}, map[string]bool{}
	for _, x := range everyDispatch(t) {
		name := x.Shader()
		if modules[name] == nil {
			code, err := shaders.Code(name)
			if err != nil {
				t.Fatal(err)
			}
			if modules[name], err = shaders.Reflect(code); err != nil {
				t.Fatal(err)
			}
			if err := mirrors(modules[name].Push, reflect.TypeOf(x.Push())); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		key := fmt.Sprint(name, x.Constants())
		if seen[key] {
			continue
		}
		seen[key] = true
		if err := fits(modules[name], x); err != nil {
			t.Errorf("%s with constants %v: %v", name, x.Constants(), err)
		}
	}
	for _, name := range shaders.Names() {
		if modules[name] == nil {
			t.Errorf("no style of any graph takes variant %s: delete its row of variants.json", name)
		}
	}
}

// mirrors compares a push struct with the shader's block, field by field.
func mirrors(block shaders.PushBlock, push reflect.Type) error {
	size := uint32(binary.Size(reflect.Zero(push).Interface()))
	if size != block.Size || size > 128 {
		return fmt.Errorf("%v has %d bytes, the block %d; at most 128 are guaranteed", push, size, block.Size)
	}
	fields := flat(push, 0)
	if len(fields) != len(block.Members) {
		return fmt.Errorf("%v has %d fields, the block %d", push, len(fields), len(block.Members))
	}
	for i, m := range block.Members {
		f := fields[i]
		if !strings.EqualFold(f.Name, m.Name) || uint32(f.Offset) != m.Offset || uint32(f.Type.Size()) != m.Size {
			return fmt.Errorf("field %s at %d of %d bytes, the block has %s at %d of %d", f.Name, f.Offset, f.Type.Size(), m.Name, m.Offset, m.Size)
		}
	}
	return nil
}

// flat lists the fields of a struct, those of embedded ones in their place.
func flat(t reflect.Type, at uintptr) []reflect.StructField {
	var list []reflect.StructField
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Offset += at; f.Anonymous {
			list = append(list, flat(f.Type, f.Offset)...)
		} else {
			list = append(list, f)
		}
	}
	return list
}

// fits compares bindings and specialization constants, and holds the specialized
// module to the guaranteed limits.
func fits(m *shaders.Module, x kernels.Lowered) error {
	spec := map[uint32]uint32{}
	for id, v := range x.Constants() {
		spec[uint32(id)] = v
	}
	for _, c := range m.SpecConstants {
		if int(c.ID) >= len(x.Constants()) {
			return fmt.Errorf("constant %d (%s) is not given", c.ID, c.Name)
		}
	}
	if most := m.SpecConstants[len(m.SpecConstants)-1].ID; int(most) < len(x.Constants())-1 {
		return fmt.Errorf("constant %d is given, the last the shader knows is %d", len(x.Constants())-1, most)
	}
	for _, b := range m.Bindings {
		if b.Set != 0 || int(b.Binding) >= len(x.Operands()) {
			return fmt.Errorf("binding %d.%d (%s) is not given", b.Set, b.Binding, b.Name)
		}
		o := x.Operands()[b.Binding]
		if texel := b.Kind == shaders.UniformTexelBuffer; texel != strings.HasSuffix(x.Shader(), "_texel") && o.Access() == engine.Read {
			return fmt.Errorf("binding %d is a %v", b.Binding, b.Kind)
		}
		if b.ReadOnly != (o.Access() == engine.Read) || b.WriteOnly != (o.Access() == engine.Write) {
			return fmt.Errorf("binding %d (%s) is declared %d, the shader says read only %v, write only %v", b.Binding, b.Name, o.Access(), b.ReadOnly, b.WriteOnly)
		}
	}
	if x.Addressed() {
		if len(m.Bindings) != 0 {
			return fmt.Errorf("%d bindings, operands are found by address", len(m.Bindings))
		}
	} else if len(m.Bindings) != len(x.Operands()) {
		return fmt.Errorf("%d bindings, %d operands given", len(m.Bindings), len(x.Operands()))
	}
	local, err := m.LocalSize(spec)
	if err != nil || local[0]*local[1]*local[2] > 128 {
		return fmt.Errorf("workgroup %v (%v), at most 128 invocations are guaranteed", local, err)
	}
	if bytes, err := m.SharedBytes(spec); err != nil || bytes > 16<<10 {
		return fmt.Errorf("%d bytes of shared memory (%v), at most 16384 are guaranteed", bytes, err)
	}
	return nil
}
