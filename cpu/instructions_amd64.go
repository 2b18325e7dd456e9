package cpu

import "golang.org/x/sys/cpu"

// native are the sets of this processor, best first.
func native() []*kernels {
	var list []*kernels
	x := &cpu.X86
	if x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL && x.HasAVX2 && x.HasFMA {
		list = append(list, &kernels{
			name: AVX512, columns: 32,
			tiles: []tile{
				avx512Tile1, avx512Tile2, avx512Tile3, avx512Tile4, avx512Tile5, avx512Tile6, avx512Tile7,
				avx512Tile8, avx512Tile9, avx512Tile10, avx512Tile11, avx512Tile12, avx512Tile13, avx512Tile14,
			},
			gelu: avx512GELU, blends: avx512Blend, add: avx512Add, softmax: avx512Softmax, layerNorm: avx512LayerNorm, squares: avx2Transpose,
			affine: avx512Affine, bend: avx512Bend, moments: avx512Moments,
		})
	}
	if x.HasAVX2 && x.HasFMA {
		list = append(list, &kernels{
			name: AVX2, columns: 16,
			tiles: []tile{avx2Tile1, avx2Tile2, avx2Tile3, avx2Tile4, avx2Tile5, avx2Tile6},
			gelu:  avx2GELU, blends: avx2Blend, add: avx2Add, softmax: avx2Softmax, layerNorm: avx2LayerNorm, squares: avx2Transpose,
			affine: avx2Affine, bend: avx2Bend, moments: avx2Moments,
		})
	}
	return list
}
