package shaders

import "fmt"

// Module is what a SPIR-V compute module says about itself. A binding or push constant that the shader never uses may be absent: the
// optimizer removes it.
type Module struct {
	EntryPoint    string         // of the compute shader, normally "main"
	Bindings      []Binding      // sorted by set, then binding
	Push          PushBlock      // zero when there is none
	SpecConstants []SpecConstant // sorted by ID
	Capabilities  []string       // what the device must support, as SPIR-V names them: Shader, GroupNonUniformArithmetic, ...

	local  [3]size          // declared workgroup size
	shared []sharedVariable // workgroup memory
	consts constants        // to evaluate both under specialization
}

// Binding is one descriptor of a module.
type Binding struct {
	Set, Binding uint32
	Kind         BindingKind
	Name         string // of the block in GLSL (buffer NAME { ... }), of the variable where there is no block; empty when stripped
	Count        uint32 // array length of the descriptor; 1 for a plain one, 0 for a run-time array
	ReadOnly     bool   // declared readonly, or cannot be written: a uniform or uniform texel buffer
	WriteOnly    bool   // declared writeonly
	Restrict     bool   // declared restrict
}

// BindingKind is the descriptor type that a binding needs.
type BindingKind int

// The kinds of binding.
const (
	StorageBuffer BindingKind = iota
	UniformBuffer
	UniformTexelBuffer // samplerBuffer in GLSL: read through a buffer view
	StorageTexelBuffer // imageBuffer in GLSL
	OtherBinding       // images and samplers: not used by this project
)

// String returns the kind in words.
func (k BindingKind) String() string {
	switch k {
	case StorageBuffer:
		return "storage buffer"
	case UniformBuffer:
		return "uniform buffer"
	case UniformTexelBuffer:
		return "uniform texel buffer"
	case StorageTexelBuffer:
		return "storage texel buffer"
	case OtherBinding:
		return "image or sampler"
	}
	return fmt.Sprintf("BindingKind(%d)", int(k))
}

// PushBlock is the push-constant block. Offsets and sizes are in bytes.
type PushBlock struct {
	Name    string // of the block in GLSL
	Size    uint32 // end of the last member, rounded up to 4; 0 when there is no block
	Members []PushMember
}

// PushMember is one member of the push-constant block, in order of declaration.
type PushMember struct {
	Name         string // empty when the module carries no names
	Offset, Size uint32 // bytes; Size spans an array or matrix from its first to its last element, strides included
}

// SpecConstant is one specialization constant.
type SpecConstant struct {
	ID      uint32 // constant_id in GLSL
	Name    string // empty for local_size_x_id and its like, and when stripped
	Kind    SpecKind
	Default uint64 // bit pattern: 0 or 1 for a bool, two's complement for an int, IEEE 754 for a float
}

// SpecKind is the type of a specialization constant. All but Int64, Uint64 and Float64 (8 bytes) take 4 bytes in VkSpecializationInfo.
type SpecKind int

// The types of specialization constants.
const (
	SpecBool SpecKind = iota
	SpecInt
	SpecUint
	SpecFloat
	SpecInt64
	SpecUint64
	SpecFloat64
	SpecOther // 8 and 16 bits wide: not used by this project
)

// LocalSize is the workgroup size along x, y and z. spec holds the values that specialization will give, by constant ID, as 32-bit
// patterns; constants not in it keep their defaults. It may be nil.
func (m *Module) LocalSize(spec map[uint32]uint32) ([3]uint32, error) {
	var local [3]uint32
	eval := m.consts.under(spec)
	for i, s := range m.local {
		value, err := s.value(eval)
		if err != nil {
			return local, fmt.Errorf("shaders: workgroup size along %c: %w", "xyz"[i], err)
		}
		if value == 0 || value > 1<<16 {
			return local, fmt.Errorf("shaders: workgroup size along %c is %d", "xyz"[i], value)
		}
		local[i] = uint32(value)
	}
	return local, nil
}

// SharedBytes is the workgroup memory that the module takes, laid out as std430 in order of declaration, which bounds what drivers
// count against maxComputeSharedMemorySize. spec is as for [Module.LocalSize].
func (m *Module) SharedBytes(spec map[uint32]uint32) (uint64, error) {
	total := uint64(0)
	eval := m.consts.under(spec)
	for _, v := range m.shared {
		layout, err := m.consts.layout(v.typ, eval, 0)
		if err != nil {
			return 0, fmt.Errorf("shaders: shared variable %q: %w", v.name, err)
		}
		if total = alignUp(total, layout.align) + layout.size; total > maxBytes {
			return 0, fmt.Errorf("shaders: shared variable %q: more than %d bytes of workgroup memory", v.name, uint64(maxBytes))
		}
	}
	return total, nil
}

// Binding finds a binding of the module.
func (m *Module) Binding(set, binding uint32) (Binding, bool) {
	for _, b := range m.Bindings {
		if b.Set == set && b.Binding == binding {
			return b, true
		}
	}
	return Binding{}, false
}
