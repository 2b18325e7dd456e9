#version 450
// Attention of one window and one head: softmax(scale q kᵀ + bias + mask) v, nothing of size
// [n, n] in memory. qkv is [windows, n, 3C], channel which*C + head*d + e; out [windows, n, C].
// An invocation has QUERIES queries, in registers, and goes over the keys CHUNK of a row of the window
// at a time, keeping the greatest score so far, the sum of exponentials relative to it, and the
// values summed with these weights; both are rescaled when the maximum grows.
// BIAS adds the relative position bias of the head, MASK -100 where the roll brought two
// tokens together; both are found from the tokens' places in the window.
//
// Keys and values are the same for all invocations of a workgroup. They are staged in
// shared memory, KEYS at a time, with the head's bias table; with TEXEL or UNIFORM (software
// drivers) they are read where they lie, and nothing is shared.
// Shared memory: 2 * KEYS * d + (2*WINDOW-1)^2 floats, with DEALT CHUNK * workgroup size more.
// Grid: (ceil(n / (workgroup size * QUERIES)), heads, windows). Defines: HALF: qkv and out are 16-bit;
// DEALT, for devices of few registers: SPLIT neighbouring invocations have one query, each a part of its
// channels, and add up their scores through shared memory; QUERIES is 1 then.
#ifdef UNIFORM
#include "address.glsl"
#else
#include "bindings.glsl"
#endif

layout(constant_id = 1) const bool BIAS = false;
layout(constant_id = 2) const bool MASK = false;
layout(constant_id = 3) const uint WINDOW = 7; // n = WINDOW * WINDOW
layout(constant_id = 4) const uint HEAD = 8;   // d / 4
layout(constant_id = 5) const uint QUERIES = 1; // that share what an invocation reads of keys and values
#if !defined(UNIFORM) && !defined(TEXEL)
layout(constant_id = 6) const uint KEYS = 7;   // a multiple of WINDOW
layout(constant_id = 7) const uint CHUNK = 7;  // keys at a time, a divisor of WINDOW
#ifdef DEALT
layout(constant_id = 8) const uint SPLIT = 4;  // divides HEAD and the workgroup size
#endif
#else
#define CHUNK WINDOW
#endif

layout(push_constant) uniform Push {
#ifdef UNIFORM
    uint64_t qkv, table, y;
#endif
    uint channels, heads;
    uint window0;      // number of the first window, counted over the batch
    uint across, down; // windows of one picture
    uint shift;
    float scale;
};

#ifndef UNIFORM
#ifdef HALF
READ4H(0, qkv);
WRITE4H(2, y);
#define QKV(i) AT4H(qkv, i)
#else
READ4(0, qkv);
WRITE4(2, y);
#define QKV(i) AT4(qkv, i)
#endif
READ1(1, table); // [(2*WINDOW-1)^2, heads]
#ifndef TEXEL
#define STAGED
shared vec4 keys[KEYS * HEAD], values[KEYS * HEAD];
shared float biases[(2 * WINDOW - 1) * (2 * WINDOW - 1)];
#endif
#endif
#ifdef DEALT
const uint PART = HEAD / SPLIT; // an invocation's vec4s of a query, a key or a value
shared float partial[CHUNK * gl_WorkGroupSize.x];
#define FROM + gl_LocalInvocationID.x % SPLIT * PART
#define QUERY(i) ((gl_WorkGroupID.x * gl_WorkGroupSize.x + gl_LocalInvocationID.x) / SPLIT)
#else
#define PART HEAD
#define FROM
#define QUERY(i) ((gl_WorkGroupID.x * QUERIES + i) * gl_WorkGroupSize.x + gl_LocalInvocationID.x)
#endif

#ifdef UNIFORM
#ifdef HALF
#define ROW4 8 // bytes of four channels
// A key's or value's row, 16-bit: word i of it in lane i % 8 of part i / 8.
const uint PARTS = (HEAD + 3) / 4;
vec2 parts[PARTS];
void readRow(uint64_t at)
{
    [[unroll]] for (uint i = 0; i < PARTS; i++) {
        Words w = Words(at + i * 32);
        parts[i] = unpackHalf2x16(deal8(w.v[0], w.v[1]));
    }
}
#define ROW(kx, which) readRow(at + uint64_t(((kx) * 3 + which) * c4) * ROW4);
vec4 element4(uint e)
{
    vec2 p = parts[e / 4];
    uint l = e % 4 * 2;
    return vec4(subgroupBroadcast(p.x, l), subgroupBroadcast(p.y, l), subgroupBroadcast(p.x, l + 1), subgroupBroadcast(p.y, l + 1));
}
#define vec4At(row, e) element4(e)
#else
#define ROW4 16
#define ROW(kx, which)
vec4 vec4At(uint64_t row, uint e) { return Vecs(row + e * 16).v[0]; }
#endif
#else
#define ROW(kx, which)
#endif

// power is exp(x), and not a number where x is none: what exp, and max below, make of
// a NaN differs by device.
float power(float x) { return isnan(x) ? x : exp(x); }

void main()
{
    uint n = WINDOW * WINDOW, c4 = channels / 4, h = heads;
    uint head = gl_WorkGroupID.y, window = gl_WorkGroupID.z;
    uint first = window * n * 3 * c4 + head * HEAD; // the window's first row, in vec4s
#ifdef UNIFORM
    uint64_t Q = qkv, T = table, Y = y;
#endif
    // The window's place in its picture.
    uint place = (window0 + window) % (across * down);
    bool cutY = MASK && place / across == down - 1;
    bool cutX = MASK && place % across == across - 1;
    const uint SIDE = 2 * WINDOW - 1;

    uint query[QUERIES], bias0[QUERIES];
    bool below[QUERIES], right[QUERIES]; // the query lies beyond the cut
    vec4 q[QUERIES * PART], acc[QUERIES * PART];
    [[unroll]] for (uint i = 0; i < QUERIES; i++) {
        query[i] = min(QUERY(i), n);
        uint at = min(query[i], n - 1), qy = at / WINDOW, qx = at % WINDOW;
        below[i] = qy >= WINDOW - shift;
        right[i] = qx >= WINDOW - shift;
        bias0[i] = (qy + WINDOW - 1) * SIDE + qx + WINDOW - 1;
        uint mine = first + at * 3 * c4 FROM;
        [[unroll]] for (uint e = 0; e < PART; e++) {
#ifndef UNIFORM
            vec4 v = QKV(mine + e);
#elif defined(HALF)
            uvec2 x = unpackUint2x32(Pairs(Q + uint64_t(mine + e) * 8).v[0]);
            vec4 v = vec4(unpackHalf2x16(x.x), unpackHalf2x16(x.y));
#else
            // Queries differ by lane: a gather of 64 bits is as dear as one of 32.
            Pairs x = Pairs(Q + uint64_t(mine + e) * 16);
            vec4 v = vec4(uintBitsToFloat(unpackUint2x32(x.v[0])), uintBitsToFloat(unpackUint2x32(x.v[1])));
#endif
            q[i * PART + e] = v * scale;
            acc[i * PART + e] = vec4(0);
        }
    }

#ifdef STAGED
    if (BIAS) {
        for (uint i = gl_LocalInvocationID.x; i < SIDE * SIDE; i += gl_WorkGroupSize.x)
            biases[i] = AT1(table, i * h + head);
    }
#endif

    const float LEAST = -3.4e38; // finite: see softmax.comp
    float peak[QUERIES], sum[QUERIES];
    [[unroll]] for (uint i = 0; i < QUERIES; i++) {
        peak[i] = LEAST;
        sum[i] = 0.0;
    }
    [[dont_unroll]] for (uint key = 0; key < n; key += CHUNK) {
#ifdef STAGED
        if (key % KEYS == 0) {
            barrier();
            uint count = min(KEYS, n - key) * HEAD;
            for (uint i = gl_LocalInvocationID.x; i < count; i += gl_WorkGroupSize.x) {
                uint from = first + (key + i / HEAD) * 3 * c4 + i % HEAD;
                keys[i] = QKV(from + c4);
                values[i] = QKV(from + 2 * c4);
            }
            barrier();
        }
        uint at = key % KEYS * HEAD FROM;
#define KEY4(kx, e) keys[at + (kx) * HEAD + (e)]
#define VALUE4(kx, e) values[at + (kx) * HEAD + (e)]
#elif defined(UNIFORM)
        uint64_t at = Q + uint64_t(first + key * 3 * c4) * ROW4;
#define KEY4(kx, e) vec4At(at + uint64_t(((kx) * 3 + 1) * c4) * ROW4, e)
#define VALUE4(kx, e) vec4At(at + uint64_t(((kx) * 3 + 2) * c4) * ROW4, e)
#else
        uint at = first + key * 3 * c4;
#define KEY4(kx, e) QKV(at + ((kx) * 3 + 1) * c4 + (e))
#define VALUE4(kx, e) QKV(at + ((kx) * 3 + 2) * c4 + (e))
#endif
        uint ky = key / WINDOW, kx0 = CHUNK == WINDOW ? 0 : key % WINDOW;
        float s[QUERIES * CHUNK];
        float top[QUERIES];
        [[unroll]] for (uint i = 0; i < QUERIES; i++)
            top[i] = peak[i];
#ifdef DEALT
        [[unroll]] for (uint kx = 0; kx < CHUNK; kx++) {
            vec4 product = vec4(0);
            [[unroll]] for (uint e = 0; e < PART; e++)
                product = fma(q[e], KEY4(kx, e), product);
            partial[kx * gl_WorkGroupSize.x + gl_LocalInvocationID.x] = product.x + product.y + product.z + product.w;
        }
        barrier();
#endif
        [[unroll]] for (uint kx = 0; kx < CHUNK; kx++) {
#ifndef DEALT
            ROW(kx, 1)
            vec4 products[QUERIES];
            [[unroll]] for (uint i = 0; i < QUERIES; i++)
                products[i] = vec4(0);
            [[unroll]] for (uint e = 0; e < HEAD; e++) {
                vec4 k = KEY4(kx, e);
                [[unroll]] for (uint i = 0; i < QUERIES; i++)
                    products[i] = fma(q[i * HEAD + e], k, products[i]);
            }
#endif
            [[unroll]] for (uint i = 0; i < QUERIES; i++) {
#ifdef DEALT
                float v = 0.0;
                [[unroll]] for (uint p = 0; p < SPLIT; p++)
                    v += partial[kx * gl_WorkGroupSize.x + gl_LocalInvocationID.x / SPLIT * SPLIT + p];
#else
                float v = products[i].x + products[i].y + products[i].z + products[i].w;
#endif
                if (BIAS) {
                    uint at = bias0[i] - ky * SIDE - kx0 - kx;
#ifdef STAGED
                    v += biases[at];
#elif defined(UNIFORM)
                    v += Floats(T + uint64_t(at * h + head) * 4).v[0];
#else
                    v += AT1(table, at * h + head);
#endif
                }
                if (MASK && ((cutY && (ky >= WINDOW - shift) != below[i]) || (cutX && (kx0 + kx >= WINDOW - shift) != right[i])))
                    v -= 100.0;
                s[i * CHUNK + kx] = v;
                top[i] = isnan(v) ? top[i] : max(top[i], v);
            }
        }
        [[unroll]] for (uint i = 0; i < QUERIES; i++) {
            float shrink = power(peak[i] - top[i]);
            peak[i] = top[i];
            sum[i] *= shrink;
            [[unroll]] for (uint kx = 0; kx < CHUNK; kx++) {
                s[i * CHUNK + kx] = power(s[i * CHUNK + kx] - top[i]);
                sum[i] += s[i * CHUNK + kx];
            }
            [[unroll]] for (uint e = 0; e < PART; e++)
                acc[i * PART + e] *= shrink;
        }
        [[unroll]] for (uint kx = 0; kx < CHUNK; kx++) {
            ROW(kx, 2)
            [[unroll]] for (uint e = 0; e < PART; e++) {
                vec4 v = VALUE4(kx, e);
                [[unroll]] for (uint i = 0; i < QUERIES; i++)
                    acc[i * PART + e] = fma(vec4(s[i * CHUNK + kx]), v, acc[i * PART + e]);
            }
        }
#ifdef DEALT
        barrier(); // until all have read, nobody writes the next ones
#endif
    }

    [[unroll]] for (uint i = 0; i < QUERIES; i++) {
        if (query[i] < n) {
            float inverse = 1.0 / sum[i];
            uint to = (window * n + query[i]) * c4 + head * HEAD FROM;
            [[unroll]] for (uint e = 0; e < PART; e++) {
                vec4 v = acc[i * PART + e] * inverse;
#ifdef UNIFORM
#ifdef HALF
                PairsOut(Y + uint64_t(to + e) * 8).v[0] = packUint2x32(uvec2(packHalf2x16(v.xy), packHalf2x16(v.zw)));
#else
                PairsOut o = PairsOut(Y + uint64_t(to + e) * 16);
                o.v[0] = packUint2x32(floatBitsToUint(v.xy));
                o.v[1] = packUint2x32(floatBitsToUint(v.zw));
#endif
#elif defined(HALF)
                y[to + e] = HALF4(v);
#else
                y[to + e] = out4(v);
#endif
            }
        }
    }
}
