package engine

import "math"

// What module looks at, as the SPIR-V specification numbers it.
const (
	opExecutionMode   = 16
	opCapability      = 17
	opTypeBool        = 20
	opTypeInt         = 21
	opTypeFloat       = 22
	opTypeVector      = 23
	opTypeMatrix      = 24
	opTypeArray       = 28
	opTypeStruct      = 30
	opTypePointer     = 32
	opConstantTrue    = 41
	opConstant        = 43
	opConstantNull    = 46
	opSpecTrue        = 48
	opSpecOp          = 52
	opFunction        = 54
	opVariable        = 59
	opDecorate        = 71
	opExecutionModeID = 331

	modeLocalSize   = 17
	modeLocalSizeID = 38
	specID          = 1
	builtIn         = 11
	workgroupSize   = 25
	classWorkgroup  = 4
	spirvHeader     = 5 // words
)

// module is what the words of a shader declare before its code. Words that mean nothing make it say less, and nothing worse.
type module struct {
	capabilities []uint32
	defs         map[uint32][]uint32 // types, constants and variables by id: the instruction
	specs        map[uint32]uint32   // of an id, its constant_id
	shared       []uint32            // ids of the variables of a workgroup
	size         [3]uint32           // LocalSize
	sizeIDs      []uint32            // of x, y, z, where they are constants
	constants    []uint32            // element i in place of constant_id i
}

// readModule reads SPIR-V words up to the first function.
func readModule(code, constants []uint32) *module {
	m := &module{defs: map[uint32][]uint32{}, specs: map[uint32]uint32{}, constants: constants}
	sizeID := uint32(0)
	for at := spirvHeader; at < len(code); {
		n := int(code[at] >> 16) // the lower half is the opcode
		if n == 0 || n > len(code)-at || code[at]&0xffff == opFunction {
			break
		}
		in := code[at : at+n]
		at += n
		switch op := in[0] & 0xffff; {
		case op == opCapability && n >= 2:
			m.capabilities = append(m.capabilities, in[1])
		case op == opExecutionMode && n >= 6 && in[2] == modeLocalSize: // entry point, mode, x, y, z
			m.size = [3]uint32(in[3:6])
		case op == opExecutionModeID && n >= 6 && in[2] == modeLocalSizeID:
			m.sizeIDs = in[3:6]
		case op == opDecorate && n >= 4 && in[2] == specID: // target, decoration, value
			m.specs[in[1]] = in[3]
		case op == opDecorate && n >= 4 && in[2] == builtIn && in[3] == workgroupSize:
			sizeID = in[1]
		case op >= opTypeBool && op <= opTypePointer && n >= 2: // result first
			m.defs[in[1]] = in
		case (op >= opConstantTrue && op <= opSpecOp || op == opVariable) && n >= 3: // type, result
			m.defs[in[2]] = in
			if op == opVariable && n >= 4 && in[3] == classWorkgroup {
				m.shared = append(m.shared, in[1])
			}
		}
	}
	if d := m.defs[sizeID]; sizeID != 0 && len(d) == 6 { // stronger than the execution mode
		m.sizeIDs = d[3:]
	}
	return m
}

// local returns the invocations of a workgroup along x, y, z, 0 where the words do not say.
func (m *module) local() [3]int {
	size := [3]int{int(m.size[0]), int(m.size[1]), int(m.size[2])}
	for i, id := range m.sizeIDs {
		v, _ := m.value(id, deepest)
		size[i] = int(v)
	}
	return size
}

// deepest is how deep definitions may lie in one another: words may go round in circles.
const deepest = 32

// value is a constant with those that the pipeline gives in their places, and whether it is known.
func (m *module) value(id uint32, depth int) (uint32, bool) {
	if spec, ok := m.specs[id]; ok && int64(spec) < int64(len(m.constants)) {
		return m.constants[spec], true
	}
	d := m.defs[id]
	if len(d) < 3 || depth == 0 {
		return 0, false
	}
	switch d[0] & 0xffff {
	case opConstantTrue, opSpecTrue:
		return 1, true
	case opConstantTrue + 1, opSpecTrue + 1, opConstantNull:
		return 0, true
	case opConstant, opSpecTrue + 2:
		if len(d) > 3 {
			return d[3], true
		}
	case opSpecOp:
		return m.operation(d, depth-1)
	}
	return 0, false
}

// operation is what a constant is computed by; shaders of this project use these operations to size arrays.
func (m *module) operation(d []uint32, depth int) (uint32, bool) {
	var v [3]uint32
	if len(d) < 5 || len(d) > 4+len(v) {
		return 0, false
	}
	if d[3] == 81 { // OpCompositeExtract
		if c := m.defs[d[4]]; len(d) == 6 && int64(d[5])+3 < int64(len(c)) {
			return m.value(c[3+d[5]], depth)
		}
		return 0, false
	}
	for i, id := range d[4:] {
		var ok bool
		if v[i], ok = m.value(id, depth); !ok {
			return 0, false
		}
	}
	f, ok := operations[d[3]]
	if !ok {
		return 0, false
	}
	return f(v[0], v[1], v[2]), true
}

func truth(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// operations on unsigned numbers by opcode.
var operations = map[uint32]func(x, y, z uint32) uint32{
	113: func(x, _, _ uint32) uint32 { return x }, // OpUConvert
	128: func(x, y, _ uint32) uint32 { return x + y },
	130: func(x, y, _ uint32) uint32 { return x - y },
	132: func(x, y, _ uint32) uint32 { return x * y },
	134: func(x, y, _ uint32) uint32 { return x / max(y, 1) },
	137: func(x, y, _ uint32) uint32 { return x % max(y, 1) },
	166: func(x, y, _ uint32) uint32 { return x | y },
	167: func(x, y, _ uint32) uint32 { return x & y },
	168: func(x, _, _ uint32) uint32 { return truth(x == 0) },
	169: func(x, y, z uint32) uint32 { // OpSelect
		if x != 0 {
			return y
		}
		return z
	},
	170: func(x, y, _ uint32) uint32 { return truth(x == y) },
	171: func(x, y, _ uint32) uint32 { return truth(x != y) },
	172: func(x, y, _ uint32) uint32 { return truth(x > y) },
	174: func(x, y, _ uint32) uint32 { return truth(x >= y) },
	176: func(x, y, _ uint32) uint32 { return truth(x < y) },
	178: func(x, y, _ uint32) uint32 { return truth(x <= y) },
	194: func(x, y, _ uint32) uint32 { return x >> y },
	196: func(x, y, _ uint32) uint32 { return x << y },
}

// sharedBytes is the memory that a workgroup shares, laid out as std430 does, which drivers do; what is not understood counts nothing.
func (m *module) sharedBytes() int64 {
	total := int64(0)
	for _, id := range m.shared {
		if p := m.defs[id]; len(p) == 4 && p[0]&0xffff == opTypePointer {
			size, align := m.layout(p[3], deepest)
			total = alignUp(total, align) + size
		}
	}
	return total
}

func alignUp(n, align int64) int64 { return (n + align - 1) / align * align }

// layout is the size and alignment of a type in bytes.
func (m *module) layout(id uint32, depth int) (size, align int64) {
	d := m.defs[id]
	if len(d) < 2 || depth == 0 {
		return 0, 1
	}
	switch op := d[0] & 0xffff; {
	case op == opTypeBool:
		return 4, 4
	case (op == opTypeInt || op == opTypeFloat) && len(d) > 2:
		n := max(int64(d[2]/8), 1)
		return n, n
	case op == opTypeVector && len(d) > 3:
		size, align = m.layout(d[2], depth-1)
		return size * int64(d[3]), align * int64(d[3]+d[3]&1) // three are aligned as four
	case (op == opTypeMatrix || op == opTypeArray) && len(d) > 3:
		size, align = m.layout(d[2], depth-1)
		count := d[3] // of columns
		if op == opTypeArray {
			count, _ = m.value(count, depth-1)
		}
		if size = alignUp(size, align); count > 0 && size > math.MaxInt32 {
			return math.MaxInt32, align // more than any device has, whatever it is exactly
		}
		return size * int64(count), align
	case op == opTypeStruct:
		align = 1
		for _, member := range d[2:] {
			s, a := m.layout(member, depth-1)
			size, align = alignUp(size, a)+s, max(align, a)
		}
		return alignUp(size, align), align
	}
	return 0, 1
}
