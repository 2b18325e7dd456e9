package shaders

import (
	"errors"
	"fmt"
)

// layout is the size and alignment of a type, in bytes.
type layout struct{ size, align uint64 }

func alignUp(n, align uint64) uint64 { return (n + align - 1) / align * align }

var errNested = errors.New("a type is nested too deeply")

// scalarBytes is the size of a scalar type; a bool counts as a 32-bit word. Zero for anything else.
func scalarBytes(def instruction) uint64 {
	switch def.op {
	case opTypeBool:
		return 4
	case opTypeInt, opTypeFloat:
		return uint64(min(def.arg(0), 64) / 8)
	}
	return 0
}

// layout lays a type out by the rules of std430: a vector of three is aligned as one of four, an array or structure is as strict as its
// strictest part, and array elements are padded to their alignment.
func (c constants) layout(typ uint32, e *evaluator, depth int) (layout, error) {
	if depth > maxDepth {
		return layout{}, errNested
	}
	if err := e.step(); err != nil {
		return layout{}, err
	}
	def := c.defs[typ]
	if n := scalarBytes(def); n > 0 {
		return layout{n, n}, nil
	}
	switch def.op {
	case opTypeVector:
		n := scalarBytes(c.defs[def.arg(0)])
		count := uint64(def.arg(1))
		if n == 0 || count < 2 || count > 4 {
			return layout{}, fmt.Errorf("a vector of %d", count)
		}
		return layout{n * count, n * (count + count%2)}, nil // 3 is aligned as 4
	case opTypeMatrix, opTypeArray:
		element, err := c.layout(def.arg(0), e, depth+1)
		if err != nil {
			return layout{}, err
		}
		count := uint64(def.arg(1)) // of a matrix: columns, a literal
		if def.op == opTypeArray {
			if count, err = e.value(def.arg(1)); err != nil {
				return layout{}, err
			}
		}
		stride := alignUp(element.size, element.align)
		if count == 0 || count > maxBytes/stride {
			return layout{}, fmt.Errorf("an array of %d elements of %d bytes", count, stride)
		}
		return layout{count * stride, element.align}, nil
	case opTypeStruct:
		return c.structLayout(def, e, depth)
	}
	return layout{}, fmt.Errorf("type %d (opcode %d) has no size", typ, def.op)
}

func (c constants) structLayout(def instruction, e *evaluator, depth int) (layout, error) {
	whole := layout{0, 1}
	for _, memberType := range def.operands {
		part, err := c.layout(memberType, e, depth+1)
		if err != nil {
			return layout{}, err
		}
		whole.align = max(whole.align, part.align)
		if whole.size = alignUp(whole.size, part.align) + part.size; whole.size > maxBytes {
			return layout{}, errors.New("a structure beyond all bounds")
		}
	}
	if whole.size == 0 {
		return layout{}, errors.New("an empty structure")
	}
	whole.size = alignUp(whole.size, whole.align)
	return whole, nil
}

// explicitSize is the size in bytes of a structure member whose layout the module states by strides and offsets.
func (c constants) explicitSize(key member, typ uint32, e *evaluator, depth int) (uint64, error) {
	if depth > maxDepth {
		return 0, errNested
	}
	if err := e.step(); err != nil {
		return 0, err
	}
	def := c.defs[typ]
	switch def.op {
	case opTypeArray:
		count, err := e.value(def.arg(1))
		stride := uint64(c.decorated[typ][decorationArrayStride])
		if err != nil || count == 0 || stride == 0 || count > maxBytes/stride {
			return 0, errors.Join(fmt.Errorf("an array of %d elements %d bytes apart", count, stride), err)
		}
		return count * stride, nil
	case opTypeMatrix:
		// Column-major is what GLSL declares unless told otherwise; the columns are MatrixStride apart.
		stride := uint64(c.memberDecor[key][decorationMatrixStride])
		return uint64(def.arg(1)) * stride, nil
	case opTypeStruct:
		end := uint64(0)
		for i, memberType := range def.operands {
			inner := member{typ, uint32(i)}
			bytes, err := c.explicitSize(inner, memberType, e, depth+1)
			if err != nil {
				return 0, err
			}
			end = max(end, uint64(c.memberDecor[inner][decorationOffset])+bytes)
		}
		return end, nil
	}
	whole, err := c.layout(typ, e, depth+1)
	return whole.size, err
}
