package loader

import "fmt"

// Pickle opcodes that torch.save writes, and those refused by a name of their
// own (Python's Lib/pickletools.py lists them all).
const (
	opMark            = '('
	opStop            = '.'
	opBinInt          = 'J'
	opBinInt1         = 'K'
	opBinInt2         = 'M'
	opNone            = 'N'
	opBinPersID       = 'Q'
	opReduce          = 'R'
	opBinString       = 'T'
	opShortBinString  = 'U'
	opBinUnicode      = 'X'
	opAppend          = 'a'
	opBuild           = 'b'
	opGlobal          = 'c'
	opEmptyDict       = '}'
	opAppends         = 'e'
	opBinGet          = 'h'
	opLongBinGet      = 'j'
	opEmptyList       = ']'
	opBinPut          = 'q'
	opLongBinPut      = 'r'
	opSetItem         = 's'
	opTuple           = 't'
	opEmptyTuple      = ')'
	opSetItems        = 'u'
	opBinFloat        = 'G'
	opBinBytes        = 'B'
	opShortBinBytes   = 'C'
	opProto           = 0x80
	opNewObj          = 0x81
	opTuple1          = 0x85
	opTuple2          = 0x86
	opTuple3          = 0x87
	opNewTrue         = 0x88
	opNewFalse        = 0x89
	opLong1           = 0x8a
	opEmptySet        = 0x8f
	opShortBinUnicode = 0x8c
	opBinUnicode8     = 0x8d
	opMemoize         = 0x94

	opPersID      = 'P'
	opInst        = 'i'
	opObj         = 'o'
	opExt1        = 0x82
	opExt2        = 0x83
	opExt4        = 0x84
	opNewObjEx    = 0x92
	opStackGlobal = 0x93
	opFrame       = 0x95
)

// opName returns the name of an opcode that can appear in an error text.
func opName(op byte) string {
	names := map[byte]string{
		opMark: "MARK", opBinInt: "BININT", opBinInt1: "BININT1", opBinInt2: "BININT2", opNone: "NONE",
		opBinPersID: "BINPERSID", opReduce: "REDUCE", opBinString: "BINSTRING", opShortBinString: "SHORT_BINSTRING",
		opBinUnicode: "BINUNICODE", opAppend: "APPEND", opBuild: "BUILD", opGlobal: "GLOBAL", opEmptyDict: "EMPTY_DICT",
		opAppends: "APPENDS", opBinGet: "BINGET", opLongBinGet: "LONG_BINGET", opEmptyList: "EMPTY_LIST",
		opBinPut: "BINPUT", opLongBinPut: "LONG_BINPUT", opSetItem: "SETITEM", opTuple: "TUPLE",
		opEmptyTuple: "EMPTY_TUPLE", opSetItems: "SETITEMS", opBinFloat: "BINFLOAT", opBinBytes: "BINBYTES",
		opShortBinBytes: "SHORT_BINBYTES", opProto: "PROTO", opNewObj: "NEWOBJ", opTuple1: "TUPLE1", opTuple2: "TUPLE2",
		opTuple3: "TUPLE3", opNewTrue: "NEWTRUE", opNewFalse: "NEWFALSE", opLong1: "LONG1", opEmptySet: "EMPTY_SET",
		opShortBinUnicode: "SHORT_BINUNICODE", opBinUnicode8: "BINUNICODE8", opMemoize: "MEMOIZE", opPersID: "PERSID",
		opInst: "INST", opObj: "OBJ", opExt1: "EXT1", opExt2: "EXT2", opExt4: "EXT4", opNewObjEx: "NEWOBJ_EX",
		opStackGlobal: "STACK_GLOBAL", opFrame: "FRAME", 0x8b: "LONG4", 0x8e: "BINBYTES8", 0x96: "BYTEARRAY8",
		'S': "STRING", 'I': "INT", 'L': "LONG", 'F': "FLOAT", 'V': "UNICODE", 'd': "DICT", 'l': "LIST", 'g': "GET",
		'p': "PUT", '0': "POP", '1': "POP_MARK", '2': "DUP", 0x90: "ADDITEMS", 0x91: "FROZENSET",
	}
	if name, ok := names[op]; ok {
		return name
	}
	return fmt.Sprintf("opcode 0x%02x", op)
}

// step interprets one opcode over kinds.
func (s *scanner) step(op byte) error {
	switch op {
	case opProto:
		n, err := s.uint(1) // whether 4 and 5 matter shows by their opcodes
		if err == nil && n > 5 {
			err = formatErr("protocol %d is not known", n)
		}
		return err
	case opNone, opNewTrue, opNewFalse:
		s.push(kindScalar)
		return nil
	case opBinInt:
		return s.scalar(4)
	case opBinInt1:
		return s.scalar(1)
	case opBinInt2:
		return s.scalar(2)
	case opBinFloat:
		return s.scalar(8)
	case opLong1:
		return s.long()
	case opShortBinString, opShortBinUnicode:
		return s.string(1, kindString)
	case opBinString, opBinUnicode:
		return s.string(4, kindString)
	case opBinUnicode8:
		return s.string(8, kindString)
	case opShortBinBytes:
		return s.string(1, kindScalar)
	case opBinBytes:
		return s.string(4, kindScalar)
	case opBinPut, opLongBinPut, opMemoize, opBinGet, opLongBinGet:
		return s.memory(op)
	case opMark, opEmptyTuple, opEmptyList, opEmptyDict, opEmptySet, opTuple, opTuple1, opTuple2, opTuple3:
		return s.container(op)
	case opAppend, opAppends, opSetItem, opSetItems, opBuild:
		return s.change(op)
	case opGlobal, opReduce, opNewObj, opBinPersID:
		return s.object(op)
	}
	return s.refuse(op)
}

func (s *scanner) scalar(n int) error {
	_, err := s.uint(n)
	s.push(kindScalar)
	return err
}

func (s *scanner) string(sizeBytes int, k kind) error {
	err := s.counted(sizeBytes)
	s.push(k)
	return err
}

// long checks a LONG1. gopickle panics on the empty form, which only Python 2
// wrote, for the number 0.
func (s *scanner) long() error {
	n, err := s.uint(1)
	if err != nil {
		return err
	}
	if n == 0 {
		return formatErr("an empty long integer, as Python 2 wrote; save the file again with Python 3")
	}
	if _, err := s.r.Discard(int(n)); err != nil {
		return readErr("the pickle", err)
	}
	s.pos += int64(n)
	s.push(kindScalar)
	return nil
}

// memory follows the memo. gopickle reads unset slots as None.
func (s *scanner) memory(op byte) error {
	size := 1
	switch op {
	case opLongBinPut, opLongBinGet:
		size = 4
	case opMemoize:
		size = 0
	}
	n, err := s.uint(size)
	if err != nil {
		return err
	}
	if op == opBinGet || op == opLongBinGet {
		v, ok := s.memo[uint32(n)]
		if !ok {
			return formatErr("memo slot %d was never set", n)
		}
		s.stack = append(s.stack, v)
		return nil
	}
	if op == opMemoize {
		n = uint64(len(s.memo))
	}
	if n > maxMemoIndex {
		return formatErr("memo slot %d is out of all proportion", n)
	}
	v, err := s.top()
	if err != nil {
		return err
	}
	s.memo[uint32(n)] = *v
	return nil
}

// container follows the opcodes that make a mark or a container.
func (s *scanner) container(op byte) error {
	if err := s.grow(); err != nil {
		return err
	}
	var err error
	switch op {
	case opMark:
		if len(s.marks) == maxMarks {
			return formatErr("more than %d marks are open", maxMarks)
		}
		s.marks = append(s.marks, len(s.stack))
		return nil
	case opEmptyTuple:
		s.push(kindEmptyTuple)
		return nil
	case opEmptyList:
		s.push(kindList)
		return nil
	case opEmptyDict:
		s.push(kindDict)
		return nil
	case opEmptySet:
		s.push(kindSet)
		return nil
	case opTuple:
		var items []value
		if items, err = s.popMark(); err == nil && len(items) == 0 {
			s.push(kindEmptyTuple)
			return nil
		}
	default: // TUPLE1, TUPLE2, TUPLE3
		_, err = s.pop(int(op-opTuple1) + 1)
	}
	s.push(kindTuple)
	return err
}

// change follows the opcodes that fill an object: a list, a dictionary, the
// state of an instance.
func (s *scanner) change(op byte) error {
	var args []value
	var err error
	switch op {
	case opAppends, opSetItems:
		args, err = s.popMark()
	case opAppend, opBuild:
		args, err = s.pop(1)
	case opSetItem:
		args, err = s.pop(2)
	}
	if err != nil {
		return err
	}
	target, err := s.top()
	if err != nil {
		return err
	}
	switch op {
	case opAppend, opAppends:
		if target.kind != kindList && target.kind != kindOpaque {
			return formatErr("it appends to something that is no list")
		}
		return nil
	case opBuild:
		return s.build(target.kind, args[0].kind)
	}
	return s.setItems(target.kind, args)
}

// build checks BUILD. Only the attributes of a state dict (its _metadata) and
// the state of inert objects are set so. gopickle would print slots and keys
// that are not strings in full, however often a pickle repeats them.
func (s *scanner) build(target, state kind) error {
	switch {
	case target == kindOpaque:
		return nil
	case target == kindOrdered && state == kindDict && !s.tupleKeys:
		return nil
	}
	return formatErr("it sets the state of something that has none")
}

// setItems checks the keys put into a dictionary: those that Python can hash.
func (s *scanner) setItems(target kind, args []value) error {
	switch target {
	case kindDict, kindOrdered, kindOpaque:
	default:
		return formatErr("it sets items of something that is no dictionary")
	}
	if len(args)%2 != 0 {
		return formatErr("a key has no value")
	}
	for i := 0; i < len(args); i += 2 {
		switch args[i].kind {
		case kindScalar, kindString, kindOpaque, kindClass:
		case kindTuple, kindEmptyTuple:
			s.tupleKeys = s.tupleKeys || target == kindDict
		default:
			return formatErr("a list, dictionary or tensor serves as a key")
		}
	}
	return nil
}

// object follows classes and what is made of them.
func (s *scanner) object(op byte) error {
	switch op {
	case opGlobal:
		return s.global()
	case opBinPersID:
		args, err := s.pop(1)
		if err != nil {
			return err
		}
		if args[0].kind != kindTuple {
			return formatErr("a persistent id is not a tuple")
		}
		s.push(kindStorage)
		return nil
	}
	args, err := s.pop(2)
	if err != nil {
		return err
	}
	callee, arguments := args[0], args[1]
	if arguments.kind != kindTuple && arguments.kind != kindEmptyTuple {
		return formatErr("the arguments are not a tuple")
	}
	if callee.kind != kindClass {
		return unsafeErr("it calls something that is no known class; nothing was run")
	}
	if op == opNewObj && !callee.class.newable() || !callee.class.callable() {
		return unsafeErr("it makes an instance of %s; nothing was run", callee.class)
	}
	if err := s.grow(); err != nil {
		return err
	}
	switch callee.class.role {
	case roleOrderedDict:
		if arguments.kind != kindEmptyTuple {
			return formatErr("an OrderedDict with arguments, as Python 2 wrote; save the file again with Python 3")
		}
		s.push(kindOrdered)
	case roleRebuildV2, roleRebuildV3, roleParameter:
		s.push(kindTensor)
	case rolePlain: // what it was given; as a tuple it may do the least
		s.push(kindTuple)
	default:
		s.push(kindOpaque)
	}
	return nil
}

// global checks a class against the allow-list.
func (s *scanner) global() error {
	module, err := s.line()
	if err != nil {
		return err
	}
	name, err := s.line()
	if err != nil {
		return err
	}
	c, ok := allowed(module, name)
	if !ok {
		return refusedClass(module, name)
	}
	s.stack = append(s.stack, value{kind: kindClass, class: &c})
	return nil
}

// refusedClass is the error for a class on no list.
func refusedClass(module, name string) *Error {
	return unsafeErr("it names %s.%s, which no state dict needs; nothing was run: export a plain state dict or safetensors from a source you trust", printable(module), printable(name))
}

// printable keeps an untrusted name from writing control characters.
func printable(s string) string {
	q := fmt.Sprintf("%q", s)
	return q[1 : len(q)-1]
}

// refuse names an opcode outside the list, and what it would have run if that
// can be told.
func (s *scanner) refuse(op byte) error {
	switch op {
	case opStackGlobal:
		return refusedClass(s.last[0], s.last[1])
	case opInst:
		module, err := s.line()
		if err != nil {
			return err
		}
		name, err := s.line()
		if err != nil {
			return err
		}
		return refusedClass(module, name)
	case opObj, opNewObjEx, opExt1, opExt2, opExt4:
		return unsafeErr("it makes an instance in a way torch.save never does; nothing was run: export a plain state dict or safetensors from a source you trust")
	case opFrame:
		return formatErr("pickle protocol 4 or later; save the file again with torch.save and its default protocol 2")
	}
	return formatErr("torch.save never writes this opcode; the file is damaged or of another kind")
}
