package loader

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
)

// BenchmarkTensor reads stage3.ffn of Swin-T, 768 x 3072, from memory.
func BenchmarkTensor(b *testing.B) {
	const rows, cols = 3072, 768
	for _, d := range []struct {
		name string
		size int
	}{{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}} {
		b.Run(d.name, func(b *testing.B) {
			header := fmt.Sprintf(`{"w":{"dtype":%q,"shape":[%d,%d],"data_offsets":[0,%d]}}`, d.name, rows, cols, rows*cols*d.size)
			file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
			file = append(file, header...)
			file = append(file, make([]byte, rows*cols*d.size)...)
			c, err := Read(bytes.NewReader(file), int64(len(file)), "bench.safetensors")
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(rows * cols * d.size))
			for b.Loop() {
				if _, _, err := c.Tensor("w"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
