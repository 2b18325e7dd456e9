// Rows of A that are those of a convolution (graph.Conv, graph.DeformConv), for products that go
// through shared memory: A_CONV of gemm.glsl. The includer defines BM, THREADS, row0_ of its rows.
// a is a map [B, mapH, mapW, C], K is SIDE*SIDE*C, tap after tap, C a multiple of the step along K.
// Outputs are padH x padW, down is the stride, right the padding, row0 the first row counted over
// the bound pictures. DEFORMED: om is the map of offsets and masks, of size positions
// (columns.comp says how it is read).
//
// Whenever the step comes to another tap, the invocations find out where each row of the tile
// lies, a row each.
#include "sample.glsl"

layout(constant_id = 4) const uint SIDE = 3;
layout(constant_id = 5) const bool DEFORMED = false;
READ1(5, om);

shared uvec4 tapAt[BM]; // in vec4s of a; x is NONE where a row has zeros
shared vec4 tapWeight[DEFORMED ? BM : 1];

// flat is element f of what would be channels first, from a channel on.
float flatOm(uint picture, uint channel, uint f)
{
    return AT1(om, (picture * size + f % size) * (3 * SIDE * SIDE) + channel + f / size);
}

void placeTap(uint first, uint lane, uint tap)
{
    uint outputs = padH * padW, depth = K / (SIDE * SIDE) / 4;
    for (uint m = lane; m < BM; m += THREADS) {
        uint row = row0 + min(first + m, M - 1);
        uint picture = row / outputs, place = row % outputs, base = picture * mapH * mapW;
        int y = int(place / padW * down + tap / SIDE) - int(right), x = int(place % padW * down + tap % SIDE) - int(right);
        if (DEFORMED) {
            float dy = flatOm(picture, 0, 2 * tap * outputs + place), dx = flatOm(picture, 0, (2 * tap + 1) * outputs + place);
            float mask = flatOm(picture, 2 * SIDE * SIDE, tap * outputs + place);
            Sample s = sampleAt(y, x, dy, dx, mask, int(mapH), int(mapW));
            tapAt[m] = s.real ? (base + s.token) * depth : uvec4(NONE);
            tapWeight[m] = s.weight;
        } else {
            bool real = y >= 0 && x >= 0 && y < int(mapH) && x < int(mapW);
            tapAt[m] = uvec4(real ? (base + uint(y) * mapW + uint(x)) * depth : NONE);
        }
    }
}

// loadTap is channels c..c+3 of row m of the tile at the tap last placed.
vec4 loadTap(uint m, uint c)
{
    uvec4 at = tapAt[m];
    if (at.x == NONE)
        return vec4(0);
    at += c / 4;
    vec4 v = AT4(a, at.x);
    if (DEFORMED) {
        vec4 w = tapWeight[m];
        v = v * w.x + AT4(a, at.y) * w.y + AT4(a, at.z) * w.z + AT4(a, at.w) * w.w;
    }
    return v;
}
