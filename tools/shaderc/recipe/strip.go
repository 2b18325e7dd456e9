package recipe

import (
	"encoding/binary"
	"errors"
)

// SPIR-V opcodes that Strip drops.
const (
	opSourceContinued = 2
	opSource          = 3
	opSourceExtension = 4
	opString          = 7
	opLine            = 8
	opNoLine          = 317
	opModuleProcessed = 330
)

// Strip removes from a SPIR-V module the copy of its source, file names and line numbers that -g put there, and keeps the names of
// variables, members and constants. The result does not depend on where the module was compiled.
func Strip(spv []byte) ([]byte, error) {
	if len(spv) < 20 || len(spv)%4 != 0 || binary.LittleEndian.Uint32(spv) != 0x07230203 {
		return nil, errors.New("not a little-endian SPIR-V module")
	}
	out := append([]byte(nil), spv[:20]...)
	for rest := spv[20:]; len(rest) > 0; {
		word := binary.LittleEndian.Uint32(rest)
		size := int(word>>16) * 4
		if size == 0 || size > len(rest) {
			return nil, errors.New("SPIR-V module ends inside an instruction")
		}
		switch word & 0xffff {
		case opSource, opSourceContinued, opSourceExtension, opString, opLine, opNoLine, opModuleProcessed:
		default:
			out = append(out, rest[:size]...)
		}
		rest = rest[size:]
	}
	return out, nil
}
