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

// put writes vector j of a row of a panel: columns c, c + 2, ..., c + 14 of it, c = 16*(j/2) + j%2.
void put(Scratch to, uint row, uint j, float v, float factor) { to.v[row * 32 + j * 8 + LANE] = v * factor; }

void main()
{
    uint n = N, k = K, stride = ldb, all = padded, origin = begin, down = rows, across = columns;
    float factor = SCALED ? alpha / exp(Floats(scale).v[0]) : alpha;
    Floats from = Floats(b);
    Scratch to = Scratch(panels + uint64_t(gl_WorkGroupID.x) * all * 128);
    uint column = gl_WorkGroupID.x * 32, top = gl_WorkGroupID.y * STEP;
    uint end = min(top + STEP, all);
    [[dont_unroll]] for (uint row = top; row < end; row += 8) {
        [[unroll]] for (uint j = 0; j < 4; j++) {
            uint first = column + j / 2 * 16 + j % 2;
#ifdef STRIDED
            uint start[8];
            [[unroll]] for (uint i = 0; i < 8; i++) {
                uint c = min(first + 2 * i, n - 1), whole = c / across;
                start[i] = origin + whole * c0 + (c - whole * across) * c1;
            }
#endif
            [[unroll]] for (uint r = 0; r < 8; r++) {
                uint at = min(row + r, k - 1);
#ifdef STRIDED
                at += row0;
                at = at / down * r0 + at % down * r1;
#endif
                float x[8];
                [[unroll]] for (uint i = 0; i < 8; i++) {
#ifdef STRIDED
                    x[i] = from.v[start[i] + at];
#else
                    x[i] = from.v[at * stride + min(first + 2 * i, n - 1)];
#endif
                }
                float v = deal8(vec4(x[0], x[1], x[2], x[3]), vec4(x[4], x[5], x[6], x[7]));
                bool real = row + r < k && first + 2 * LANE < n;
                put(to, row + r, j, real ? v : 0.0, factor);
            }
        }
    }
}
