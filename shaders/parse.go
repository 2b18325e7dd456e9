package shaders

import (
	"cmp"
	"fmt"
	"slices"
)

// SPIR-V enumerants used here; names and numbers are those of the SPIR-V specification, section 3.
const (
	opName                  = 5
	opMemberName            = 6
	opEntryPoint            = 15
	opExecutionMode         = 16
	opCapability            = 17
	opTypeBool              = 20
	opTypeInt               = 21
	opTypeFloat             = 22
	opTypeVector            = 23
	opTypeMatrix            = 24
	opTypeImage             = 25
	opTypeSampledImage      = 27
	opTypeArray             = 28
	opTypeRuntimeArray      = 29
	opTypeStruct            = 30
	opTypePointer           = 32
	opConstantTrue          = 41
	opConstantFalse         = 42
	opConstant              = 43
	opConstantComposite     = 44
	opConstantNull          = 46
	opSpecConstantTrue      = 48
	opSpecConstantFalse     = 49
	opSpecConstant          = 50
	opSpecConstantComposite = 51
	opSpecConstantOp        = 52
	opFunction              = 54
	opVariable              = 59
	opDecorate              = 71
	opMemberDecorate        = 72
	opExecutionModeID       = 331

	modelGLCompute = 5

	modeLocalSize   = 17
	modeLocalSizeID = 38

	decorationSpecID        = 1
	decorationBlock         = 2
	decorationBufferBlock   = 3
	decorationArrayStride   = 6
	decorationMatrixStride  = 7
	decorationBuiltIn       = 11
	decorationRestrict      = 19
	decorationNonWritable   = 24
	decorationNonReadable   = 25
	decorationBinding       = 33
	decorationDescriptorSet = 34
	decorationOffset        = 35

	builtInWorkgroupSize = 25

	dimBuffer      = 5 // of an image type: a texel buffer
	imageOfStorage = 2 // its Sampled operand: read and written without a sampler

	storageUniformConstant = 0
	storageUniform         = 2
	storageWorkgroup       = 4
	storagePushConstant    = 9
	storageStorageBuffer   = 12
)

// instruction is one declaration of a module: what precedes the first function.
type instruction struct {
	op       uint32
	operands []uint32
}

// arg is operand i, or 0 when the instruction is shorter: a damaged module then reads as one that lacks something.
func (in instruction) arg(i int) uint32 {
	if i < len(in.operands) {
		return in.operands[i]
	}
	return 0
}

// member names a member of a structure type.
type member struct{ typ, index uint32 }

// decorations maps a decoration to its first literal (0 when it has none).
type decorations map[uint32]uint32

// parser collects the declarations of a module by result id.
type parser struct {
	defs        map[uint32]instruction // types, constants and variables; operands without the result id, result type first where there is one
	names       map[uint32]string
	memberNames map[member]string
	decorated   map[uint32]decorations
	memberDecor map[member]decorations
	variables   []uint32 // ids in order of declaration
	specs       []uint32 // ids of specialization constants, likewise
	local       [3]size
	module      *Module
}

// Reflect reads what a compute module declares. It accepts any words and returns an error wrapping [ErrSPIRV] for a damaged module.
func Reflect(code []uint32) (*Module, error) {
	p := &parser{
		defs: map[uint32]instruction{}, names: map[uint32]string{}, memberNames: map[member]string{},
		decorated: map[uint32]decorations{}, memberDecor: map[member]decorations{}, module: &Module{},
	}
	if err := p.scan(code); err != nil {
		return nil, fmt.Errorf("shaders: %w: %w", ErrSPIRV, err)
	}
	if err := p.build(); err != nil {
		return nil, fmt.Errorf("shaders: %w: %w", ErrSPIRV, err)
	}
	return p.module, nil
}

// scan walks the whole module, so that a truncated one is noticed, and keeps its declarations.
func (p *parser) scan(code []uint32) error {
	if len(code) < headerWords || code[0] != magic {
		return fmt.Errorf("no SPIR-V header in %d words", len(code))
	}
	inFunctions := false
	for at := headerWords; at < len(code); {
		count := int(code[at] >> 16)
		if count == 0 || count > len(code)-at {
			return fmt.Errorf("instruction at word %d of %d claims %d words", at, len(code), count)
		}
		in := instruction{op: code[at] & 0xffff, operands: code[at+1 : at+count]}
		inFunctions = inFunctions || in.op == opFunction
		if !inFunctions {
			if err := p.declare(in); err != nil {
				return fmt.Errorf("instruction at word %d: %w", at, err)
			}
		}
		at += count
	}
	if !inFunctions {
		return fmt.Errorf("no function in %d words", len(code))
	}
	return nil
}

// declare files one instruction.
func (p *parser) declare(in instruction) error {
	switch in.op {
	case opName:
		p.names[in.arg(0)] = literal(in.operands, 1)
	case opMemberName:
		p.memberNames[member{in.arg(0), in.arg(1)}] = literal(in.operands, 2)
	case opCapability:
		p.module.Capabilities = append(p.module.Capabilities, capabilityName(in.arg(0)))
	case opDecorate:
		decorate(p.decorated, in.arg(0), in.arg(1), in.arg(2))
	case opMemberDecorate:
		decorate(p.memberDecor, member{in.arg(0), in.arg(1)}, in.arg(2), in.arg(3))
	case opEntryPoint:
		if in.arg(0) != modelGLCompute {
			return fmt.Errorf("entry point %q is not a compute shader", literal(in.operands, 2))
		}
		if p.module.EntryPoint != "" {
			return fmt.Errorf("a second entry point %q", literal(in.operands, 2))
		}
		p.module.EntryPoint = literal(in.operands, 2)
	case opExecutionMode, opExecutionModeID:
		for i := range p.local {
			switch in.arg(1) {
			case modeLocalSize:
				p.local[i] = size{literal: in.arg(2 + i)}
			case modeLocalSizeID:
				p.local[i] = size{id: in.arg(2 + i)}
			}
		}
	case opTypeBool, opTypeInt, opTypeFloat, opTypeVector, opTypeMatrix, opTypeImage, opTypeSampledImage, opTypeArray,
		opTypeRuntimeArray, opTypeStruct, opTypePointer:
		return p.define(in.arg(0), instruction{in.op, in.operands[min(1, len(in.operands)):]})
	case opConstantTrue, opConstantFalse, opConstant, opConstantComposite, opConstantNull, opSpecConstantTrue, opSpecConstantFalse,
		opSpecConstant, opSpecConstantComposite, opSpecConstantOp, opVariable:
		return p.defineTyped(in)
	}
	return nil
}

func decorate[K comparable](to map[K]decorations, target K, decoration, value uint32) {
	if to[target] == nil {
		to[target] = decorations{}
	}
	to[target][decoration] = value
}

func (p *parser) define(id uint32, in instruction) error {
	if _, taken := p.defs[id]; taken || id == 0 {
		return fmt.Errorf("result id %d is taken", id)
	}
	p.defs[id] = in
	return nil
}

// defineTyped files an instruction whose operands begin with result type and result id.
func (p *parser) defineTyped(in instruction) error {
	if len(in.operands) < 2 {
		return fmt.Errorf("opcode %d with %d operands", in.op, len(in.operands))
	}
	id := in.operands[1]
	switch in.op {
	case opVariable:
		p.variables = append(p.variables, id)
	case opSpecConstantTrue, opSpecConstantFalse, opSpecConstant:
		p.specs = append(p.specs, id)
	}
	operands := append([]uint32{in.operands[0]}, in.operands[2:]...)
	return p.define(id, instruction{in.op, operands})
}

// literal decodes the string that starts at operand i: UTF-8, NUL-terminated, four bytes a word.
func literal(operands []uint32, i int) string {
	var text []byte
	for ; i < len(operands); i++ {
		for shift := 0; shift < 32; shift += 8 {
			c := byte(operands[i] >> shift)
			if c == 0 {
				return string(text)
			}
			text = append(text, c)
		}
	}
	return string(text)
}

// build turns the declarations into the module's description.
func (p *parser) build() error {
	m := p.module
	if m.EntryPoint == "" {
		return fmt.Errorf("no compute entry point")
	}
	m.consts = constants{defs: p.defs, decorated: p.decorated, memberDecor: p.memberDecor}
	if err := p.buildSpecs(); err != nil {
		return err
	}
	for _, id := range p.variables {
		if err := p.buildVariable(id); err != nil {
			return fmt.Errorf("variable %q (id %d): %w", p.names[id], id, err)
		}
	}
	slices.SortFunc(m.Bindings, func(a, b Binding) int {
		return cmp.Or(cmp.Compare(a.Set, b.Set), cmp.Compare(a.Binding, b.Binding))
	})
	m.local = p.local
	for id, d := range p.decorated { // overrides the execution mode; at most one constant may carry it
		if builtIn, ok := d[decorationBuiltIn]; ok && builtIn == builtInWorkgroupSize {
			for i := range m.local {
				m.local[i] = size{id: p.defs[id].arg(1 + i)}
			}
		}
	}
	_, err := m.LocalSize(nil)
	return err
}
