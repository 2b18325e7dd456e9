package main

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// loop is a stretch of instructions that a backward branch repeats, as seen in ISA text.
type loop struct {
	Instructions int // own ones: without those of loops inside
	MultiplyAdds int // those of them that multiply and add floats or matrices
	Matrices     int // those of them that multiply matrices
}

// Mesa prints a block's name on a line of its own and an instruction behind a tab, its encoding behind a semicolon.
var (
	label       = regexp.MustCompile(`^([A-Za-z_.$][\w.$]*):\s*(;.*)?$`)
	branch      = regexp.MustCompile(`^s_(?:c?branch\w*)\s+([A-Za-z_.$][\w.$]*)`)
	instruction = regexp.MustCompile(`^[a-z][a-z0-9]*_\w+`)

	// multiplyAdd knows the families of GCN and RDNA: mac, mad, fma and their forms with a literal (madak, fmaak, ...), of floats;
	// dual and packed ones; dot products; matrices. Integer multiply-adds compute addresses.
	multiplyAdd = regexp.MustCompile(`^v_(?:(?:dual_|pk_)*(?:mac|mad|madak|madmk|fma|fmac|fmaak|fmamk)_(?:\w*_)?b?f(?:16|32|64)(?:_\w+)?|(?:dual_|pk_)*dot\w+|s?wmma\w*|swmmac\w*|mfma\w*)$`)
)

// matrices knows the instructions that multiply matrices.
var matrices = regexp.MustCompile(`^v_(?:s?wmma|swmmac|mfma)`)

// innerLoop finds, in the ISA text of one shader, the loop that multiplies and adds most, not counting what loops inside it do. A loop
// that multiplies matrices comes before any that does not: one such instruction does the work of many.
// A loop is what lies between the target of a backward branch and the last branch to it. The zero loop is returned where nothing
// repeats. Text without instructions is an error: Mesa may have been built without a disassembler.
func innerLoop(isa string) (loop, error) {
	type line struct{ multiplyAdd, matrix bool }
	var code []line
	at := map[string]int{} // a label's place
	ends := map[int]int{}  // a loop's first instruction -> the one after its last
	var begins []int       // keys of ends
	for text := range strings.Lines(isa) {
		if m := label.FindStringSubmatch(strings.TrimRight(text, "\r\n")); m != nil {
			at[m[1]] = len(code)
			continue
		}
		text, _, _ = strings.Cut(text, ";")
		for part := range strings.SplitSeq(text, "::") { // two instructions issued together
			part = strings.TrimSpace(part)
			name := instruction.FindString(part)
			if name == "" {
				continue
			}
			code = append(code, line{multiplyAdd.MatchString(base(name)), matrices.MatchString(name)})
			m := branch.FindStringSubmatch(part)
			if m == nil {
				continue
			}
			if begin, seen := at[m[1]]; seen {
				if ends[begin] == 0 {
					begins = append(begins, begin)
				}
				ends[begin] = len(code)
			}
		}
	}
	if len(code) == 0 {
		return loop{}, fmt.Errorf("the ISA text has no instructions: was Mesa built without a disassembler? It begins %.80q", isa)
	}
	// Each instruction belongs to the smallest loop around it.
	own := map[int]loop{}
	for i, c := range code {
		inner := -1
		for _, b := range begins {
			if b <= i && i < ends[b] && (inner < 0 || ends[b]-b < ends[inner]-inner) {
				inner = b
			}
		}
		if inner >= 0 {
			l := own[inner]
			l.Instructions++
			if c.multiplyAdd {
				l.MultiplyAdds++
			}
			if c.matrix {
				l.Matrices++
			}
			own[inner] = l
		}
	}
	best := loop{}
	for _, b := range begins {
		if l := own[b]; cmp.Or(cmp.Compare(l.Matrices, best.Matrices), cmp.Compare(l.MultiplyAdds, best.MultiplyAdds)) > 0 {
			best = l
		}
	}
	return best, nil
}

// base is an instruction's name without the suffix of its encoding.
func base(name string) string {
	for _, suffix := range []string{"_e32", "_e64", "_dpp", "_dpp8", "_sdwa", "_e64_dpp"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}
