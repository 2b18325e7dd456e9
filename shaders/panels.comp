#version 450
// A matrix that was computed at run time as the panels of 32 columns that gemm_uniform.comp
// multiplies by: b [K, N], or with STRIDED elements that lie as the strides say, times alpha -> [panels, padded, 32], zeros
// beyond N and K. SCALED divides by exp(scale[0]). A workgroup, one subgroup, makes STEP rows of one panel. Everything is read
// at uniform addresses (include/address.glsl), float by float, so rows may begin anywhere.
// Grid: (panels, ceil(padded / STEP), 1).
#include "address.glsl"

layout(constant_id = 1) const uint STEP = 64; // a multiple of 8
layout(constant_id = 2) const bool SCALED = false;

layout(push_constant) uniform Push {
    uint64_t b, panels, scale;
    uint N, K, padded, ldb; // ldb: elements from row to row of b
    float alpha;
    uint row0; // STRIDED: the first row; element (r, c) is begin + r / rows * r0 + r % rows * r1 + c / columns * c0 + c % columns * c1
    uint begin, rows, r0, r1, columns, c0, c1; // counted modulo 2^32, so strides can be negative
};

// put writes half a row of a panel, columns first + 0..15: those of even number, then the others (gemm_uniform.comp says
// why). A lane stores neighbours, since one store of 64 bits is half as dear as two of 32.
void put(PairsOut to, uint row, uint half_, float x[16], uint first, uint n, float factor)
{
    vec2 v = factor * vec2(deal8(vec4(x[0], x[4], x[8], x[12]), vec4(x[1], x[5], x[9], x[13])),
                           deal8(vec4(x[2], x[6], x[10], x[14]), vec4(x[3], x[7], x[11], x[15])));
    uint column = first + LANE % 4 * 4 + LANE / 4;
    v = vec2(column < n ? v.x : 0.0, column + 2 < n ? v.y : 0.0);
    to.v[row * 16 + half_ * 8 + LANE] = packUint2x32(floatBitsToUint(v));
}

void main()
{
    uint n = N, k = K, stride = ldb, all = padded, origin = begin, down = rows, across = columns;
    float factor = SCALED ? alpha / exp(Floats(scale).v[0]) : alpha;
    Floats from = Floats(b);
    PairsOut to = PairsOut(panels + uint64_t(gl_WorkGroupID.x) * all * 128);
    uint column = gl_WorkGroupID.x * 32, top = gl_WorkGroupID.y * STEP;
    uint end = min(top + STEP, all);
    [[dont_unroll]] for (uint row = top; row < end; row += 8) {
        [[unroll]] for (uint h = 0; h < 2; h++) {
            uint first = column + h * 16;
#ifdef STRIDED
            uint start[16];
            [[unroll]] for (uint i = 0; i < 16; i++) {
                uint c = min(first + i, n - 1), whole = c / across;
                start[i] = origin + whole * c0 + (c - whole * across) * c1;
            }
#endif
            [[unroll]] for (uint r = 0; r < 8; r++) {
                uint at = min(row + r, k - 1);
#ifdef STRIDED
                at += row0;
                at = at / down * r0 + at % down * r1;
#endif
                float x[16];
                [[unroll]] for (uint i = 0; i < 16; i++) {
#ifdef STRIDED
                    x[i] = from.v[start[i] + at];
#else
                    x[i] = from.v[at * stride + min(first + i, n - 1)];
#endif
                }
                put(to, row + r, h, x, first, row + r < k ? n : 0, factor);
            }
        }
    }
}
