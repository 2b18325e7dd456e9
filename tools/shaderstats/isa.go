package main

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// loop is a stretch of instructions that a backward branch repeats, as seen in ISA text.
type loop struct {
	Instructions int // own ones: without those of loops inside
	MultiplyAdds int // those of them that multiply and add floats or matrices
	Matrices     int // those of them that multiply matrices
}

// dialect is how one of Mesa's compilers writes instructions.
type dialect struct {
	comment     string         // what begins one
	joint       string         // between two instructions that are issued together, "" where none are
	label       *regexp.Regexp // a line that names a block: its name
	instruction *regexp.Regexp // the name of an instruction
	branch      *regexp.Regexp // what goes to a block, or to several: their names, with ", " between
	multiplyAdd *regexp.Regexp // names of those that multiply and add: integers' compute addresses and are none
	matrices    *regexp.Regexp // names of those that multiply matrices
	repeats     *regexp.Regexp // how often more an instruction is done, nil where it never is
	waits       *regexp.Regexp // how many cycles it waits before, nil where it never does
}

var (
	// amd is RADV's: a block's name has a line of its own, an instruction stands behind a tab, its encoding behind a semicolon.
	// Multiply-adds are mac, mad, fma and their forms with a literal (madak, fmaak, ...), of floats; dual and packed ones; dot products; matrices.
	amd = &dialect{
		comment:     ";",
		joint:       "::",
		label:       regexp.MustCompile(`^([A-Za-z_.$][\w.$]*):\s*(?:;.*)?$`),
		instruction: regexp.MustCompile(`^([a-z][a-z0-9]*_\w+)`),
		branch:      regexp.MustCompile(`^s_c?branch\w*\s+([A-Za-z_.$][\w.$]*)`),
		multiplyAdd: regexp.MustCompile(`^v_(?:(?:dual_|pk_)*(?:mac|mad|madak|madmk|fma|fmac|fmaak|fmamk)_(?:\w*_)?b?f(?:16|32|64)(?:_\w+)?|(?:dual_|pk_)*dot\w+|s?wmma\w*|swmmac\w*|mfma\w*)$`),
		matrices:    regexp.MustCompile(`^v_(?:s?wmma|swmmac|mfma)`),
	}
	// adreno is Turnip's: flags in brackets before the instruction.
	adreno = &dialect{
		comment:     ";",
		label:       regexp.MustCompile(`^(l\d+):$`),
		instruction: regexp.MustCompile(`^(?:\(\w+\)\s*)*([a-z][\w.]*)`),
		branch:      regexp.MustCompile(`^(?:\(\w+\)\s*)*(?:br\w*|jump)\s.*#(l\d+)$`),
		multiplyAdd: regexp.MustCompile(`^mad\.f(?:16|32)$`),
		matrices:    regexp.MustCompile(`^\b$`),
		repeats:     regexp.MustCompile(`\(rpt(\d+)\)`),
		waits:       regexp.MustCompile(`\(nop(\d+)\)`),
	}
	// intel is ANV's: the width in brackets behind the instruction's name, flags before it.
	intel = &dialect{
		comment:     "//",
		label:       regexp.MustCompile(`^(LABEL\w+):$`),
		instruction: regexp.MustCompile(`^(?:\([^)]*\)\s*)?([a-z]\w*)(?: \w+)?\(\d+\)`),
		branch:      regexp.MustCompile(`^(?:\([^)]*\)\s*)?while\(\d+\)\s+JIP:\s+(LABEL\w+)`),
		multiplyAdd: regexp.MustCompile(`^(?:mad|mac)$`),
		matrices:    regexp.MustCompile(`^dpas`),
	}
	// nvidia is NVK's: a predicate and the results come before the instruction's name, and the end of a block says what may follow.
	nvidia = &dialect{
		comment:     "//",
		label:       regexp.MustCompile(`^block(?:\.u)? (\d+) `),
		instruction: regexp.MustCompile(`^(?:@\S+\s+)?(?:[^=]*= )?([a-z][a-z0-9]*)`),
		branch:      regexp.MustCompile(`^\} -> \[(.*)\]$`),
		multiplyAdd: regexp.MustCompile(`^(?:ffma|hfma2|hmma)$`),
		matrices:    regexp.MustCompile(`^hmma$`),
	}
)

// innerLoop finds, in the ISA text of one shader, the loop that multiplies and adds most, not counting what loops inside it do; of two
// with as many, the shorter. A loop that multiplies matrices comes before any that does not: one such instruction does the work of many.
// A loop is what lies between the target of a backward branch and the last branch to it. The zero loop is returned where nothing
// repeats. Text without instructions is an error: Mesa may have been built without a disassembler.
func (d *dialect) innerLoop(isa string) (loop, error) {
	var code []loop
	at := map[string]int{} // a label's place
	ends := map[int]int{}  // a loop's first instruction -> the one after its last
	var begins []int       // keys of ends
	for text := range strings.Lines(isa) {
		text = strings.TrimSpace(text)
		if m := d.label.FindStringSubmatch(text); m != nil {
			at[m[1]] = len(code)
			continue
		}
		for _, part := range d.split(text) {
			if m := d.instruction.FindStringSubmatch(part); m != nil {
				code = append(code, d.weigh(part, base(m[1])))
			}
			m := d.branch.FindStringSubmatch(part)
			if m == nil {
				continue
			}
			for name := range strings.SplitSeq(m[1], ", ") {
				if begin, seen := at[name]; seen {
					if ends[begin] == 0 {
						begins = append(begins, begin)
					}
					ends[begin] = len(code)
				}
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
			own[inner] = loop{l.Instructions + c.Instructions, l.MultiplyAdds + c.MultiplyAdds, l.Matrices + c.Matrices}
		}
	}
	best := loop{}
	for _, b := range begins {
		if l := own[b]; cmp.Or(cmp.Compare(l.Matrices, best.Matrices), cmp.Compare(l.MultiplyAdds, best.MultiplyAdds), cmp.Compare(best.Instructions, l.Instructions)) > 0 {
			best = l
		}
	}
	return best, nil
}

// split takes a line apart into its instructions, without the comment.
func (d *dialect) split(text string) []string {
	text, _, _ = strings.Cut(text, d.comment)
	parts := []string{text}
	if d.joint != "" {
		parts = strings.Split(text, d.joint)
	}
	for i, p := range parts {
		parts[i] = strings.TrimSpace(p)
	}
	return parts
}

// weigh says what one line of this name counts as; a cycle of waiting counts as an instruction.
func (d *dialect) weigh(text, name string) loop {
	number := func(r *regexp.Regexp) int {
		if r == nil {
			return 0
		}
		m := r.FindStringSubmatch(text)
		if m == nil {
			return 0
		}
		n, _ := strconv.Atoi(m[1]) // digits
		return n
	}
	times := 1 + number(d.repeats)
	l := loop{Instructions: times + number(d.waits)}
	if d.multiplyAdd.MatchString(name) {
		l.MultiplyAdds = times
	}
	if d.matrices.MatchString(name) {
		l.Matrices = times
	}
	return l
}

// base is an instruction's name without the suffix of its encoding.
func base(name string) string {
	for _, suffix := range []string{"_e32", "_e64", "_dpp", "_dpp8", "_sdwa", "_e64_dpp"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}
