package kernels_test

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// What SPIR-V numbers how, section 3 of its specification.
const (
	opName, opMemberName, opCapability, opFunction, opDecorate, opMemberDecorate = 5, 6, 17, 54, 71, 72

	typeVoid, typeBool, typeInt, typeFloat, typeVector, typeMatrix, typeImage, typeSampledImage = 19, 20, 21, 22, 23, 24, 25, 27
	typeArray, typeStruct, typePointer, typeFunction                                            = 28, 30, 32, 33

	constTrue, constFalse, constPlain, constNull, specTrue, specFalse, specPlain, specOp, variable = 41, 42, 43, 46, 48, 49, 50, 52, 59

	specID, decoBlock, decoBuiltIn, decoRestrict, decoNonWritable, decoNonReadable, decoBinding, decoSet, decoOffset = 1, 2, 11, 19, 24, 25, 33, 34, 35

	builtInWorkgroupSize = 25

	classUniformConstant, classUniform, classWorkgroup, classPush, classStorage = 0, 2, 4, 9, 12
)

// module is a compute module as its words describe it. The modules are committed and held to their
// sources by package shaders; words that its compiler would not write make a test panic.
type module struct {
	bindings     []binding    // by set and number
	push         []pushMember // in order
	pushBytes    uint32
	specs        []specConstant // by id
	capabilities []uint32

	defs      map[uint32][]uint32  // types, constants and variables by id: opcode, then the operands without that id
	names     map[[2]uint32]string // of an id, 0 or of a structure, member + 1
	decor     map[[3]uint32]uint32 // of an id, 0 or of a structure, member + 1; the decoration; 0 is the value of one without
	variables []uint32
}

// binding is a descriptor: a "storage buffer", a "uniform texel buffer" or, as none of ours is, "another".
type binding struct {
	set, number                   uint32
	name, kind                    string
	readOnly, writeOnly, restrict bool
}

// pushMember is a member of the push-constant block, in bytes.
type pushMember struct {
	name         string
	offset, size uint32
}

type specConstant struct {
	id   uint32
	name string // "" where it has none
}

func readModule(code []uint32) *module {
	m := &module{defs: map[uint32][]uint32{}, names: map[[2]uint32]string{}, decor: map[[3]uint32]uint32{}}
	for at := 5; code[at]&0xffff != opFunction; at += int(code[at] >> 16) { // 5 words are the header
		m.declare(code[at : at+int(code[at]>>16)])
	}
	for key, id := range m.decor {
		if key[2] == specID {
			m.specs = append(m.specs, specConstant{id, m.names[[2]uint32{key[0]}]})
		}
	}
	slices.SortFunc(m.specs, func(a, b specConstant) int { return cmp.Compare(a.id, b.id) })
	for _, id := range m.variables {
		pointer := m.defs[m.defs[id][1]]
		switch class, typ := pointer[1], pointer[2]; class {
		case classStorage, classUniform, classUniformConstant:
			m.bindings = append(m.bindings, m.binding(id, class, typ))
		case classPush:
			m.readPush(typ)
		}
	}
	slices.SortFunc(m.bindings, func(a, b binding) int { return cmp.Or(cmp.Compare(a.set, b.set), cmp.Compare(a.number, b.number)) })
	return m
}

// declare keeps what an instruction says.
func (m *module) declare(in []uint32) {
	op := in[0] & 0xffff
	value := func(i int) uint32 { // of a decoration, 0 where it has none
		if i < len(in) {
			return in[i]
		}
		return 0
	}
	switch {
	case op == opName:
		m.names[[2]uint32{in[1]}] = text(in[2:])
	case op == opMemberName:
		m.names[[2]uint32{in[1], in[2] + 1}] = text(in[3:])
	case op == opCapability:
		m.capabilities = append(m.capabilities, in[1])
	case op == opDecorate:
		m.decor[[3]uint32{in[1], 0, in[2]}] = value(3)
	case op == opMemberDecorate:
		m.decor[[3]uint32{in[1], in[2] + 1, in[3]}] = value(4)
	case op >= typeVoid && op <= typeFunction:
		m.defs[in[1]] = append([]uint32{op}, in[2:]...)
	case op >= constTrue && op <= specOp, op == variable: // their type comes before their id
		m.defs[in[2]] = append([]uint32{op, in[1]}, in[3:]...)
		if op == variable {
			m.variables = append(m.variables, in[2])
		}
	}
}

// text is a string of words, four bytes each, that ends with a zero.
func text(words []uint32) string {
	var b []byte
	for _, w := range words {
		for ; w != 0; w >>= 8 {
			b = append(b, byte(w))
		}
	}
	return string(b)
}

func (m *module) binding(id, class, typ uint32) binding {
	number, ok := m.decor[[3]uint32{id, 0, decoBinding}]
	if !ok {
		panic(fmt.Sprintf("%s has no binding", m.names[[2]uint32{id}]))
	}
	b := binding{set: m.decor[[3]uint32{id, 0, decoSet}], number: number, name: cmp.Or(m.names[[2]uint32{typ}], m.names[[2]uint32{id}]), kind: "another",
		readOnly: m.declared(id, typ, decoNonWritable), writeOnly: m.declared(id, typ, decoNonReadable), restrict: m.declared(id, typ, decoRestrict)}
	if class == classStorage {
		b.kind = "storage buffer"
	} else if d := m.defs[typ]; d[0] == typeSampledImage && m.defs[d[1]][2] == 5 { // of the dimension Buffer
		b.kind, b.readOnly = "uniform texel buffer", true
	}
	return b
}

// declared reports whether a variable or every member of its structure carries a decoration: compilers do either.
func (m *module) declared(id, typ, decoration uint32) bool {
	if _, ok := m.decor[[3]uint32{id, 0, decoration}]; ok {
		return true
	}
	d := m.defs[typ]
	for i := range d[1:] {
		if _, ok := m.decor[[3]uint32{typ, uint32(i) + 1, decoration}]; !ok {
			return false
		}
	}
	return d[0] == typeStruct
}

func (m *module) readPush(typ uint32) {
	for i, member := range m.defs[typ][1:] {
		n := uint32(i) + 1
		size, _ := m.layout(member, nil)
		p := pushMember{m.names[[2]uint32{typ, n}], m.decor[[3]uint32{typ, n, decoOffset}], size}
		m.push = append(m.push, p)
		m.pushBytes = max(m.pushBytes, alignUp(p.offset+p.size, 4))
	}
}

func alignUp(n, align uint32) uint32 { return (n + align - 1) / align * align }

// layout is the size and alignment of a type in bytes, by std430.
func (m *module) layout(typ uint32, constants []uint32) (size, align uint32) {
	switch d := m.defs[typ]; d[0] {
	case typeBool:
		return 4, 4
	case typeInt, typeFloat:
		return d[1] / 8, d[1] / 8
	case typeVector:
		size, align = m.layout(d[1], constants)
		return size * d[2], align * (d[2] + d[2]%2) // three are aligned as four
	case typeMatrix, typeArray:
		size, align = m.layout(d[1], constants)
		count := d[2] // of columns
		if d[0] == typeArray {
			count = m.value(count, constants)
		}
		return alignUp(size, align) * count, align
	default:
		panic(fmt.Sprintf("type %d has no size here", d[0]))
	}
}

// value is a constant when those that a pipeline gives are in their places.
func (m *module) value(id uint32, constants []uint32) uint32 {
	if spec, ok := m.decor[[3]uint32{id, 0, specID}]; ok && int(spec) < len(constants) {
		return constants[spec]
	}
	switch d := m.defs[id]; d[0] {
	case constTrue, specTrue:
		return 1
	case constFalse, specFalse, constNull:
		return 0
	case constPlain, specPlain:
		return d[2]
	case specOp:
		return m.operation(d[2], d[3:], constants)
	default:
		panic(fmt.Sprintf("constant of opcode %d", d[0]))
	}
}

// operation is what a constant is computed by.
func (m *module) operation(op uint32, operands, constants []uint32) uint32 {
	truth := func(b bool) uint32 {
		if b {
			return 1
		}
		return 0
	}
	if op == 81 { // OpCompositeExtract
		return m.value(m.defs[operands[0]][2+operands[1]], constants)
	}
	var v [3]uint32
	for i, id := range operands {
		v[i] = m.value(id, constants)
	}
	switch x, y := v[0], v[1]; op {
	case 113: // OpUConvert
		return x
	case 128:
		return x + y
	case 130:
		return x - y
	case 132:
		return x * y
	case 134:
		return x / y
	case 137:
		return x % y
	case 166:
		return x | y
	case 167:
		return x & y
	case 168: // OpLogicalNot
		return truth(x == 0)
	case 169: // OpSelect
		if x != 0 {
			return y
		}
		return v[2]
	case 170:
		return truth(x == y)
	case 171:
		return truth(x != y)
	case 172:
		return truth(x > y)
	case 174:
		return truth(x >= y)
	case 176:
		return truth(x < y)
	case 196: // OpShiftLeftLogical
		return x << y
	default:
		panic(fmt.Sprintf("constants are computed by opcode %d: say here what that is", op))
	}
}

// local is the number of invocations in a workgroup.
func (m *module) local(constants []uint32) [3]uint32 {
	var size [3]uint32
	for key, what := range m.decor {
		if key[2] == decoBuiltIn && what == builtInWorkgroupSize && len(m.defs[key[0]]) > 0 {
			for i, id := range m.defs[key[0]][2:] {
				size[i] = m.value(id, constants)
			}
		}
	}
	return size
}

// shared bounds the bytes of workgroup memory that drivers count.
func (m *module) shared(constants []uint32) (total uint32) {
	for _, id := range m.variables {
		if pointer := m.defs[m.defs[id][1]]; pointer[1] == classWorkgroup {
			size, align := m.layout(pointer[2], constants)
			total = alignUp(total, align) + size
		}
	}
	return total
}

// TestModule compares with what is read off testdata/sample.comp by eye.
func TestModule(t *testing.T) {
	data, err := os.ReadFile("testdata/sample.spv")
	if err != nil {
		t.Fatal(err)
	}
	code := make([]uint32, len(data)/4)
	for i := range code {
		code[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	m := readModule(code)
	got := []any{m.bindings, m.push, m.pushBytes, m.specs, m.capabilities}
	want := []any{
		[]binding{
			{0, 0, "X", "storage buffer", true, false, true},
			{0, 1, "Y", "storage buffer", false, true, true},
			{1, 2, "Table", "another", false, false, false},
			{1, 3, "Z", "storage buffer", false, false, false},
			{1, 4, "texels", "uniform texel buffer", true, false, false},
			{1, 5, "image", "another", false, true, false},
		},
		[]pushMember{{"rows", 0, 4}, {"cols", 4, 4}, {"eps", 8, 4}, {"pad", 12, 8}, {"weight", 32, 16}, {"transform", 48, 48}},
		uint32(96),
		[]specConstant{{0, ""}, {1, ""}, {2, "TILE"}, {3, "GELU"}, {4, "SCALE"}, {5, "SHIFT"}},
		[]uint32{1, 46, 47},
	}
	if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(binding{}, pushMember{}, specConstant{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, c := range []struct {
		constants []uint32
		local     [3]uint32
		shared    uint32
	}{
		{nil, [3]uint32{1, 1, 1}, 16*17*4 + 48},
		{[]uint32{64, 2}, [3]uint32{64, 2, 1}, 16*17*4 + 48},
		{[]uint32{1, 1, 3}, [3]uint32{1, 1, 1}, 3*4*4 + 48}, // the array of vec3 moves to a multiple of 16
		{[]uint32{1, 1, 5}, [3]uint32{1, 1, 1}, 128 + 48},   // 120 bytes, padded to 128
	} {
		if local, shared := m.local(c.constants), m.shared(c.constants); local != c.local || shared != c.shared {
			t.Errorf("%v: workgroup %v, %d bytes shared; want %v, %d", c.constants, local, shared, c.local, c.shared)
		}
	}
}
