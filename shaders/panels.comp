#version 450
// A matrix that was computed at run time as the panels of 32 columns that gemm_uniform.comp
// multiplies by: b [K, N], or with TRANSPOSED [N, K], times alpha -> [panels, padded, 32], zeros
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
};

// put writes vector j of a row of a panel: columns c, c + 2, ..., c + 14 of it, c = 16*(j/2) + j%2.
void put(Scratch to, uint row, uint j, float v, float factor) { to.v[row * 32 + j * 8 + LANE] = v * factor; }

void main()
{
    uint n = N, k = K, stride = ldb, all = padded;
    float factor = SCALED ? alpha / exp(Floats(scale).v[0]) : alpha;
    Floats from = Floats(b);
    Scratch to = Scratch(panels + uint64_t(gl_WorkGroupID.x) * all * 128);
    uint column = gl_WorkGroupID.x * 32, begin = gl_WorkGroupID.y * STEP;
    uint end = min(begin + STEP, all);
    [[dont_unroll]] for (uint row = begin; row < end; row += 8) {
        [[unroll]] for (uint j = 0; j < 4; j++) {
            uint first = column + j / 2 * 16 + j % 2;
#ifdef TRANSPOSED
            uint start[8];
            [[unroll]] for (uint i = 0; i < 8; i++)
                start[i] = min(first + 2 * i, n - 1) * stride;
#endif
            [[unroll]] for (uint r = 0; r < 8; r++) {
                uint at = min(row + r, k - 1);
                float x[8];
                [[unroll]] for (uint i = 0; i < 8; i++) {
#ifdef TRANSPOSED
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
