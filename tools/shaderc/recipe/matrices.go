package recipe

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// SPIR-V enumerants of cooperative matrices, from SPV_NV_cooperative_matrix and SPV_KHR_cooperative_matrix.
const (
	opExtension           = 10
	opCapability          = 17
	opTypeInt             = 21
	opConstantTrue        = 41
	opConstantFalse       = 42
	opConstant            = 43
	opDecorate            = 71
	opMemberDecorate      = 72
	opTypeMatrixNV        = 5358
	opMatrixLoadNV        = 5359
	opMatrixStoreNV       = 5360
	opMatrixMulAddNV      = 5361
	opMatrixLengthNV      = 5362
	opTypeMatrixKHR       = 4456
	opMatrixLoadKHR       = 4457
	opMatrixStoreKHR      = 4458
	opMatrixMulAddKHR     = 4459
	opMatrixLengthKHR     = 4460
	capabilityMatrixNV    = 5357
	capabilityMatrixKHR   = 6022
	extensionMatrixNV     = "SPV_NV_cooperative_matrix"
	extensionMatrixKHR    = "SPV_KHR_cooperative_matrix"
	useA, useB, useResult = 0, 1, 2 // also the constants RowMajor and ColumnMajor: 0 and 1
)

// fewest operands of the instructions that are looked into.
var fewest = map[uint32]int{opExtension: 1, opCapability: 1, opTypeInt: 3, opConstantTrue: 2, opConstantFalse: 2, opTypeMatrixNV: 5,
	opMatrixLoadNV: 5, opMatrixStoreNV: 4, opMatrixMulAddNV: 5}

// inst is one instruction: opcode and operands.
type inst struct {
	op       uint32
	operands []uint32
}

// MatricesKHR turns a module with NV's cooperative matrices into the same with KHR's, and leaves others alone. Debian 12's glslc knows
// only the former, drivers only the latter, and the two differ by little: KHR's types say what a matrix is used for, and
// loads and stores give their operands in another order, the layout as a number.
//
// The use of a type is that of the matrices of this type in products; a type used for two things is an error: the shader must
// give its matrices sizes by different constants, even if they are equal. Strides count elements of the array that is pointed
// to in KHR's extension, and are taken as they are.
func MatricesKHR(spv []byte) ([]byte, error) {
	list, err := instructions(spv)
	if err != nil {
		return nil, err
	}
	c, err := survey(list)
	if err != nil || !c.found {
		return spv, err
	}
	c.bound = binary.LittleEndian.Uint32(spv[12:])
	out := binary.LittleEndian.AppendUint32(append([]byte(nil), spv[:12]...), c.bound+3)
	out = append(out, spv[16:20]...)
	for _, in := range list {
		more, err := c.convert(in)
		if err != nil {
			return nil, err
		}
		for _, x := range more {
			out = binary.LittleEndian.AppendUint32(out, uint32(len(x.operands)+1)<<16|x.op)
			for _, w := range x.operands {
				out = binary.LittleEndian.AppendUint32(out, w)
			}
		}
	}
	return out, nil
}

// instructions cuts a module up.
func instructions(spv []byte) ([]inst, error) {
	if len(spv) < 20 || len(spv)%4 != 0 || binary.LittleEndian.Uint32(spv) != 0x07230203 {
		return nil, errors.New("not a little-endian SPIR-V module")
	}
	var list []inst
	for rest := spv[20:]; len(rest) > 0; {
		word := binary.LittleEndian.Uint32(rest)
		size := int(word>>16) * 4
		if size == 0 || size > len(rest) {
			return nil, errors.New("SPIR-V module ends inside an instruction")
		}
		in := inst{op: word & 0xffff}
		for at := 4; at < size; at += 4 {
			in.operands = append(in.operands, binary.LittleEndian.Uint32(rest[at:]))
		}
		if len(in.operands) < fewest[in.op] {
			return nil, fmt.Errorf("SPIR-V instruction %d with %d operands", in.op, len(in.operands))
		}
		list, rest = append(list, in), rest[size:]
	}
	return list, nil
}

// conversion is what must be known of a module to rewrite its instructions one by one.
type conversion struct {
	found bool              // the module declares the capability
	uses  map[uint32]uint32 // of matrix types
	bools map[uint32]bool   // values of constants, by id
	word  uint32            // the type of 32-bit unsigned integers
	bound uint32            // ids from here on are free
	made  bool              // constants bound, bound+1 and bound+2 with values 0, 1 and 2
}

// survey finds the uses of types, from the types of what is multiplied.
func survey(list []inst) (*conversion, error) {
	c := &conversion{uses: map[uint32]uint32{}, bools: map[uint32]bool{}}
	matrices, typeOf := map[uint32]bool{}, map[uint32]uint32{}
	for _, in := range list {
		switch {
		case in.op == opCapability && in.operands[0] == capabilityMatrixNV:
			c.found = true
		case in.op == opTypeInt && in.operands[1] == 32 && in.operands[2] == 0:
			c.word = in.operands[0]
		case in.op == opConstantTrue, in.op == opConstantFalse:
			c.bools[in.operands[1]] = in.op == opConstantTrue
		case in.op == opTypeMatrixNV:
			matrices[in.operands[0]] = true
		case in.op > opConstantTrue && in.op != opDecorate && in.op != opMemberDecorate && len(in.operands) > 1 && matrices[in.operands[0]]:
			typeOf[in.operands[1]] = in.operands[0] // result type, result
		}
	}
	for _, in := range list {
		if in.op != opMatrixMulAddNV {
			continue
		}
		o := in.operands // result type, result, A, B, C
		for _, x := range [][2]uint32{{o[0], useResult}, {typeOf[o[2]], useA}, {typeOf[o[3]], useB}, {typeOf[o[4]], useResult}} {
			if use, ok := c.uses[x[0]]; ok && use != x[1] || x[0] == 0 {
				return nil, errors.New("cooperative matrices: operands of a product that are of one type, or of none; give A, B and C sizes by different constants")
			}
			c.uses[x[0]] = x[1]
		}
	}
	return c, nil
}

// convert rewrites one instruction.
func (c *conversion) convert(in inst) ([]inst, error) {
	o := in.operands
	layout := func(id uint32) (uint32, error) {
		columns, ok := c.bools[id]
		if !ok {
			return 0, fmt.Errorf("cooperative matrices: instruction %d: the layout is not a constant true or false", in.op)
		}
		if columns {
			return c.bound + 1, nil
		}
		return c.bound, nil
	}
	switch in.op {
	case opCapability:
		if o[0] == capabilityMatrixNV {
			return []inst{{in.op, []uint32{capabilityMatrixKHR}}}, nil
		}
	case opExtension:
		if text(o) == extensionMatrixNV {
			return []inst{{in.op, literal(extensionMatrixKHR)}}, nil
		}
	case opTypeMatrixNV:
		use, ok := c.uses[o[0]]
		if !ok || c.word == 0 {
			return nil, errors.New("cooperative matrices: a type that no product uses, or no unsigned integers before it")
		}
		var list []inst
		for i := range uint32(3) {
			if !c.made {
				list = append(list, inst{opConstant, []uint32{c.word, c.bound + i, i}})
			}
		}
		c.made = true
		return append(list, inst{opTypeMatrixKHR, append(o[:5:5], c.bound+use)}), nil
	case opMatrixLoadNV: // result type, result, pointer, stride, column major, ...
		by, err := layout(o[4])
		return []inst{{opMatrixLoadKHR, append([]uint32{o[0], o[1], o[2], by, o[3]}, o[5:]...)}}, err
	case opMatrixStoreNV: // pointer, object, stride, column major, ...
		by, err := layout(o[3])
		return []inst{{opMatrixStoreKHR, append([]uint32{o[0], o[1], by, o[2]}, o[4:]...)}}, err
	case opMatrixMulAddNV:
		return []inst{{opMatrixMulAddKHR, o}}, nil
	case opMatrixLengthNV:
		return []inst{{opMatrixLengthKHR, o}}, nil
	}
	return []inst{in}, nil
}

// text is a literal string: UTF-8, its end marked by a zero.
func text(words []uint32) string {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	for i, x := range b {
		if x == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// literal is the words of a string.
func literal(s string) []uint32 {
	b := append([]byte(s), make([]byte, 4-len(s)%4)...)
	var words []uint32
	for ; len(b) > 0; b = b[4:] {
		words = append(words, binary.LittleEndian.Uint32(b))
	}
	return words
}
