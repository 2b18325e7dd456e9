package cpu

import "golang.org/x/sys/cpu"

// native are the sets of this processor, best first.
func native() []*kernels {
	var list []*kernels
	x := &cpu.X86
	if x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL && x.HasAVX2 && x.HasFMA {
		list = append(list, &kernels{
			name: AVX512, columns: 32,
			rows: 14, product: avx512Product, turned: avx512Turned,
			gelu: avx512GELU, blend: avx512Blend, add: avx512Add, softmax: avx512Softmax, layerNorm: avx512LayerNorm, squares: avx2Transpose,
			affine: avx512Affine, bend: avx512Bend, moments: avx512Moments, softmaxColumns: avx512SoftmaxColumns, clamp: avx512Clamp,
			layerNormGrad: avx512LayerNormGrad, geluGrad: avx512GELUGrad, mulAdd: avx512MulAdd, sumSquares: avx512SumSquares,
			spread: avx512Spread, dots: avx512Dots, adamW: avx512AdamW,
		})
	}
	if x.HasAVX2 && x.HasFMA {
		list = append(list, &kernels{
			name: AVX2, columns: 16,
			rows: 6, product: avx2Product, turned: avx2Turned,
			gelu: avx2GELU, blend: avx2Blend, add: avx2Add, softmax: avx2Softmax, layerNorm: avx2LayerNorm, squares: avx2Transpose,
			affine: avx2Affine, bend: avx2Bend, moments: avx2Moments, softmaxColumns: avx2SoftmaxColumns, clamp: avx2Clamp,
			layerNormGrad: avx2LayerNormGrad, geluGrad: avx2GELUGrad, mulAdd: avx2MulAdd, sumSquares: avx2SumSquares,
			spread: avx2Spread, dots: avx2Dots, adamW: avx2AdamW,
		})
	}
	return list
}
