package synthetic_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"testing"

	"github.com/glipvk/glipvk/synthetic"
)

// sum is the SHA-256 of the little-endian bytes of data.
func sum(data []float32) string {
	raw := make([]byte, 0, 4*len(data))
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	digest := sha256.Sum256(raw)
	return hex.EncodeToString(digest[:])
}

const lastSeed = math.MaxUint64

// The vectors of the synthetic-v1 specification.
func TestWeightVectors(t *testing.T) {
	for _, row := range []struct {
		name  string
		shape []int
		seed  uint64
		index int
		word  uint64
		bits  uint32
	}{
		{"patch_embed.projection.weight", []int{96, 3, 4, 4}, 20240601, 0, 0xe137106d99e91c45, 0x3e426e20},
		{"patch_embed.projection.weight", []int{96, 3, 4, 4}, 20240601, 4607, 0x16931fdf54680166, 0xbe52d9c2},
		{"patch_embed.norm.weight", []int{96}, 20240601, 5, 0xe930ea2394f0610c, 0x3f9a4c3a},
		{"stages.0.blocks.1.norm1.bias", []int{96}, 20240601, 17, 0x7fb07aa397d72d08, 0xb99f0c00},
		{"stages.0.blocks.1.attn.w_msa.qkv.weight", []int{288, 96}, 20240601, 12345, 0xac1801277347a2cc, 0x3dda40c5},
		{"stages.0.blocks.1.attn.w_msa.qkv.bias", []int{288}, 20240601, 287, 0xe931535eced8a3b0, 0x3ed262a6},
		{"stages.0.blocks.1.attn.w_msa.relative_position_bias_table", []int{169, 3}, 20240601, 84, 0x09b9e3aeb8b11350, 0xbfec8c3a},
		{"stages.2.blocks.5.attn.w_msa.proj.weight", []int{384, 384}, 20240601, 147455, 0x9e9d6a786d376993, 0x3cad2f1c},
		{"stages.2.blocks.5.attn.w_msa.proj.bias", []int{384}, 20240601, 1, 0xceb1ad0f21cdcc51, 0x3d9d635a},
		{"stages.3.blocks.0.ffn.layers.0.0.weight", []int{3072, 768}, 1, 2359295, 0x511512f170d39959, 0xbcea96a6},
		{"stages.3.blocks.0.ffn.layers.1.weight", []int{768, 3072}, 1, 999999, 0xb4626abdfd9bd005, 0x3c5189a8},
		{"stages.3.blocks.0.ffn.layers.0.0.bias", []int{3072}, 0, 3000, 0xc7aafc2ac7dbc9ad, 0x3d8f55f8},
		{"stages.1.downsample.reduction.weight", []int{384, 768}, lastSeed, 100, 0x82a544b040430fae, 0x3aa95100},
		{"stages.1.downsample.norm.weight", []int{768}, lastSeed, 0, 0x5b0d9bd1ef117a08, 0x3f6d86ce},
		{"norm3.bias", []int{768}, 42, 7, 0xbab70b3ff5595219, 0x3d6adc2c},
		{"norm3.weight", []int{768}, 42, 7, 0xc3ec356945bc75e0, 0x3f90fb0d},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := synthetic.Word(row.name, row.seed, uint64(row.index)); got != row.word {
				t.Errorf("word %d is %016x, want %016x", row.index, got, row.word)
			}
			data, err := synthetic.Weights{Seed: row.seed}.Tensor(row.name, row.shape)
			if err != nil {
				t.Fatal(err)
			}
			if got := math.Float32bits(data[row.index]); got != row.bits {
				t.Errorf("element %d is %08x, want %08x", row.index, got, row.bits)
			}
			offset, scale, _ := synthetic.Rule(row.name, len(data)/row.shape[0])
			got := synthetic.Value(row.name, row.seed, uint64(row.index), offset, scale)
			if math.Float32bits(got) != row.bits {
				t.Errorf("Value gives %08x, want %08x", math.Float32bits(got), row.bits)
			}
		})
	}
}

func TestWholeTensors(t *testing.T) {
	for _, row := range []struct {
		name  string
		shape []int
		want  string
	}{
		{"stages.0.blocks.1.attn.w_msa.qkv.weight", []int{288, 96}, "a50d29ca27a92e726063e141b2d6b7a8eb0f64dc3a7fb468c9c4a5dbaf8e8efe"},
		{"stages.2.downsample.reduction.weight", []int{768, 1536}, "1626e5f94fbe1df9a01957f95407bf32911f21ff9d36cf8bd6620f714f323528"},
		{"stages.3.blocks.1.attn.w_msa.relative_position_bias_table", []int{169, 24}, "8ac05d0b139c3c4674aa7e153529a7d766509116534802e4535c104568924437"},
	} {
		t.Run(row.name, func(t *testing.T) {
			data, err := synthetic.Weights{Seed: 20240601}.Tensor(row.name, row.shape)
			if err != nil {
				t.Fatal(err)
			}
			if got := sum(data); got != row.want {
				t.Errorf("sha256 is %s, want %s", got, row.want)
			}
		})
	}
}

// A tensor made in pieces equals the tensor made at once.
func TestFillInPieces(t *testing.T) {
	const name = "stages.2.downsample.reduction.weight"
	whole := make([]float32, 200_000)
	synthetic.Fill(whole, synthetic.Stream{Name: name, Seed: 9}, 0, 1)
	for first := 0; first < len(whole); first += 70_001 {
		part := make([]float32, min(70_001, len(whole)-first))
		synthetic.Fill(part, synthetic.Stream{Name: name, Seed: 9, First: uint64(first)}, 0, 1)
		for i, v := range part {
			if v != whole[first+i] {
				t.Fatalf("element %d is %v in a piece, %v in the whole", first+i, v, whole[first+i])
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	w := synthetic.Weights{Seed: 1}
	for _, name := range []string{
		"", "weight", "head.weight", "stages.0.blocks.0.attn.w_msa.relative_position_index",
		"stages.0.blocks.0.ffn.layers.2.weight", "absolute_pos_embed",
	} {
		if _, err := w.Tensor(name, []int{4, 4}); !errors.Is(err, synthetic.ErrUnknownTensor) {
			t.Errorf("%q: error is %v, want ErrUnknownTensor", name, err)
		}
	}
	for _, shape := range [][]int{{-1}, {1 << 20, 1 << 20}, {math.MaxInt, math.MaxInt, math.MaxInt}} {
		if _, err := w.Tensor("norm3.bias", shape); err == nil {
			t.Errorf("shape %v is accepted", shape)
		}
	}
	if data, err := w.Tensor("norm3.bias", []int{0}); err != nil || len(data) != 0 {
		t.Errorf("an empty shape gives %v, %v", data, err)
	}
}

func BenchmarkTensor(b *testing.B) {
	shape := []int{3072, 768}
	b.SetBytes(4 * 3072 * 768)
	for b.Loop() {
		if _, err := (synthetic.Weights{}).Tensor("stages.3.blocks.0.ffn.layers.0.0.weight", shape); err != nil {
			b.Fatal(err)
		}
	}
}
