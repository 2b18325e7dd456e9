package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"
)

// chunk is the number of floats that row kernels work on at once, on every instruction set.
const chunk = 16

// set is an instruction set: how wide its registers are and how large its product's tile is.
type set struct {
	*build.Context
	prefix  string
	width   int // floats of a register
	rows    int // of the largest tile
	columns int // registers across a tile
	floats  map[string]operand.Mem
}

// sets are what is generated for amd64. 14 x 2 registers of the 32 of AVX-512, and 6 x 2
// of the 16 of AVX2, hold sums; two more hold weights and two one float of the left
// factor each.
func sets() []*set {
	return []*set{
		{prefix: "avx2", width: 8, rows: 6, columns: 2},
		{prefix: "avx512", width: 16, rows: 14, columns: 2},
	}
}

// generate returns the text of every file by name.
func generate() (map[string][]byte, error) {
	files := map[string][]byte{}
	files["neon_arm64.s"], files["neon_arm64.go"] = neon()
	for _, s := range sets() {
		s.Context, s.floats = build.NewContext(), map[string]operand.Mem{}
		s.ConstraintExpr("amd64")
		for _, kernel := range []func(*set){
			(*set).product, (*set).turned, (*set).gelu, (*set).add, (*set).blend, (*set).softmax, (*set).layerNorm, (*set).affine, (*set).bend,
			(*set).moments, (*set).softmaxColumns, (*set).clamp,
			(*set).geluGrad, (*set).mulAdd, (*set).adamW, (*set).sumSquares, (*set).spread, (*set).dots, (*set).layerNormGrad,
		} {
			kernel(s)
		}
		if s.width == side {
			s.transpose()
		}
		f, err := s.Result()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.prefix, err)
		}
		if err := pass.Compile.Execute(f); err != nil {
			return nil, fmt.Errorf("%s: %w", s.prefix, err)
		}
		if err := s.print(f, files); err != nil {
			return nil, fmt.Errorf("%s: %w", s.prefix, err)
		}
	}
	return files, nil
}

func (s *set) print(f *ir.File, files map[string][]byte) error {
	cfg := printer.Config{Name: "tools/cpuasm", Pkg: "cpu"}
	for ext, p := range map[string]printer.Printer{"s": printer.NewGoAsm(cfg), "go": printer.NewStubs(cfg)} {
		text, err := p.Print(f)
		if err != nil {
			return err
		}
		files[s.prefix+"_amd64."+ext] = text
	}
	return nil
}

// function begins a kernel.
func (s *set) function(name, signature string, doc ...string) {
	s.Function(s.prefix + name)
	s.Attributes(attr.NOSPLIT)
	s.SignatureExpr("func(" + signature + ")")
	s.Pragma("noescape")
	doc[0] = s.prefix + name + " " + doc[0]
	s.Doc(doc...)
}

// end returns to Go, which wants the upper halves of the registers clear.
func (s *set) end() {
	s.VZEROUPPER()
	s.RET()
}

// slice loads the address of a slice's first element, word an integer.
func (s *set) slice(name string) reg.GPVirtual {
	return s.Load(s.Param(name).Base(), s.GP64()).(reg.GPVirtual)
}
func (s *set) word(name string) reg.GPVirtual { return s.Load(s.Param(name), s.GP64()).(reg.GPVirtual) }

// stride loads a number of elements and makes it one of bytes, chunks makes the length of a row one of chunks.
func (s *set) stride(name string) reg.GPVirtual {
	r := s.word(name)
	s.SHLQ(operand.U8(2), r)
	return r
}

func (s *set) chunks() reg.GPVirtual {
	r := s.word("n")
	s.SHRQ(operand.U8(4), r)
	return r
}

// scalar fills a register with a number.
func (s *set) scalar(c gotypes.Component) reg.VecVirtual {
	low, v := s.XMM(), s.vector()
	s.Load(c, low)
	s.VBROADCASTSS(low, v)
	return v
}

// load is what is at an address, in a new register.
func (s *set) load(m operand.Mem) reg.VecVirtual {
	v := s.vector()
	s.VMOVUPS(m, v)
	return v
}

// spec says which part of a vector register the set uses.
func (s *set) spec() reg.Spec {
	if s.width == 16 {
		return reg.S512
	}
	return reg.S256
}

// vector is a new register of the set's width, physical that of a number.
func (s *set) vector() reg.VecVirtual      { return s.Vec(s.spec()) }
func (s *set) physical(i int) reg.Register { return reg.Vector.Lookup(reg.Index(i), s.spec()) }

// zero is a register of zeros.
func (s *set) zero() reg.VecVirtual {
	v := s.vector()
	if s.width == 16 {
		s.VPXORD(v, v, v)
	} else {
		s.VPXOR(v, v, v)
	}
	return v
}

// zeros are so many of them.
func (s *set) zeros(n int) []reg.VecVirtual {
	list := make([]reg.VecVirtual, n)
	for i := range list {
		list[i] = s.zero()
	}
	return list
}

// perChunk is the number of registers that a chunk takes.
func (s *set) perChunk() int { return chunk / s.width }

// at is register i of the chunk that p points to.
func (s *set) at(p reg.Register, i int) operand.Mem {
	return operand.Mem{Base: p, Disp: 4 * s.width * i}
}

// below is an address up to three rows below another, given the distance of rows and three times that.
func below(m operand.Mem, rows int, stride, by3 reg.Register) operand.Mem {
	switch rows {
	case 1, 2:
		m.Index, m.Scale = stride, uint8(rows)
	case 3:
		m.Index, m.Scale = by3, 1
	}
	return m
}

// float is a register's worth of one constant, in memory.
func (s *set) float(name string, v float64) operand.Mem {
	// As bits: the assembler takes a float that is written without a point for an integer.
	return s.bits(name, math.Float32bits(float32(v)))
}

// bits is float for a pattern.
func (s *set) bits(name string, v uint32) operand.Mem {
	if m, ok := s.floats[name]; ok {
		return m
	}
	m := s.StaticGlobal(s.prefix + "_" + name)
	s.DataAttributes(attr.RODATA | attr.NOPTR)
	for range s.width {
		s.AppendDatum(operand.U32(v))
	}
	s.floats[name] = m
	return m
}

// loop repeats body as often as count says, at least never. The register is used up.
func (s *set) loop(label string, count reg.Register, body func()) {
	s.TESTQ(count, count)
	s.JLE(operand.LabelRef(label + "_end"))
	s.Label(label)
	body()
	s.DECQ(count)
	s.JNZ(operand.LabelRef(label))
	s.Label(label + "_end")
}

// reduce folds every register into its lowest float with op, and spreads the result over all.
func (s *set) reduce(op func(ops ...operand.Op), vs ...reg.VecVirtual) {
	fold := func(half func(v reg.VecVirtual, to reg.VecVirtual)) {
		others := make([]reg.VecVirtual, len(vs))
		for i, v := range vs {
			others[i] = s.XMM()
			half(v, others[i])
		}
		for i, v := range vs {
			op(others[i], v.AsX(), v.AsX())
		}
	}
	if s.width == 16 {
		for _, v := range vs {
			half := s.YMM()
			s.VEXTRACTF64X4(operand.U8(1), v, half)
			op(half, v.AsY(), v.AsY())
		}
	}
	fold(func(v, to reg.VecVirtual) { s.VEXTRACTF128(operand.U8(1), v.AsY(), to) })
	fold(func(v, to reg.VecVirtual) { s.VPERMILPS(operand.U8(0b01001110), v.AsX(), to) })
	fold(func(v, to reg.VecVirtual) { s.VPERMILPS(operand.U8(0b10110001), v.AsX(), to) })
	for _, v := range vs {
		s.VBROADCASTSS(v.AsX(), v)
	}
}
