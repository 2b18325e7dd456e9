// Operands, push constants, loads and epilogue of the matrix product
//   C[row, col] = epilogue(alpha * sum over k of A[row, k] * B[k, col])
// for a batch of products numbered (g, h), h < heads: operand X begins at element
// xBase + g*xG + h*xH. Offsets and strides are in elements.
//
// Defines: A_SCALAR, C_SCALAR when rows of A or C are no multiple of 4;
// B_TRANSPOSED when B is stored [col, k] (k fastest), B_SCALAR when its rows are no
// multiple of 4. Without them every access is a whole vec4.
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
};

#ifdef A_SCALAR
READ1(0, a);
#else
READ4(0, a);
#endif
#ifdef B_SCALAR
READ1(1, b);
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
WRITE4(4, c);
#endif

layout(constant_id = 1) const bool BIAS = false;     // add bias[col]
layout(constant_id = 2) const bool GELU = false;     // then GELU
layout(constant_id = 3) const bool RESIDUAL = false; // then add residual[row, col], laid out as C

// Starts of the operands of this product.
uint aStart() { return aBase + gl_WorkGroupID.z / heads * aG + gl_WorkGroupID.z % heads * aH; }
uint bStart() { return bBase + gl_WorkGroupID.z / heads * bG + gl_WorkGroupID.z % heads * bH; }
uint cStart() { return cBase + gl_WorkGroupID.z / heads * cG + gl_WorkGroupID.z % heads * cH; }

// loadA is A[row, k..k+3] of the row that begins at element start.
vec4 loadA(uint start, uint k)
{
#ifdef A_SCALAR
    uint last = start + K - 1;
    vec4 v;
    [[unroll]] for (uint i = 0; i < 4; i++)
        v[i] = k + i < K ? AT1(a, min(start + k + i, last)) : 0.0;
    return v;
#else
    return k < K ? AT4(a, (start + k) / 4) : vec4(0);
#endif
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
    return AT4(b, (start + k * ldb + min(col, N - 4)) / 4);
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
#ifdef C_SCALAR
    [[unroll]] for (uint i = 0; i < 4; i++) {
        if (col + i < N) {
            float x = v[i];
            if (BIAS) x += AT1(bias, col + i);
            if (GELU) x = gelu(x);
            if (RESIDUAL) x += AT1(residual, at + i);
            c[at + i] = x;
        }
    }
#else
    if (BIAS) v += AT4(bias, col / 4);
    if (GELU) v = gelu(v);
    if (RESIDUAL) v += AT4(residual, at / 4);
    c[at / 4] = v;
#endif
}
