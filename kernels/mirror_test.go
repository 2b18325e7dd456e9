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
		for _, s := range kernels.AllStyles() {
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
	modules, seen := map[string]*module{}, map[string]bool{}
	for _, x := range everyDispatch(t) {
		name := x.Shader()
		if modules[name] == nil {
			code, err := shaders.Code(name)
			if err != nil {
				t.Fatal(err)
			}
			modules[name] = readModule(code)
			if err := mirrors(modules[name], reflect.TypeOf(x.Push())); err != nil {
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
func mirrors(m *module, push reflect.Type) error {
	size := uint32(binary.Size(reflect.Zero(push).Interface()))
	if size != m.pushBytes || size > 128 {
		return fmt.Errorf("%v has %d bytes, the block %d; at most 128 are guaranteed", push, size, m.pushBytes)
	}
	fields := flat(push, 0)
	if len(fields) != len(m.push) {
		return fmt.Errorf("%v has %d fields, the block %d", push, len(fields), len(m.push))
	}
	for i, have := range m.push {
		f := fields[i]
		if !strings.EqualFold(f.Name, have.name) || uint32(f.Offset) != have.offset || uint32(f.Type.Size()) != have.size {
			return fmt.Errorf("field %s at %d of %d bytes, the block has %s at %d of %d", f.Name, f.Offset, f.Type.Size(), have.name, have.offset, have.size)
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
func fits(m *module, x kernels.Lowered) error {
	for _, c := range m.specs {
		if int(c.id) >= len(x.Constants()) {
			return fmt.Errorf("constant %d (%s) is not given", c.id, c.name)
		}
	}
	if most := m.specs[len(m.specs)-1].id; int(most) < len(x.Constants())-1 {
		return fmt.Errorf("constant %d is given, the last the shader knows is %d", len(x.Constants())-1, most)
	}
	for _, b := range m.bindings {
		if b.set != 0 || int(b.number) >= len(x.Operands()) {
			return fmt.Errorf("binding %d.%d (%s) is not given", b.set, b.number, b.name)
		}
		o := x.Operands()[b.number]
		if texel := b.kind == "uniform texel buffer"; texel != strings.HasSuffix(x.Shader(), "_texel") && o.Access() == engine.Read || !texel && b.kind != "storage buffer" {
			return fmt.Errorf("binding %d is %s", b.number, b.kind)
		}
		if b.readOnly != (o.Access() == engine.Read) || b.writeOnly != (o.Access() == engine.Write) || o.Access() == engine.ReadWrite && !b.restrict {
			return fmt.Errorf("binding %d (%s) is declared %d, the shader says read only %v, write only %v, restrict %v",
				b.number, b.name, o.Access(), b.readOnly, b.writeOnly, b.restrict)
		}
	}
	if x.Addressed() {
		if len(m.bindings) != 0 {
			return fmt.Errorf("%d bindings, operands are found by address", len(m.bindings))
		}
	} else if len(m.bindings) != len(x.Operands()) {
		return fmt.Errorf("%d bindings, %d operands given", len(m.bindings), len(x.Operands()))
	}
	if local := m.local(x.Constants()); local[0] == 0 || local[0]*local[1]*local[2] > 128 {
		return fmt.Errorf("workgroup %v, at most 128 invocations are guaranteed", local)
	}
	if bytes := m.shared(x.Constants()); bytes > 16<<10 {
		return fmt.Errorf("%d bytes of shared memory, at most 16384 are guaranteed", bytes)
	}
	return nil
}
