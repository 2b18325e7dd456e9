// Operands, push constants, loads and epilogue of the matrix product
//   C[row, col] = epilogue(alpha * sum over k of A[row, k] * B[k, col])
// for a batch of products numbered (g, h), h < heads: operand X begins at element
// xBase + g*xG + h*xH. Offsets and strides are in elements.
//
// Defines: A_SCALAR, C_SCALAR when rows of A or C are no multiple of 4;
// B_TRANSPOSED when B is stored [col, k] (k fastest), B_SCALAR when its rows are no
// multiple of 4; B_PADDED when N is no multiple of 4 and the rows of B go on to the next one;
// A_TRANSPOSED when A is stored [k, row] (rows fastest, read float by float);
// A_HALF, B_HALF, C_HALF when an operand has 16-bit floats. Without them every access is a
// whole vec4 of 32-bit floats. LOGITS divides by exp(scale[0]) and clamps C to +-limit.
//
// With MAPPED (one product, rows of A whole) row r of A is row0 + r through MAP
// (rowmap.glsl) of the rows of a, and with NORM it is normed: (x - mean) * scale * weight + shift.
// Rows that pad are zero after the norm; neighbours that a merge lacks are zero before it.
// A_MERGE: a row is interleaved from 2 x 2 neighbours, element 4*channel + neighbour.
// A_CONV (one product): rows are those of a convolution (conv.glsl).
//
// Rows and columns beyond M and N are clamped on load and dropped on store, so the
// inner loop has no branch; beyond K, A reads 0 and B is clamped. (So an infinity in
// the last row of B makes NaN where K is no multiple of the step; finite values do not mind.)
#include "bindings.glsl"
#include "gelu.glsl"

layout(push_constant) uniform Push {
    uint M, N, K;
    uint lda, ldb, ldc;
    uint heads;
    uint aBase, bBase, cBase;
    uint aG, aH, bG, bH, cG, cH;
    float alpha;
    uint row0;
    uint mapH, mapW, padH, padW, size, down, right;
    float eps;
    uint biasBase, biasG, biasH;
    float limit;
};
#include "rowmap.glsl"

#if defined(A_SCALAR) || defined(A_TRANSPOSED) || defined(A_MERGE)
READ1(0, a);
#elif defined(A_HALF)
READ4H(0, a);
#else
READ4(0, a);
#endif
#ifdef B_SCALAR
READ1(1, b);
#elif defined(B_HALF)
READ4H(1, b);
#else
READ4(1, b);
#endif
#ifdef C_SCALAR
READ1(2, bias);
READ1(3, residual);
WRITE1(4, c);
#else
READ4(2, bias);
READ4(3, residual);
#ifdef C_HALF
WRITE4H(4, c);
#else
WRITE4(4, c);
#endif
#endif
#ifdef MAPPED
READ4(5, weight);
READ4(6, shift);
#endif
#ifdef LOGITS
READ1(5, scale);
#endif

layout(constant_id = 1) const bool BIAS = false;     // add bias[col]
layout(constant_id = 2) const bool GELU = false;     // then GELU
layout(constant_id = 3) const bool RESIDUAL = false; // then add residual[row, col], laid out as C
#ifdef MAPPED
layout(constant_id = 4) const bool NORM = false;
layout(constant_id = 5) const uint MAP = 3;
#else
const bool NORM = false;
#endif

// Starts of the operands of this product.
uint aStart() { return aBase + gl_WorkGroupID.z / heads * aG + gl_WorkGroupID.z % heads * aH; }
uint bStart() { return bBase + gl_WorkGroupID.z / heads * bG + gl_WorkGroupID.z % heads * bH; }
uint biasStart() { return biasBase + gl_WorkGroupID.z / heads * biasG + gl_WorkGroupID.z % heads * biasH; }
uint cStart() { return cBase + gl_WorkGroupID.z / heads * cG + gl_WorkGroupID.z % heads * cH; }

// Row says where a row of A lies.
struct Row {
#ifdef A_MERGE
    uvec4 at; // first elements of the four neighbours
    bvec4 real;
#else
    uint at; // first element
    bool real; // false: a row of zeros
#endif
};

// rowOf finds row r of this product; start is aStart().
Row rowOf(uint start, uint r)
{
    Row x;
    r = min(r, M - 1);
#ifdef A_MERGE
    [[unroll]] for (uint q = 0; q < 4; q++) {
        uint from = mergeRow(row0 + r, q);
        x.real[q] = from != NONE;
        x.at[q] = x.real[q] ? from * (K / 4) : 0;
    }
#elif defined(MAPPED)
    uint from = MAP == IDENTITY ? r : sourceRow(MAP, row0 + r);
    x.real = from != NONE;
    x.at = start + (x.real ? from * lda : 0);
#else
    x.real = true;
#ifdef A_TRANSPOSED
    x.at = start + r;
#else
    x.at = start + r * lda;
#endif
#endif
    return x;
}

// loadRow is elements k..k+3 of a row before the norm, 0 beyond K.
vec4 loadRow(Row x, uint k)
{
#ifdef A_MERGE
    uint c = min(k, K - 4) / 4;
    vec4 v = vec4(AT1(a, x.at.x + c), AT1(a, x.at.y + c), AT1(a, x.at.z + c), AT1(a, x.at.w + c));
    return mix(vec4(0), v, x.real);
#elif defined(A_TRANSPOSED)
    vec4 v;
    [[unroll]] for (uint i = 0; i < 4; i++)
        v[i] = k + i < K ? AT1(a, x.at + min(k + i, K - 1) * lda) : 0.0;
    return v;
#elif defined(A_SCALAR)
    uint last = x.at + K - 1;
    vec4 v;
    [[unroll]] for (uint i = 0; i < 4; i++)
        v[i] = k + i < K ? AT1(a, min(x.at + k + i, last)) : 0.0;
    return v;
#elif defined(A_HALF)
    return k < K ? AT4H(a, (x.at + k) / 4) : vec4(0);
#else
    return k < K ? AT4(a, (x.at + k) / 4) : vec4(0);
#endif
}

// statistics are mean and scale of a row, by one invocation, in two passes. Elements
// beyond K read 0 and count in the first pass only.
vec2 statistics(Row x)
{
    vec4 sum = vec4(0);
    [[dont_unroll]] for (uint k = 0; k < K; k += 8)
        sum += loadRow(x, k) + loadRow(x, k + 4);
    float mean = dot(sum, vec4(1)) / float(K);
    vec4 squares = vec4(0);
    [[dont_unroll]] for (uint k = 0; k < K; k += 8) {
        vec4 d = loadRow(x, k) - mean, e = loadRow(x, k + 4) - mean;
        squares += d * d;
        squares += k + 4 < K ? e * e : vec4(0);
    }
    return vec2(mean, 1.0 / sqrt(dot(squares, vec4(1)) / float(K) + eps));
}

// loadA is elements k..k+3 of a row as it is multiplied.
vec4 loadA(Row x, uint k, vec2 meanScale)
{
    vec4 v = loadRow(x, k);
#ifdef MAPPED
    if (NORM) {
        uint at = min(k, K - 4) / 4;
        v = (v - meanScale.x) * meanScale.y * AT4(weight, at) + AT4(shift, at);
        if (k >= K)
            v = vec4(0);
    }
#ifndef A_MERGE
    if (MAP == PARTITION && !x.real)
        v = vec4(0);
#endif
#endif
    return v;
}

// loadB is B[k, col..col+3] with k clamped; start is that of the product.
vec4 loadB(uint start, uint k, uint col)
{
    k = min(k, K - 1);
#if defined(B_TRANSPOSED) || defined(B_SCALAR)
    vec4 v;
    [[unroll]] for (uint i = 0; i < 4; i++) {
#ifdef B_TRANSPOSED
        uint at = start + min(col + i, N - 1) * ldb + k;
#else
        uint at = start + k * ldb + min(col + i, N - 1);
#endif
#ifdef B_SCALAR
        v[i] = AT1(b, at);
#else
        v[i] = AT4(b, at / 4)[at % 4];
#endif
    }
    return v;
#else
#ifdef B_PADDED
    uint last = ldb - 4;
#else
    uint last = N - 4;
#endif
#ifdef B_HALF
    return AT4H(b, (start + k * ldb + min(col, last)) / 4);
#else
    return AT4(b, (start + k * ldb + min(col, last)) / 4);
#endif
#endif
}

// loadB4 is the block B[k..k+3, col..col+3], one vec4 per k.
void loadB4(uint start, uint k, uint col, out vec4 rows[4])
{
#if defined(B_TRANSPOSED) && !defined(B_SCALAR)
    mat4 block; // column i holds B[k..k+3, col+i]
    uint at = start + min(k, K - 4);
    [[unroll]] for (uint i = 0; i < 4; i++)
        block[i] = AT4(b, (at + min(col + i, N - 1) * ldb) / 4);
    block = transpose(block);
    [[unroll]] for (uint i = 0; i < 4; i++)
        rows[i] = block[i];
#else
    [[unroll]] for (uint i = 0; i < 4; i++)
        rows[i] = loadB(start, k + i, col);
#endif
}

// finish applies the epilogue to C[row, col..col+3] and stores what lies inside.
void finish(uint start, uint row, uint col, vec4 v)
{
    if (row >= M || col >= N)
        return;
    uint at = start + row * ldc + col;
    v *= alpha;
#ifdef LOGITS
    v /= exp(AT1(scale, 0));
#endif
#ifdef C_SCALAR
    [[unroll]] for (uint i = 0; i < 4; i++) {
        if (col + i < N) {
            float x = v[i];
            if (BIAS) x += AT1(bias, biasStart() + col + i);
            if (GELU) x = gelu(x);
            if (RESIDUAL) x += AT1(residual, at + i);
#ifdef LOGITS
            x = isnan(x) ? x : clamp(x, -limit, limit);
#endif
            c[at + i] = x;
        }
    }
#else
    if (BIAS) v += AT4(bias, (biasStart() + col) / 4);
    if (GELU) v = gelu(v);
    if (RESIDUAL) v += AT4(residual, at / 4);
#ifdef C_HALF
    c[at / 4] = HALF4(v);
#else
    c[at / 4] = out4(v);
#endif
#endif
}
