#version 450
// Matrix product (include/gemm.glsl) tiled through shared memory and registers, for graphics cards.
// A workgroup computes BM x BN of C in steps of BK along K. While one step is multiplied
// out of shared memory the next is on its way from memory into registers. Each
// invocation accumulates TM x TN; SPLIT invocations share such a tile, each taking every
// SPLITth k of a step, and add up at the end: where M and N are small (a last stage of 49 rows)
// that makes work for more invocations without a second dispatch.
// Workgroup size: (BM/TM) * (BN/TN) * SPLIT. Grid: (ceil(N/BN), ceil(M/BM), products).
// Shared memory: BK * (BM + BN + 8) + 3*BM floats (A_MERGE: 7*BM, A_CONV: 8*BM), and BM*BN with SPLIT > 1.
#include "gemm.glsl"

layout(constant_id = 6) const uint BM = 64;
layout(constant_id = 7) const uint BN = 64;
layout(constant_id = 8) const uint BK = 16;
layout(constant_id = 9) const uint TM = 8;
layout(constant_id = 10) const uint TN = 4; // a multiple of 4
layout(constant_id = 11) const uint SPLIT = 1;

const uint LDA = BM + 4; // rows of the tiles are padded by a vec4 against bank conflicts
const uint LDB = BN / 4 + 1;
shared float tileA[BK * LDA];
shared vec4 tileB[BK * LDB];
shared vec4 partial[SPLIT > 1 ? BM * BN / 4 : 1];
#ifdef MAPPED
shared vec2 rowStatistics[BM];
#endif

// What an invocation fetches of a step: LA vec4s of A, LB blocks of 4 x 4 of B.
const uint THREADS = BM / TM * (BN / TN) * SPLIT;
const uint LA = (BM * BK / 4 + THREADS - 1) / THREADS;
const uint LB = (BK * BN / 16 + THREADS - 1) / THREADS;

// Which row and which k of a step the vec4 e of A is: neighbouring invocations read what lies side by side.
#ifdef A_TRANSPOSED
#define A_ROW(e) ((e) % BM)
#define A_K(e) ((e) / BM * 4)
#else
#define A_ROW(e) ((e) / (BK / 4))
#define A_K(e) ((e) % (BK / 4) * 4)
#endif

#ifdef A_CONV
#include "conv.glsl"
#define LOAD_A(i, k0, k, m) loadTap(m, (k0) % depth + (k))
#define NEXT_TAP(k0) \
    if ((k0) % depth == 0) { \
        placeTap(row0_, lane, (k0) / depth); \
        barrier(); \
    }
#else
#define LOAD_A(i, k0, k, m) loadA(rows[i], (k0) + (k), STATISTICS(m))
#define NEXT_TAP(k0)
#endif

void main()
{
    uint lane = gl_LocalInvocationID.x;
    uint row0_ = gl_WorkGroupID.y * BM, col0 = gl_WorkGroupID.x * BN;
    uint aFirst = aStart(), bFirst = bStart();
    uint across = BN / TN;
    uint slice = SPLIT > 1 ? lane / (THREADS / SPLIT) : 0, place = lane % (THREADS / SPLIT);
    uint ty = place / across, tx = place % across;
    uint mineA = slice * LDA + ty * TM, mineB = slice * LDB + tx; // where this invocation's part of the tiles begins

#ifdef A_CONV
    uint depth = K / (SIDE * SIDE);
#else
    // The rows that this invocation fetches, the same in every step.
    Row rows[LA];
    [[unroll]] for (uint i = 0; i < LA; i++)
        rows[i] = rowOf(aFirst, row0_ + A_ROW(lane + i * THREADS));
#endif
#ifdef MAPPED
    if (NORM) {
        for (uint m = lane; m < BM; m += THREADS)
            rowStatistics[m] = statistics(rowOf(aFirst, row0_ + m));
        barrier();
    }
#endif

    vec4 acc[TM * TN / 4];
    [[unroll]] for (uint i = 0; i < TM * TN / 4; i++)
        acc[i] = vec4(0);

    vec4 nextA[LA], nextB[LB * 4];
#define FETCH(k0) \
    [[unroll]] for (uint i = 0; i < LA; i++) { \
        uint e = lane + i * THREADS; \
        nextA[i] = LOAD_A(i, k0, A_K(e), min(A_ROW(e), BM - 1)); \
    } \
    [[unroll]] for (uint i = 0; i < LB; i++) { \
        uint e = lane + i * THREADS; \
        vec4 block[4]; \
        loadB4(bFirst, (k0) + e / (BN / 4) * 4, col0 + e % (BN / 4) * 4, block); \
        [[unroll]] for (uint j = 0; j < 4; j++) \
            nextB[i * 4 + j] = block[j]; \
    }
#ifdef MAPPED
#define STATISTICS(m) (NORM ? rowStatistics[m] : vec2(0, 1))
#else
#define STATISTICS(m) vec2(0, 1)
#endif
    NEXT_TAP(0)
    FETCH(0)
    [[dont_unroll]] for (uint k0 = 0; k0 < K; k0 += BK) {
        [[unroll]] for (uint i = 0; i < LA; i++) {
            uint e = lane + i * THREADS, m = A_ROW(e), k = A_K(e);
            if (BM * BK / 4 % THREADS == 0 || e < BM * BK / 4) {
                [[unroll]] for (uint j = 0; j < 4; j++)
                    tileA[(k + j) * LDA + m] = nextA[i][j];
            }
        }
        [[unroll]] for (uint i = 0; i < LB; i++) {
            uint e = lane + i * THREADS, k = e / (BN / 4) * 4, n = e % (BN / 4);
            if (BK * BN / 16 % THREADS == 0 || e < BK * BN / 16) {
                [[unroll]] for (uint j = 0; j < 4; j++)
                    tileB[(k + j) * LDB + n] = nextB[i * 4 + j];
            }
        }
        barrier();
        if (k0 + BK < K) {
            NEXT_TAP(k0 + BK)
            FETCH(k0 + BK)
        }
        [[dont_unroll]] for (uint k = 0; k < BK; k += SPLIT) { // from 0, not slice: a compiler sees that all invocations turn alike
            float av[TM];
            [[unroll]] for (uint i = 0; i < TM; i++)
                av[i] = tileA[k * LDA + mineA + i];
            [[unroll]] for (uint j = 0; j < TN / 4; j++) {
                vec4 bv = tileB[k * LDB + mineB + j * across];
                [[unroll]] for (uint i = 0; i < TM; i++)
                    acc[i * (TN / 4) + j] += av[i] * bv;
            }
        }
        barrier();
    }

    if (SPLIT > 1) {
        [[dont_unroll]] for (uint s = 1; s < SPLIT; s++) {
            [[unroll]] for (uint i = 0; i < TM * TN / 4; i++)
                if (slice == s)
                    partial[i * (THREADS / SPLIT) + place] = acc[i];
            barrier();
            [[unroll]] for (uint i = 0; i < TM * TN / 4; i++)
                if (slice == 0)
                    acc[i] += partial[i * (THREADS / SPLIT) + place];
            barrier();
        }
        if (slice != 0)
            return;
    }
    uint cFirst = cStart();
    [[unroll]] for (uint i = 0; i < TM; i++)
        [[unroll]] for (uint j = 0; j < TN / 4; j++)
            finish(cFirst, row0_ + ty * TM + i, col0 + (j * across + tx) * 4, acc[i * (TN / 4) + j]);
}
