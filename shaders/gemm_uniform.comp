#version 450
// Matrix product C = epilogue(rows of A times B) for software drivers that keep uniform
// values in scalar registers (include/address.glsl). A workgroup is one subgroup of LANES
// lanes. It computes rows of ROWS * SUBTILES, in tiles of ROWS x 32, over PANELS panels of
// 32 columns of B: a lane owns column l of each vector of LANES columns, ROWS accumulators
// a vector. A is read element by element, the same for all lanes; B lies in panels, and a
// vector of a panel's row is one vector load. No shared memory, no barrier beyond the subgroup.
//
// B: panel p holds columns 32p.. as [K, 32], zeros beyond N. A row of a panel is 4 vectors, in
// pairs: lane l has columns 16j + 2l and 16j + 2l + 1 of it in vectors 2j and 2j + 1, so that
// it stores neighbours. 32-bit floats lie vector by vector; 16-bit floats (B_HALF) in the
// order of columns, a word for each lane of a pair of vectors.
//
// What a row of A is: MAP (include/rowmap.glsl) of the rows of a, normed where NORM. Rows that
// are normed, padded or merged are made once for the workgroup, in scratch of ROWS *
// SUBTILES * K floats a workgroup, and read from there: padding is zero after the norm.
// So are those of a deformable convolution (DEFORM) and those that end or begin where no vec4 does
// (PADDED: of size elements, zeros up to K). What are columns of a (TURNED, else as PADDED) is staged as [tiles, K, LANES]. Rows of a plain convolution (CONV) are read from
// the map. Of convolutions, a row has K / SIDE^2 channels of each tap, one after the other;
// maps are mapH x mapW, outputs padH x padW, size positions of weight, the map of offsets
// and masks (columns.comp says how it is read), down the stride, right the padding.
// Grid: (ceil(M / (ROWS * SUBTILES)), ceil(panels / PANELS), 1).
// Defines: A_HALF, B_HALF, C_HALF: 16-bit floats. K is a multiple of 8, with A_HALF of 16; of
// a convolution, so are the channels. N is a multiple of 4 unless RAGGED.
#include "address.glsl"
#include "gelu.glsl"
#include "sample.glsl"

layout(constant_id = 1) const bool BIAS = false;
layout(constant_id = 2) const bool GELU = false;
layout(constant_id = 3) const bool RESIDUAL = false;
layout(constant_id = 4) const bool NORM = false;
layout(constant_id = 5) const uint MAP = 3;
layout(constant_id = 6) const uint ROWS = 6;
layout(constant_id = 7) const uint SUBTILES = 4;
layout(constant_id = 8) const uint PANELS = 1;
layout(constant_id = 9) const bool EDGE = false; // N is no multiple of 32
layout(constant_id = 11) const uint SIDE = 1; // of the kernel of a convolution
layout(constant_id = 12) const bool RAGGED = false; // N is no multiple of 4, or rows of C begin where no vec4 does
layout(constant_id = 13) const bool CLAMP = false; // C to +-eps, in the end
layout(constant_id = 14) const bool ACROSS = false; // tiles follow one another across the panels, not down the rows
layout(constant_id = 15) const uint RUN = 4; // vectors of a staged row, or of a tap's sample, that a turn takes

const uint LANES = 8;
const uint COLS = 32 / LANES; // vectors of a panel
layout(constant_id = 10) const uint STEP = 8; // along K, which is a multiple: with A_HALF 16 or 32

layout(push_constant) uniform Push {
    uint64_t a, b, bias, residual, c, weight, shift, scratch;
    uint M, N, K;
    float eps;
    uint mapH, mapW, padH, padW, size, down, right;
    uint row0;
    uint lda, ldc; // elements from row to row of a and of c
};
#include "rowmap.glsl"

bool staged() { return NORM || MAP == PARTITION || MAP == MERGE || MAP == DEFORM || MAP == PADDED || MAP == TURNED; }

// element LANES*i + lane of the row that begins at p
float rowVector(Vecs p, uint i) { return deal8(p.v[2 * i], p.v[2 * i + 1]); }

// source is vector i of an unnormed row: of one row of a, or interleaved from four.
float source(Vecs p[4], vec4 real, uint i)
{
    if (MAP != MERGE)
        return rowVector(p[0], i);
    // Element 4*channel + neighbour: a vector holds two channels of each neighbour.
    uint at = i / 2, odd = i % 2;
    vec4 x = p[0].v[at] * real.x, y = p[1].v[at] * real.y, z = p[2].v[at] * real.z, w = p[3].v[at] * real.w;
    return odd == 0 ? deal8(vec4(x.x, y.x, z.x, w.x), vec4(x.y, y.y, z.y, w.y))
                    : deal8(vec4(x.z, y.z, z.z, w.z), vec4(x.w, y.w, z.w, w.w));
}

// dealPairs gives lane l elements 2l and 2l + 1 of the 16 from vec4 i on; vec4s after the
// last are not read, their lanes get something.
vec2 dealPairs(Vecs p, uint i, uint last)
{
    vec4 a = p.v[EDGE ? min(i, last) : i], b = p.v[EDGE ? min(i + 1, last) : i + 1];
    vec4 c = p.v[EDGE ? min(i + 2, last) : i + 2], d = p.v[EDGE ? min(i + 3, last) : i + 3];
    return vec2(deal8(vec4(a.xz, b.xz), vec4(c.xz, d.xz)), deal8(vec4(a.yw, b.yw), vec4(c.yw, d.yw)));
}

// put writes vector i of a row, normed where asked for.
void put(Scratch to, uint i, Vecs p[4], vec4 real, bool padding, float mean, float scale, Vecs w, Vecs s)
{
    float v = source(p, real, i);
    if (NORM)
        v = (v - mean) * scale * rowVector(w, i) + rowVector(s, i);
    to.v[LANES * i + LANE] = padding ? 0.0 : v;
}

// stage writes a row of A as it is multiplied to scratch.
void stage(uint64_t base, uint k, uint row, Scratch to, Vecs w, Vecs s, float least)
{
    Vecs p[4];
    vec4 real = vec4(1);
    bool padding = false;
    if (MAP == MERGE) {
        [[unroll]] for (uint q = 0; q < 4; q++) {
            uint from = mergeRow(row, q);
            real[q] = from == NONE ? 0.0 : 1.0;
            p[q] = Vecs(base + uint64_t(from == NONE ? 0 : from) * k); // k / 4 channels
        }
    } else {
        uint from = sourceRow(MAP, row);
        padding = from == NONE;
        p[0] = Vecs(base + uint64_t(padding ? 0 : from) * k * 4);
    }
    // Several vectors at a time: a turn of a loop costs as much as many vectors.
    uint n = k / LANES, whole = n / RUN * RUN;
    float mean = 0.0, scale = 1.0;
    if (NORM) {
        float sums[4];
        [[unroll]] for (uint u = 0; u < 4; u++)
            sums[u] = 0.0;
        [[dont_unroll]] for (uint i = 0; i < whole; i += RUN)
            [[unroll]] for (uint u = 0; u < RUN; u++)
                sums[u % 4] += source(p, real, i + u);
        [[dont_unroll]] for (uint i = whole; i < n; i++)
            sums[0] += source(p, real, i);
        mean = subgroupAdd(sums[0] + sums[1] + sums[2] + sums[3]) / float(k);
        [[unroll]] for (uint u = 0; u < 4; u++)
            sums[u] = 0.0;
        [[dont_unroll]] for (uint i = 0; i < whole; i += RUN)
            [[unroll]] for (uint u = 0; u < RUN; u++) {
                float d = source(p, real, i + u) - mean;
                sums[u % 4] += d * d;
            }
        [[dont_unroll]] for (uint i = whole; i < n; i++) {
            float d = source(p, real, i) - mean;
            sums[0] += d * d;
        }
        scale = 1.0 / sqrt(subgroupAdd(sums[0] + sums[1] + sums[2] + sums[3]) / float(k) + least);
    }
    [[dont_unroll]] for (uint i = 0; i < whole; i += RUN)
        [[unroll]] for (uint u = 0; u < RUN; u++)
            put(to, i + u, p, real, padding, mean, scale, w, s);
    [[dont_unroll]] for (uint i = whole; i < n; i++)
        put(to, i, p, real, padding, mean, scale, w, s);
}

// stagePadded copies a row of count floats to scratch.
void stagePadded(Floats from, uint count, uint k, Scratch to)
{
    uint whole = count / LANES * LANES;
    [[dont_unroll]] for (uint i = 0; i < whole; i += LANES)
        to.v[i + LANE] = deal8(vec4(from.v[i], from.v[i + 1], from.v[i + 2], from.v[i + 3]),
                               vec4(from.v[i + 4], from.v[i + 5], from.v[i + 6], from.v[i + 7]));
    [[dont_unroll]] for (uint i = whole; i < k; i += LANES)
        to.v[i + LANE] = i + LANE < count ? from.v[min(i + LANE, count - 1)] : 0.0;
}

// stageTurned copies columns of size floats to scratch, those of a tile side by side: [tiles, k, LANES]. Lanes beyond
// the columns get the last one.
void stageTurned(uint64_t base, uint columns, uint lda_, uint size_, uint k, uint64_t to)
{
    [[dont_unroll]] for (uint c = 0; c < columns; c += ROWS) {
        PairsOut tile = PairsOut(to + uint64_t(c / ROWS) * (k * LANES * 4));
        bool whole = c + LANES <= columns;
        uint row = LANE / 4, column = LANE % 4 * 2; // a lane stores neighbours of one of two rows
        [[dont_unroll]] for (uint i = 0; i < k; i += 2) {
            Floats x = Floats(base + (uint64_t(min(i, size_ - 1)) * lda_ + c) * 4);
            Floats y = Floats(base + (uint64_t(min(i + 1, size_ - 1)) * lda_ + c) * 4);
            vec2 v;
            if (whole)
                v = vec2(deal8(vec4(x.v[0], x.v[2], x.v[4], x.v[6]), vec4(y.v[0], y.v[2], y.v[4], y.v[6])),
                         deal8(vec4(x.v[1], x.v[3], x.v[5], x.v[7]), vec4(y.v[1], y.v[3], y.v[5], y.v[7])));
            else {
                uint last = columns - 1 - c, first = min(column, last), second = min(column + 1, last);
                v = row == 0 ? vec2(x.v[first], x.v[second]) : vec2(y.v[first], y.v[second]);
            }
            tile.v[i * LANES / 2 + LANE] = i + row < size_ ? packUint2x32(floatBitsToUint(v)) : 0ul;
        }
    }
}

// stageDeformed writes a row of a deformable convolution to scratch.
void stageDeformed(uint64_t base, Floats om, uint k, uint row, Scratch to)
{
    const uint TAPS = SIDE * SIDE;
    uint channels = k / TAPS, n = channels / LANES, whole = n / RUN * RUN;
    uint h = mapH, w = mapW, across = padW, outputs = padH * padW, positions = size;
    uint picture = row / outputs, place = row % outputs;
    int y0 = int(place / across * down) - int(right), x0 = int(place % across * down) - int(right);
    base += uint64_t(picture) * (h * w) * channels * 4;
    uint omFirst = picture * positions;
    Flat offset = Flat(0, place), masked = Flat(2 * TAPS, place);
    [[dont_unroll]] for (uint tap = 0; tap < TAPS; tap++) {
        float dy = om.v[(omFirst + offset.position) * (3 * TAPS) + offset.channel];
        walk(offset, outputs, positions);
        float dx = om.v[(omFirst + offset.position) * (3 * TAPS) + offset.channel];
        walk(offset, outputs, positions);
        float mask = om.v[(omFirst + masked.position) * (3 * TAPS) + masked.channel];
        walk(masked, outputs, positions);
        Sample s = sampleAt(y0 + int(tap / SIDE), x0 + int(tap % SIDE), dy, dx, mask, int(h), int(w));
        Vecs p[4];
        [[unroll]] for (uint q = 0; q < 4; q++)
            p[q] = Vecs(base + uint64_t(s.token[q]) * channels * 4);
        uint first = tap * channels + LANE;
#define SAMPLED(i) \
        to.v[first + LANES * (i)] = s.real ? rowVector(p[0], i) * s.weight.x + rowVector(p[1], i) * s.weight.y \
            + rowVector(p[2], i) * s.weight.z + rowVector(p[3], i) * s.weight.w : 0.0;
        [[dont_unroll]] for (uint i = 0; i < whole; i += RUN)
            [[unroll]] for (uint u = 0; u < RUN; u++)
                SAMPLED(i + u)
        [[dont_unroll]] for (uint i = whole; i < n; i++)
            SAMPLED(i)
    }
}

// Place is the upper left corner that a row of a convolution covers.
struct Place {
    uint64_t map; // of its picture
    int y, x;
};

void main()
{
    // Push constants are read once: a read in the loop would be a read with a check.
    uint m = M, n = N, k = K, rowElements = lda, ldc_ = ldc;
    uint64_t A = a, C = c, R = residual;
    float limit = eps;
    uint first = gl_WorkGroupID.x * (ROWS * SUBTILES);
    uint count = min(ROWS * SUBTILES, m - first);
    if (staged()) {
        A = scratch + (uint64_t(gl_WorkGroupID.y) * gl_NumWorkGroups.x + gl_WorkGroupID.x) * (MAP == TURNED ? LANES * SUBTILES : ROWS * SUBTILES) * k * 4;
        uint64_t from = a;
        Vecs w = Vecs(weight), s = Vecs(shift);
        float least = eps;
        uint begin = row0 + first, padded = size;
        if (MAP == TURNED)
            stageTurned(from + uint64_t(first) * 4, count, rowElements, padded, k, A);
        [[dont_unroll]] for (uint r = 0; MAP != TURNED && r < count; r++) {
            Scratch to = Scratch(A + uint64_t(r) * k * 4);
            if (MAP == PADDED)
                stagePadded(Floats(from + uint64_t(first + r) * rowElements * 4), padded, k, to);
            else if (MAP == DEFORM)
                stageDeformed(from, Floats(weight), k, begin + r, to);
            else
                stage(from, k, first + r, to, w, s, least);
        }
        // Lanes run in step, as one vector: what remains to be said is that memory is to be in order. (A
        // subgroupBarrier cuts the shader in two for this driver and costs a third of its speed.)
        subgroupMemoryBarrierBuffer();
    }
    // Of a convolution, what lies beyond the map is a token of zeros in scratch.
    const uint TAPS = MAP == CONV ? SIDE * SIDE : 1;
    uint depth = k / TAPS, h = mapH, w = mapW, outH = padH, outW = padW, stride = down, pad = right;
    uint64_t zeros = scratch + (uint64_t(gl_WorkGroupID.y) * gl_NumWorkGroups.x + gl_WorkGroupID.x) * depth * 4;
    if (MAP == CONV) {
        Scratch to = Scratch(zeros);
        [[dont_unroll]] for (uint i = 0; i < depth; i += LANES)
            to.v[i + LANE] = 0.0;
        subgroupMemoryBarrierBuffer();
    }

    if (staged())
        rowElements = k;
    uint panelBytes = k * 128;
#ifdef B_HALF
    panelBytes = k * 64;
#endif
    uint panel0 = gl_WorkGroupID.y * PANELS, panels = min(PANELS, (n + 31) / 32 - panel0), tiles = (count + ROWS - 1) / ROWS;
    uint64_t B = b;
    [[dont_unroll]] for (uint tile = 0; tile < tiles * panels; tile++) {
        uint panel = panel0 + (ACROSS ? tile % panels : tile / tiles), s = (ACROSS ? tile / panels : tile % tiles) * ROWS;
        Place places[ROWS];
        if (MAP == CONV) {
            uint row = first + s, place = row % (outH * outW), oy = place / outW, ox = place % outW;
            uint64_t map = A + uint64_t(row / (outH * outW)) * (h * w) * (depth * 4);
            [[unroll]] for (uint i = 0; i < ROWS; i++) {
                places[i] = Place(map, int(oy * stride) - int(pad), int(ox * stride) - int(pad));
                bool more = s + i + 1 < count, wraps = ox + 1 == outW, ends = wraps && oy + 1 == outH; // then the next row's
                ox = !more ? ox : wraps ? 0 : ox + 1;
                oy = !more || !wraps ? oy : ends ? 0 : oy + 1;
                map += more && ends ? uint64_t(h * w) * (depth * 4) : 0;
            }
        }
        float acc[ROWS * COLS];
        [[unroll]] for (uint i = 0; i < ROWS * COLS; i++)
            acc[i] = 0.0;
        uint64_t p = B + uint64_t(panel) * panelBytes;
        for (uint tap = 0; tap < TAPS; tap++) {
            uint64_t at[ROWS]; // rows of A, or of a tap's tokens
            [[unroll]] for (uint i = 0; i < ROWS; i++) {
                if (MAP == CONV) {
                    int y = places[i].y + int(tap / SIDE), x = places[i].x + int(tap % SIDE);
                    bool real = y >= 0 && x >= 0 && y < int(h) && x < int(w);
                    at[i] = real ? places[i].map + uint64_t(y * w + x) * (depth * 4) : zeros;
                } else {
                    uint r = min(s + i, count - 1);
                    uint row = staged() ? r : sourceRow(MAP, first + r);
#ifdef A_HALF
                    at[i] = A + uint64_t(row) * (rowElements * 2);
#else
                    at[i] = A + uint64_t(row) * (rowElements * 4);
#endif
                }
            }
            [[dont_unroll]] for (uint k0 = 0; k0 < depth; k0 += STEP) {
#ifdef A_HALF
                vec2 av[ROWS]; // elements 2*lane and 2*lane + 1 of sixteen
#endif
                [[unroll]] for (uint u = 0; u < STEP / 4; u++) {
#ifdef A_HALF
                    if (u % 4 == 0) {
                        [[unroll]] for (uint i = 0; i < ROWS; i++) {
                            Words x = Words(at[i] + (k0 + u * 4) * 2);
                            av[i] = unpackHalf2x16(deal8(x.v[0], x.v[1]));
                        }
                    }
#else
                    vec4 av[ROWS], turned[8]; // four elements of each row, or the rows of a tile at four elements
                    if (MAP == TURNED) {
                        Rows x = Rows(A + (uint64_t(s / ROWS) * k + k0 + u * 4) * (LANES * 4));
                        [[unroll]] for (uint i = 0; i < 8; i++)
                            turned[i] = x.v[i];
                    } else {
                        [[unroll]] for (uint i = 0; i < ROWS; i++)
                            av[i] = Rows(at[i] + (k0 + u * 4) * 4).v[0];
                    }
#endif
                    [[unroll]] for (uint kk = 0; kk < 4; kk++) {
                        float bv[COLS];
#ifdef B_HALF
                        Words x = Words(p);
                        [[unroll]] for (uint j = 0; j < COLS; j += 2) {
                            vec2 two = unpackHalf2x16(deal8(x.v[(u * 4 + kk) * 4 + j], x.v[(u * 4 + kk) * 4 + j + 1]));
                            bv[j] = two.x;
                            bv[j + 1] = two.y;
                        }
#else
                        Vecs x = Vecs(p);
                        [[unroll]] for (uint j = 0; j < COLS; j++)
                            bv[j] = deal8(x.v[(u * 4 + kk) * 8 + j * 2], x.v[(u * 4 + kk) * 8 + j * 2 + 1]);
#endif
                        [[unroll]] for (uint i = 0; i < ROWS; i++) {
#ifdef A_HALF
                            float v = subgroupBroadcast(kk % 2 == 0 ? av[i].x : av[i].y, u % 4 * 2 + kk / 2);
#else
                            float v = MAP == TURNED ? turned[kk * 2 + i / 4][i % 4] : av[i][kk];
#endif
                            [[unroll]] for (uint j = 0; j < COLS; j++)
                                acc[i * COLS + j] = fma(v, bv[j], acc[i * COLS + j]);
                        }
                    }
                }
#ifdef B_HALF
                p += STEP * 64;
#else
                p += STEP * 128;
#endif
            }
        }

        // Vectors 2j and 2j + 1 of a panel have its columns 16j + 2*lane, and those plus one.
        uint rest = n / 4 - panel * 8 - 1; // vec4s of a row after the panel's first
        float added[COLS];
        Vecs shared_ = Vecs(bias + panel * 128);
        [[unroll]] for (uint j = 0; j < COLS; j += 2) {
            vec2 two = vec2(0);
            if (BIAS && RAGGED) {
                uint at = panel * 32 + j * LANES + 2 * LANE;
                two = vec2(Floats(bias).v[min(at, n - 1)], Floats(bias).v[min(at + 1, n - 1)]);
            } else if (BIAS) {
                two = dealPairs(shared_, j * 2, rest);
            }
            added[j] = two.x;
            added[j + 1] = two.y;
        }
        [[unroll]] for (uint i = 0; i < ROWS; i++) {
            if (RESIDUAL && s + i >= count) // the residual may be C itself: a row is added once
                continue;
            uint row = first + min(s + i, count - 1);
            uint64_t begin = uint64_t(row) * ldc_ + panel * 32;
            [[unroll]] for (uint j = 0; j < COLS; j += 2) {
                vec2 v = vec2(acc[i * COLS + j] + added[j], acc[i * COLS + j + 1] + added[j + 1]);
                if (GELU)
                    v = vec2(gelu(v.x), gelu(v.y));
                uint at = panel * 32 + j * LANES + 2 * LANE;
                if (RESIDUAL && RAGGED) {
                    Floats y = Floats(R + uint64_t(row) * ldc_ * 4);
                    v += vec2(y.v[min(at, n - 1)], y.v[min(at + 1, n - 1)]);
                } else if (RESIDUAL) {
                    v += dealPairs(Vecs(R + begin * 4), j * 2, rest);
                }
                if (CLAMP)
                    v = vec2(isnan(v.x) ? v.x : clamp(v.x, -limit, limit), isnan(v.y) ? v.y : clamp(v.y, -limit, limit));
                if (RAGGED) {
                    WordsOut y = WordsOut(C + uint64_t(row) * ldc_ * 4);
                    if (at < n)
                        y.v[at] = floatBitsToUint(v.x);
                    if (at + 1 < n)
                        y.v[at + 1] = floatBitsToUint(v.y);
                } else if (!EDGE || at < n) {
#ifdef C_HALF
                    WordsOut(C + begin * 2).v[j * LANES / 2 + LANE] = packHalf2x16(v);
#else
                    // One store of 64 bits is half as dear as two of 32.
                    PairsOut(C + begin * 4).v[j * LANES / 2 + LANE] = packUint2x32(floatBitsToUint(v));
#endif
                }
            }
        }
    }
}
