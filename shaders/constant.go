package shaders

import (
	"errors"
	"fmt"
	"maps"
)

// Bounds that no sane module reaches. They keep a hostile one from costing time or memory: nesting is cut off, sizes cannot overflow.
const (
	maxDepth = 16
	maxSteps = 1 << 16
	maxBytes = 1 << 31
)

// size is a dimension given as a number or, when id is not 0, as the id of a constant.
type size struct{ literal, id uint32 }

func (s size) value(e *evaluator) (uint64, error) {
	if s.id == 0 {
		return uint64(s.literal), nil
	}
	return e.value(s.id)
}

// constants are the types and constants of a module, by id.
type constants struct {
	defs        map[uint32]instruction
	decorated   map[uint32]decorations
	memberDecor map[member]decorations
}

// under returns an evaluator for the constants under a specialization.
func (c constants) under(spec map[uint32]uint32) *evaluator {
	return &evaluator{constants: c, spec: maps.Clone(spec), known: map[uint32]uint64{}}
}

// evaluator computes scalar integer and bool constants. It gives up after maxSteps.
type evaluator struct {
	constants
	spec  map[uint32]uint32
	known map[uint32]uint64
	steps int
	depth int
}

// step counts work against maxSteps.
func (e *evaluator) step() error {
	if e.steps++; e.steps > maxSteps {
		return errors.New("the module's constants and types are too intricate")
	}
	return nil
}

// value is the constant called id, as the low 32 bits of a two's complement number; a bool is 0 or 1.
func (e *evaluator) value(id uint32) (uint64, error) {
	if v, ok := e.known[id]; ok {
		return v, nil
	}
	if err := e.step(); err != nil {
		return 0, err
	}
	if e.depth++; e.depth > maxDepth*maxDepth {
		return 0, errors.New("a constant is defined by too long a chain")
	}
	defer func() { e.depth-- }()
	v, err := e.compute(id)
	if err == nil {
		e.known[id] = v
	}
	return v, err
}

func (e *evaluator) compute(id uint32) (uint64, error) {
	def := e.defs[id]
	if specID, ok := e.decorated[id][decorationSpecID]; ok {
		if v, ok := e.spec[specID]; ok {
			if def.op == opSpecConstantTrue || def.op == opSpecConstantFalse {
				return truth(v != 0), nil
			}
			return uint64(v), nil
		}
	}
	switch def.op {
	case opConstantTrue, opSpecConstantTrue:
		return 1, nil
	case opConstantFalse, opSpecConstantFalse, opConstantNull:
		return 0, nil
	case opConstant, opSpecConstant:
		if typ := e.defs[def.arg(0)]; typ.op != opTypeInt || typ.arg(0) > 32 {
			return 0, fmt.Errorf("constant %d is not an integer of 32 bits", id)
		}
		return uint64(def.arg(1)), nil
	case opSpecConstantOp:
		return e.operation(def)
	}
	return 0, fmt.Errorf("id %d is not a scalar constant", id)
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// Opcodes that OpSpecConstantOp applies here.
const (
	opCompositeExtract = 81
	opIAdd             = 128
	opISub             = 130
	opIMul             = 132
	opUDiv             = 134
	opSDiv             = 135
	opUMod             = 137
	opSRem             = 138
	opSNegate          = 126
	opLogicalEqual     = 164
	opLogicalNotEqual  = 165
	opLogicalOr        = 166
	opLogicalAnd       = 167
	opLogicalNot       = 168
	opSelect           = 169
	opIEqual           = 170
	opINotEqual        = 171
	opUGreaterThan     = 172
	opSGreaterThan     = 173
	opUGreaterEqual    = 174
	opSGreaterEqual    = 175
	opULessThan        = 176
	opSLessThan        = 177
	opULessEqual       = 178
	opSLessEqual       = 179
	opShiftRight       = 194
	opShiftRightSigned = 195
	opShiftLeft        = 196
	opBitwiseOr        = 197
	opBitwiseXor       = 198
	opBitwiseAnd       = 199
	opNot              = 200
)

// operation evaluates OpSpecConstantOp: result type, opcode, operands.
func (e *evaluator) operation(def instruction) (uint64, error) {
	op := def.arg(1)
	switch op {
	case opCompositeExtract:
		composite := e.defs[def.arg(2)]
		if len(def.operands) != 4 || (composite.op != opConstantComposite && composite.op != opSpecConstantComposite) {
			return 0, errors.New("a constant is taken from something other than a vector")
		}
		return e.value(composite.arg(1 + int(min(def.arg(3), 1<<16))))
	case opSelect:
		condition, err := e.value(def.arg(2))
		if err != nil {
			return 0, err
		}
		return e.value(def.arg(3 + int(1-min(condition, 1))))
	case opSNegate, opNot, opLogicalNot:
		x, err := e.value(def.arg(2))
		return unary(op, uint32(x)), err
	}
	x, err := e.value(def.arg(2))
	if err != nil {
		return 0, err
	}
	y, err := e.value(def.arg(3))
	if err != nil {
		return 0, err
	}
	return binaryOp(op, uint32(x), uint32(y))
}

func unary(op, x uint32) uint64 {
	switch op {
	case opSNegate:
		return uint64(-x)
	case opNot:
		return uint64(^x)
	}
	return truth(x == 0) // opLogicalNot
}

// binaryOp applies an arithmetic, bitwise or comparing opcode to 32-bit operands.
func binaryOp(op, x, y uint32) (uint64, error) {
	if (op == opUDiv || op == opSDiv || op == opUMod || op == opSRem) && y == 0 {
		return 0, errors.New("a constant is divided by zero")
	}
	if (op == opShiftLeft || op == opShiftRight || op == opShiftRightSigned) && y > 31 {
		return 0, fmt.Errorf("a constant is shifted by %d bits", y)
	}
	sx, sy := int32(x), int32(y)
	switch op {
	case opIAdd:
		return uint64(x + y), nil
	case opISub:
		return uint64(x - y), nil
	case opIMul:
		return uint64(x * y), nil
	case opUDiv:
		return uint64(x / y), nil
	case opSDiv:
		return uint64(uint32(sx / sy)), nil
	case opUMod:
		return uint64(x % y), nil
	case opSRem:
		return uint64(uint32(sx % sy)), nil
	case opShiftLeft:
		return uint64(x << y), nil
	case opShiftRight:
		return uint64(x >> y), nil
	case opShiftRightSigned:
		return uint64(uint32(sx >> y)), nil
	case opBitwiseOr, opLogicalOr:
		return uint64(x | y), nil
	case opBitwiseAnd, opLogicalAnd:
		return uint64(x & y), nil
	case opBitwiseXor:
		return uint64(x ^ y), nil
	}
	return compare(op, x, y)
}

func compare(op, x, y uint32) (uint64, error) {
	sx, sy := int32(x), int32(y)
	switch op {
	case opIEqual, opLogicalEqual:
		return truth(x == y), nil
	case opINotEqual, opLogicalNotEqual:
		return truth(x != y), nil
	case opUGreaterThan:
		return truth(x > y), nil
	case opUGreaterEqual:
		return truth(x >= y), nil
	case opULessThan:
		return truth(x < y), nil
	case opULessEqual:
		return truth(x <= y), nil
	case opSGreaterThan:
		return truth(sx > sy), nil
	case opSGreaterEqual:
		return truth(sx >= sy), nil
	case opSLessThan:
		return truth(sx < sy), nil
	case opSLessEqual:
		return truth(sx <= sy), nil
	}
	return 0, fmt.Errorf("constant operation %d is not one that this parser evaluates", op)
}
