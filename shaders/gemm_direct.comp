#version 450
// Matrix product (include/gemm.glsl) in registers alone, for devices whose caches
// do the work of shared memory (software drivers). A workgroup is one subgroup;
// each lane owns ROWS rows of COLS vec4 columns; lanes lie side by side along N, so
// that all lanes read the same A and neighbouring B. No shared memory, no barrier.
// With NORM each lane finds mean and scale of one row, and hands them round.
// Grid: (ceil(M / ROWS), ceil(N / (4*lanes*COLS)), products): workgroups that follow
// one another go down the rows, so that the columns of B they share stay in the cache.
#define MERGE_BY_SIXTEEN
#ifdef MAPPED
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
#include "gemm.glsl"

layout(constant_id = 6) const uint ROWS = 8;
layout(constant_id = 7) const uint COLS = 2;

// NORMED norms elements k..k+3 of the rows; rows that pad are zero after it.
#ifdef MAPPED
#ifdef A_MERGE
#define PADS(i) false
#else
#define PADS(i) (MAP == PARTITION && !rows[i].real)
#endif
#define NORMED(k) \
    if (NORM) { \
        vec4 w = AT4(weight, (k) / 4), b = AT4(shift, (k) / 4); \
        [[unroll]] for (uint i = 0; i < ROWS; i++) \
            av[i] = (av[i] - meanScale[i].x) * meanScale[i].y * w + b; \
    } \
    if (MAP == PARTITION) { \
        [[unroll]] for (uint i = 0; i < ROWS; i++) \
            av[i] = PADS(i) ? vec4(0) : av[i]; \
    }
#else
#define NORMED(k)
#endif

#define MULTIPLY(k) \
    [[unroll]] for (uint j = 0; j < COLS; j++) { \
        vec4 bv[4]; \
        loadB4(bFirst, k, col + j * step, bv); \
        [[unroll]] for (uint kk = 0; kk < 4; kk++) \
            [[unroll]] for (uint i = 0; i < ROWS; i++) \
                acc[i * COLS + j] += av[i][kk] * bv[kk]; \
    }

void main()
{
    uint row = gl_WorkGroupID.x * ROWS;
    uint col = (gl_WorkGroupID.y * gl_WorkGroupSize.x * COLS + gl_LocalInvocationID.x) * 4;
    uint step = gl_WorkGroupSize.x * 4;

    Row rows[ROWS];
    vec2 meanScale[ROWS];
    uint aFirst = aStart(), bFirst = bStart();
    [[unroll]] for (uint i = 0; i < ROWS; i++) {
        rows[i] = rowOf(aFirst, row + i);
        meanScale[i] = vec2(0, 1);
    }
#ifdef MAPPED
    if (NORM) {
        [[dont_unroll]] for (uint first = 0; first < ROWS; first += gl_SubgroupSize) {
            vec2 mine = statistics(rowOf(aFirst, row + first + gl_SubgroupInvocationID));
            [[unroll]] for (uint i = 0; i < ROWS; i++) {
                vec2 theirs = subgroupShuffle(mine, (i - first) % gl_SubgroupSize);
                if (i >= first && i < first + gl_SubgroupSize)
                    meanScale[i] = theirs;
            }
        }
    }
#endif
    vec4 acc[ROWS * COLS];
    [[unroll]] for (uint i = 0; i < ROWS * COLS; i++)
        acc[i] = vec4(0);

#ifdef A_MERGE
    [[dont_unroll]] for (uint k = 0; k < K; k += 16) {
        vec4 block[ROWS * 4];
        [[unroll]] for (uint i = 0; i < ROWS; i++) {
            vec4 v[4];
            loadMerged(rows[i], k, v);
            [[unroll]] for (uint q = 0; q < 4; q++)
                block[i * 4 + q] = v[q];
        }
        [[unroll]] for (uint q = 0; q < 4; q++) {
            vec4 av[ROWS];
            [[unroll]] for (uint i = 0; i < ROWS; i++)
                av[i] = block[i * 4 + q];
            NORMED(k + q * 4)
            MULTIPLY(k + q * 4)
        }
    }
#else
    [[dont_unroll]] for (uint k = 0; k < K; k += 4) {
        vec4 av[ROWS];
        [[unroll]] for (uint i = 0; i < ROWS; i++)
            av[i] = loadRow(rows[i], k);
        NORMED(k)
        MULTIPLY(k)
    }
#endif

    uint cFirst = cStart();
    [[unroll]] for (uint j = 0; j < COLS; j++)
        [[unroll]] for (uint i = 0; i < ROWS; i++)
            finish(cFirst, row + i, col + j * step, acc[i * COLS + j]);
}
