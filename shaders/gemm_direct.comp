#version 450
// Matrix product (include/gemm.glsl) in registers alone, for devices whose caches
// do the work of shared memory (software drivers). A workgroup is one subgroup;
// each lane owns ROWS rows of COLS vec4 columns; lanes lie side by side along N, so
// that all lanes read the same A and neighbouring B. No shared memory, no barrier.
// Grid: (ceil(M / ROWS), ceil(N / (4*lanes*COLS)), products): workgroups that follow
// one another go down the rows, so that the columns of B they share stay in the cache.
#include "gemm.glsl"

layout(constant_id = 6) const uint ROWS = 8;
layout(constant_id = 7) const uint COLS = 2;

void main()
{
    uint row = gl_WorkGroupID.x * ROWS;
    uint col = (gl_WorkGroupID.y * gl_WorkGroupSize.x * COLS + gl_LocalInvocationID.x) * 4;
    uint step = gl_WorkGroupSize.x * 4;

    Row rows[ROWS];
    uint aFirst = aStart(), bFirst = bStart();
    [[unroll]] for (uint i = 0; i < ROWS; i++)
        rows[i] = rowOf(aFirst, row + i);
    vec4 acc[ROWS * COLS];
    [[unroll]] for (uint i = 0; i < ROWS * COLS; i++)
        acc[i] = vec4(0);

    [[dont_unroll]] for (uint k = 0; k < K; k += 4) {
        vec4 av[ROWS];
        [[unroll]] for (uint i = 0; i < ROWS; i++)
            av[i] = loadA(rows[i], k, vec2(0, 1));
        [[unroll]] for (uint j = 0; j < COLS; j++) {
            vec4 bv[4];
            loadB4(bFirst, k, col + j * step, bv);
            [[unroll]] for (uint kk = 0; kk < 4; kk++)
                [[unroll]] for (uint i = 0; i < ROWS; i++)
                    acc[i * COLS + j] += av[i][kk] * bv[kk];
        }
    }

    uint cFirst = cStart();
    [[unroll]] for (uint j = 0; j < COLS; j++)
        [[unroll]] for (uint i = 0; i < ROWS; i++)
            finish(cFirst, row + i, col + j * step, acc[i * COLS + j]);
}
