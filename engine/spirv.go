package engine

// What localSize looks at, as the SPIR-V specification numbers it.
const (
	opExecutionMode         = 16
	opConstant              = 43
	opConstantComposite     = 44
	opSpecConstant          = 50
	opSpecConstantComposite = 51
	opDecorate              = 71
	opExecutionModeID       = 331

	modeLocalSize   = 17
	modeLocalSizeID = 38
	specID          = 1
	builtIn         = 11
	workgroupSize   = 25
	spirvHeader     = 5 // words
)

// localSize returns the invocations of a workgroup along x, y, z as SPIR-V words state them,
// with specialization constants (element i is constant_id i) in their place. 0 where the
// words do not say.
func localSize(code, constants []uint32) (x, y, z int) {
	var size [3]int
	values, ids, parts := map[uint32]uint32{}, map[uint32]uint32{}, map[uint32][]uint32{}
	var size3 []uint32 // ids of x, y, z
	sizeID := uint32(0)
	for at := spirvHeader; at < len(code); {
		n := int(code[at] >> 16) // the lower half is the opcode
		if n == 0 || n > len(code)-at {
			break
		}
		switch op := code[at : at+n]; op[0] & 0xffff {
		case opExecutionMode: // of the entry point, mode, x, y, z
			if n >= 6 && op[2] == modeLocalSize {
				size = [3]int{int(op[3]), int(op[4]), int(op[5])}
			}
		case opExecutionModeID:
			if n >= 6 && op[2] == modeLocalSizeID {
				size3 = op[3:6]
			}
		case opDecorate: // target, decoration, value
			switch {
			case n >= 4 && op[2] == specID:
				ids[op[1]] = op[3]
			case n >= 4 && op[2] == builtIn && op[3] == workgroupSize:
				sizeID = op[1]
			}
		case opConstant, opSpecConstant: // type, result, value
			if n >= 4 {
				values[op[2]] = op[3]
			}
		case opConstantComposite, opSpecConstantComposite: // type, result, parts
			if n >= 6 {
				parts[op[2]] = op[3:n]
			}
		}
		at += n
	}
	if p := parts[sizeID]; sizeID != 0 && len(p) == 3 { // stronger than the execution mode
		size3 = p
	}
	for i, id := range size3 {
		size[i] = int(values[id])
		if spec, ok := ids[id]; ok && int64(spec) < int64(len(constants)) {
			size[i] = int(constants[spec])
		}
	}
	return size[0], size[1], size[2]
}
