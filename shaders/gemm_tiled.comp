#version 450
// Matrix product (include/gemm.glsl) tiled through shared memory and registers.
// A workgroup computes BM x BN of C in steps of BK along K: both operand tiles are
// staged in shared memory, A transposed, and each invocation accumulates TM x TN.
// Invocations: (BM/TM) * (BN/TN), which must be the workgroup size.
// Shared memory: BK * (BM + BN + 8) floats. Grid: (ceil(N/BN), ceil(M/BM), products).
#include "gemm.glsl"

layout(constant_id = 4) const uint BM = 64;
layout(constant_id = 5) const uint BN = 64;
layout(constant_id = 6) const uint BK = 16;
layout(constant_id = 7) const uint TM = 8;
layout(constant_id = 8) const uint TN = 4; // a multiple of 4

const uint LDA = BM + 4; // rows of the tiles are padded by a vec4 against bank conflicts
const uint LDB = BN / 4 + 1;
shared float tileA[BK * LDA];
shared vec4 tileB[BK * LDB];

void main()
{
    uint lane = gl_LocalInvocationID.x;
    uint row0 = gl_WorkGroupID.y * BM, col0 = gl_WorkGroupID.x * BN;
    uint aFirst = aStart(), bFirst = bStart();
    uint across = BN / TN;
    uint ty = lane / across, tx = lane % across;

    vec4 acc[TM * TN / 4];
    [[unroll]] for (uint i = 0; i < TM * TN / 4; i++)
        acc[i] = vec4(0);

    [[dont_unroll]] for (uint k0 = 0; k0 < K; k0 += BK) {
        for (uint e = lane; e < BM * BK / 4; e += gl_WorkGroupSize.x) {
            uint m = e / (BK / 4), k = e % (BK / 4) * 4;
            vec4 v = loadA(aFirst + min(row0 + m, M - 1) * lda, k0 + k);
            [[unroll]] for (uint i = 0; i < 4; i++)
                tileA[(k + i) * LDA + m] = v[i];
        }
        for (uint e = lane; e < BK * BN / 16; e += gl_WorkGroupSize.x) {
            uint k = e / (BN / 4) * 4, n = e % (BN / 4);
            vec4 rows[4];
            loadB4(bFirst, k0 + k, col0 + n * 4, rows);
            [[unroll]] for (uint i = 0; i < 4; i++)
                tileB[(k + i) * LDB + n] = rows[i];
        }
        barrier();
        [[dont_unroll]] for (uint k = 0; k < BK; k++) {
            float av[TM];
            [[unroll]] for (uint i = 0; i < TM; i++)
                av[i] = tileA[k * LDA + ty * TM + i];
            [[unroll]] for (uint j = 0; j < TN / 4; j++) {
                vec4 bv = tileB[k * LDB + j * across + tx];
                [[unroll]] for (uint i = 0; i < TM; i++)
                    acc[i * (TN / 4) + j] += av[i] * bv;
            }
        }
        barrier();
    }

    uint cFirst = cStart();
    [[unroll]] for (uint i = 0; i < TM; i++)
        [[unroll]] for (uint j = 0; j < TN / 4; j++)
            finish(cFirst, row0 + ty * TM + i, col0 + (j * across + tx) * 4, acc[i * (TN / 4) + j]);
}
