package recipe_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/tools/shaderc/recipe"
)

// module is a SPIR-V module of instructions: opcode, then operands.
func module(bound uint32, instructions ...[]uint32) []byte {
	words := []uint32{0x07230203, 0x10300, 0, bound, 0}
	for _, in := range instructions {
		words = append(append(words, uint32(len(in))<<16|in[0]), in[1:]...)
	}
	var data []byte
	for _, w := range words {
		data = binary.LittleEndian.AppendUint32(data, w)
	}
	return data
}

// extension is OpExtension, for a name of 25 or 26 letters.
func extension(name string) []uint32 {
	b := append([]byte(name), make([]byte, 28-len(name))...)
	in := []uint32{10}
	for ; len(b) > 0; b = b[4:] {
		in = append(in, binary.LittleEndian.Uint32(b))
	}
	return in
}

// TestMatricesKHR converts a product of a type each for A, B and C: ids 20 to 22.
func TestMatricesKHR(t *testing.T) {
	product := func(a, b uint32) []byte {
		return module(50,
			[]uint32{17, 1}, []uint32{17, 5357}, extension("SPV_NV_cooperative_matrix"),
			[]uint32{5, 20, 0x61},      // OpName of a type is no result of it
			[]uint32{21, 1, 32, 0},     // uint
			[]uint32{20, 2},            // bool
			[]uint32{41, 2, 3},         // true
			[]uint32{42, 2, 4},         // false
			[]uint32{43, 1, 9, 0x1234}, // some constant
			[]uint32{5358, 20, 10, 11, 12, 13}, []uint32{5358, 21, 10, 11, 13, 14}, []uint32{5358, 22, 15, 11, 12, 14},
			[]uint32{44, 22, 30, 31},
			[]uint32{5359, a, 40, 32, 33, 4, 0x20, 34}, []uint32{5359, b, 41, 35, 36, 3},
			[]uint32{5361, 22, 42, 40, 41, 30},
			[]uint32{5360, 37, 42, 38, 4}, []uint32{5362, 1, 43, 22})
	}
	want := module(53,
		[]uint32{17, 1}, []uint32{17, 6022}, extension("SPV_KHR_cooperative_matrix"),
		[]uint32{5, 20, 0x61}, []uint32{21, 1, 32, 0}, []uint32{20, 2}, []uint32{41, 2, 3}, []uint32{42, 2, 4}, []uint32{43, 1, 9, 0x1234},
		[]uint32{43, 1, 50, 0}, []uint32{43, 1, 51, 1}, []uint32{43, 1, 52, 2},
		[]uint32{4456, 20, 10, 11, 12, 13, 50}, []uint32{4456, 21, 10, 11, 13, 14, 51}, []uint32{4456, 22, 15, 11, 12, 14, 52},
		[]uint32{44, 22, 30, 31},
		[]uint32{4457, 20, 40, 32, 50, 33, 0x20, 34}, []uint32{4457, 21, 41, 35, 51, 36},
		[]uint32{4459, 22, 42, 40, 41, 30},
		[]uint32{4458, 37, 42, 50, 38}, []uint32{4460, 1, 43, 22})
	got, err := recipe.MatricesKHR(product(20, 21))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\n got % x\nwant % x", err, got, want)
	}
	if again, err := recipe.MatricesKHR(got); err != nil || !bytes.Equal(again, got) {
		t.Errorf("a module of KHR's matrices is not left alone: %v", err)
	}
	if _, err := recipe.MatricesKHR(product(20, 20)); err == nil || !strings.Contains(err.Error(), "different constants") {
		t.Errorf("A and B of one type: %v", err)
	}
	unknown := bytes.Replace(product(20, 21), []byte{42, 0, 3, 0}, []byte{43, 0, 3, 0}, 1) // false is a constant of another kind
	if _, err := recipe.MatricesKHR(unknown); err == nil || !strings.Contains(err.Error(), "layout") {
		t.Errorf("a layout that is no constant bool: %v", err)
	}
}

// TestMatricesKHRDamaged: whatever the bytes are, there is an error or a result.
func TestMatricesKHRDamaged(t *testing.T) {
	whole := module(9, []uint32{17, 5357}, []uint32{21, 1, 32, 0}, []uint32{5358, 20, 10, 11, 12, 13}, []uint32{5359, 20, 40, 32, 33, 4}, []uint32{5361, 20, 42, 40, 40, 40})
	for size := range len(whole) {
		if _, err := recipe.MatricesKHR(whole[:size]); err == nil && size != 20 && size%4 != 0 {
			t.Errorf("%d of %d bytes were accepted", size, len(whole))
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 10_000 {
		damaged := bytes.Clone(whole)
		damaged[20+rng.IntN(len(whole)-20)] ^= byte(1 << rng.IntN(8))
		_, _ = recipe.MatricesKHR(damaged) // must not panic
	}
}
