package text_test

import (
	"strings"
	"testing"

	"github.com/glipvk/glipvk/text"
)

func BenchmarkEncode(b *testing.B) {
	for _, bc := range []struct{ name, caption string }{
		{"coco", strings.Join(coco, text.Separator)},
		{"accents-10000", strings.Repeat("é\u0301 ", 3333)},
		{"pieces-10000", strings.Repeat(strings.Repeat("x", 99)+" ", 100)},
	} {
		b.Run(bc.name, func(b *testing.B) {
			bert := text.BERT()
			b.SetBytes(int64(len(bc.caption)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bert.Encode(bc.caption); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRead reads the vocabulary, which happens once a process.
func BenchmarkRead(b *testing.B) {
	lines := make([]string, text.BERT().Size())
	for i := range lines {
		lines[i], _ = text.BERT().Token(int32(i))
	}
	file := strings.Join(lines, "\n")
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if _, err := text.Read(strings.NewReader(file)); err != nil {
			b.Fatal(err)
		}
	}
}
