#version 450
#pragma use_vulkan_memory_model
// Matrix product (include/gemm.glsl) with cooperative matrices, for graphics cards that multiply
// them in hardware: A and B as 16-bit floats, C accumulated as 32-bit ones. Elements
// of A that are stored with 32 bits, or normed as they are read, are rounded on their way into
// shared memory; beyond 65504 they become infinite.
//
// A workgroup computes BM x BN of C in steps of BK along K, a subgroup WM x WN of it in matrices
// of CM x CN. While one step is multiplied out of shared memory the next is on its
// way from memory into registers. The sums reach the epilogue through the same shared memory,
// CM rows of each subgroup at a time, because nobody may know which invocation holds which element.
//
// Multiples: WM of CM, WN of CN, BK of CK, BM of WM, BN of WN; CN and CK of 8.
// Workgroup size: BM/WM * (BN/WN) * LANES. Grid: (ceil(N/BN), ceil(M/BM), 1).
// Shared memory: 16 bytes times the larger of BM * (BK/8 + 1) + BK * (BN/8 + 1) and
// BM/WM * (BN/WN) * CM * (WN/4 + 1), and 8 bytes times BM (A_CONV: 32); COLUMNS: BN * (BK/8 + 1) in place of
// the second product.
//
// COLUMNS turns B in shared memory to columns: dearer to fill, but some hardware (RDNA) wants a
// column in one invocation, and would read rows element by element.
//
// The compilers that distributions ship know NV's form of the extension, not yet KHR's, which
// drivers have: tools/shaderc turns the one into the other. In KHR's, matrices
// also say what they are used for. It is deduced from their type, so A, B and C are given sizes by
// constants of their own even where these are equal; and strides count elements of the array.
#extension GL_NV_cooperative_matrix : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#include "gemm.glsl"

layout(constant_id = 6) const uint BM = 64;
layout(constant_id = 7) const uint BN = 64;
layout(constant_id = 8) const uint BK = 32;
layout(constant_id = 9) const uint WM = 32;
layout(constant_id = 10) const uint WN = 32;
layout(constant_id = 11) const uint CM = 16;
layout(constant_id = 12) const uint CN = 16;
layout(constant_id = 13) const uint CK = 16;
layout(constant_id = 14) const uint LANES = 32; // invocations of a subgroup
layout(constant_id = 15) const bool COLUMNS = false;

#define MATRIX_A fcoopmatNV<16, gl_ScopeSubgroup, CM, CK>
#define MATRIX_B fcoopmatNV<16, gl_ScopeSubgroup, CK, CN>
#define MATRIX_C fcoopmatNV<32, gl_ScopeSubgroup, CM, CN>

// Shared memory in uvec4s: A by rows and B by rows or columns, eight elements each; then C, four
// each. Rows and columns are padded by one against bank conflicts.
const uint LDA = BK / 8 + 1, LDB = (COLUMNS ? BK : BN) / 8 + 1, LDC = WN / 4 + 1;
const uint SUBGROUPS = BM / WM * (BN / WN), THREADS = SUBGROUPS * LANES;
const uint TILES = BM * LDA + (COLUMNS ? BN : BK) * LDB, SUMS = SUBGROUPS * CM * LDC;
shared uvec4 pool[TILES > SUMS ? TILES : SUMS];
#ifndef A_CONV
shared vec2 rowStatistics[BM];
#endif

// What an invocation fetches of a step: LA and LB times eight elements of a row, or LC blocks of 4 x 4 of B.
const uint LA = (BM * BK / 8 + THREADS - 1) / THREADS;
const uint LB = (BK * BN / 8 + THREADS - 1) / THREADS;
const uint LC = (BK * BN / 16 + THREADS - 1) / THREADS;

#ifdef A_CONV
#include "conv.glsl"
#define FETCH_A(i, k0, k, m) fetchTap(m, (k0) % depth + (k))
#define NEXT_TAP(k0) \
    if ((k0) % depth == 0) { \
        placeTap(row0_, lane, (k0) / depth); \
        barrier(); \
    }
// fetchTap is channels c..c+7 of a row's tap in 16 bits.
uvec4 fetchTap(uint m, uint c)
{
    vec4 v = loadTap(m, c), w = loadTap(m, c + 4);
    return uvec4(HALF4(v), HALF4(w));
}
#else
#define FETCH_A(i, k0, k, m) uvec4(fetchA(rows[i], (k0) + (k), m), fetchA(rows[i], (k0) + (k) + 4, m))
#define NEXT_TAP(k0)

// fetchA is elements k..k+3 of a row in 16 bits.
uvec2 fetchA(Row x, uint k, uint m)
{
#ifdef A_HALF
    if (!NORM) {
        uvec2 v = a[(x.at + min(k, K - 4)) / 4];
        return k < K && (MAP != PARTITION || x.real) ? v : uvec2(0);
    }
#endif
    vec4 v = loadA(x, k, NORM ? rowStatistics[m] : vec2(0, 1));
    return HALF4(v);
}
#endif

// fetchB is B[k, col..col+3] in 16 bits, k and col clamped.
uvec2 fetchB(uint start, uint k, uint col) { return b[(start + min(k, K - 1) * ldb + min(col, N - 4)) / 4]; }

// column is column c of four rows of B.
uvec2 column(uvec4 first, uvec4 second, uint c)
{
    uvec4 x = c < 2 ? uvec4(first.xz, second.xz) : uvec4(first.yw, second.yw);
    return c % 2 == 0 ? x.xz & 0xffff | x.yw << 16 : x.xz >> 16 | x.yw & 0xffff0000;
}

void main()
{
    uint lane = gl_LocalInvocationID.x;
    uint row0_ = gl_WorkGroupID.y * BM, col0 = gl_WorkGroupID.x * BN;
    uint aFirst = aStart(), bFirst = bStart();
    uint wm = gl_SubgroupID / (BN / WN) * WM, wn = gl_SubgroupID % (BN / WN) * WN;

#ifdef A_CONV
    uint depth = K / (SIDE * SIDE);
#else
    // The rows that this invocation fetches, the same in every step.
    Row rows[LA];
    [[unroll]] for (uint i = 0; i < LA; i++)
        rows[i] = rowOf(aFirst, row0_ + (lane + i * THREADS) / (BK / 8));
    if (NORM) {
        for (uint m = lane; m < BM; m += THREADS)
            rowStatistics[m] = statistics(rowOf(aFirst, row0_ + m));
        barrier();
    }
#endif

    MATRIX_C acc[WM / CM * (WN / CN)];
    [[unroll]] for (uint i = 0; i < WM / CM * (WN / CN); i++)
        acc[i] = MATRIX_C(0);

    uvec4 nextA[LA], nextB[COLUMNS ? 2 * LC : LB];
#define FETCH(k0) \
    [[unroll]] for (uint i = 0; i < LA; i++) { \
        uint e = lane + i * THREADS, k = e % (BK / 8) * 8, m = min(e / (BK / 8), BM - 1); \
        nextA[i] = FETCH_A(i, k0, k, m); \
    } \
    if (COLUMNS) { \
        [[unroll]] for (uint i = 0; i < LC; i++) { \
            uint e = lane + i * THREADS, k = (k0) + e / (BN / 4) * 4, col = col0 + e % (BN / 4) * 4; \
            uint at = (bFirst + min(k, K - 4) * ldb + min(col, N - 4)) / 4; \
            nextB[2 * i] = uvec4(b[at], b[at + ldb / 4]); \
            nextB[2 * i + 1] = uvec4(b[at + ldb / 2], b[at + 3 * (ldb / 4)]); \
        } \
    } else { \
        [[unroll]] for (uint i = 0; i < LB; i++) { \
            uint e = lane + i * THREADS, k = (k0) + e / (BN / 8), col = col0 + e % (BN / 8) * 8; \
            nextB[i] = uvec4(fetchB(bFirst, k, col), fetchB(bFirst, k, col + 4)); \
        } \
    }
    NEXT_TAP(0)
    FETCH(0)
    [[dont_unroll]] for (uint k0 = 0; k0 < K; k0 += BK) {
        [[unroll]] for (uint i = 0; i < LA; i++) {
            uint e = lane + i * THREADS;
            if (BM * BK / 8 % THREADS == 0 || e < BM * BK / 8)
                pool[e / (BK / 8) * LDA + e % (BK / 8)] = nextA[i];
        }
        if (COLUMNS) {
            [[unroll]] for (uint i = 0; i < LC; i++) {
                uint e = lane + i * THREADS, k = e / (BN / 4), n = e % (BN / 4) * 4;
                if (BK * BN / 16 % THREADS == 0 || e < BK * BN / 16) {
                    [[unroll]] for (uint c = 0; c < 4; c++) {
                        uvec2 v = column(nextB[2 * i], nextB[2 * i + 1], c);
                        uint at = BM * LDA + (n + c) * LDB + k / 2;
                        pool[at][k % 2 * 2] = v.x;
                        pool[at][k % 2 * 2 + 1] = v.y;
                    }
                }
            }
        } else {
            [[unroll]] for (uint i = 0; i < LB; i++) {
                uint e = lane + i * THREADS;
                if (BK * BN / 8 % THREADS == 0 || e < BK * BN / 8)
                    pool[BM * LDA + e / (BN / 8) * LDB + e % (BN / 8)] = nextB[i];
            }
        }
        barrier();
        if (k0 + BK < K) {
            NEXT_TAP(k0 + BK)
            FETCH(k0 + BK)
        }
        [[unroll]] for (uint k = 0; k < BK; k += CK) {
            MATRIX_A ma[WM / CM];
            [[unroll]] for (uint i = 0; i < WM / CM; i++)
                coopMatLoadNV(ma[i], pool, (wm + i * CM) * LDA + k / 8, LDA, false);
            [[unroll]] for (uint j = 0; j < WN / CN; j++) {
                MATRIX_B mb;
                if (COLUMNS)
                    coopMatLoadNV(mb, pool, BM * LDA + (wn + j * CN) * LDB + k / 8, LDB, true);
                else
                    coopMatLoadNV(mb, pool, BM * LDA + k * LDB + (wn + j * CN) / 8, LDB, false);
                [[unroll]] for (uint i = 0; i < WM / CM; i++)
                    acc[i * (WN / CN) + j] = coopMatMulAddNV(ma[i], mb, acc[i * (WN / CN) + j]);
            }
        }
        barrier();
    }

    uint cFirst = cStart(), mine = gl_SubgroupID * CM * LDC;
    [[dont_unroll]] for (uint down = 0; down < WM / CM; down++) {
        // Indices into acc are constants, or NVK puts it into memory.
        [[unroll]] for (uint i = 0; i < WM / CM; i++)
            if (i == down)
                [[unroll]] for (uint j = 0; j < WN / CN; j++)
                    coopMatStoreNV(acc[i * (WN / CN) + j], pool, mine + j * CN / 4, LDC, false);
        barrier();
        [[dont_unroll]] for (uint e = lane % LANES; e < CM * WN / 4; e += LANES) {
            uint m = e / (WN / 4), n = e % (WN / 4);
            finish(cFirst, row0_ + wm + down * CM + m, col0 + wn + n * 4, uintBitsToFloat(pool[mine + m * LDC + n]));
        }
        barrier();
    }
}
