#version 450
// Rows of a convolution as the matrix product takes them: x [B, H, W, C] -> columns
// [rows, SIDE*SIDE*C], tap after tap, zeros beyond the map. DEFORM: each tap is sampled
// where om [B, Hm, Wm, 3*SIDE*SIDE] says (graph.DeformConv): offsets and masks are read
// with the strides of the output from the flat channels-first memory, element f being channel
// f / positions at position f % positions. With DILATION the map has zeros between its
// positions: of a position only every DILATIONth row and column is one of x. A workgroup makes one row, its lanes side by
// side along the channels.
#include "bindings.glsl"
#include "sample.glsl"

layout(constant_id = 1) const uint SIDE = 3;
layout(constant_id = 2) const bool DEFORM = false;
layout(constant_id = 3) const int DILATION = 1;

layout(push_constant) uniform Push {
    uint rows, row0; // row0 is the first, counted over the bound pictures
    uint channels;   // in vectors
    uint mapH, mapW, outH, outW;
    uint positions; // Hm * Wm
    uint stride, pad;
};

READV(0, x);
READ1(1, om);
WRITEV(2, columns);

void main()
{
    uint row = flatGroup();
    if (row >= rows)
        return;
    uint outputs = outH * outW, picture = (row0 + row) / outputs, place = (row0 + row) % outputs;
    int y0 = int(place / outW * stride) - int(pad), x0 = int(place % outW * stride) - int(pad);
    uint xFirst = picture * mapH * mapW, omFirst = picture * positions;
    const uint TAPS = SIDE * SIDE;
    Flat offset = Flat(0, place), masked = Flat(2 * TAPS, place);

    [[dont_unroll]] for (uint tap = 0; tap < TAPS; tap++) {
        int ty = y0 + int(tap / SIDE), tx = x0 + int(tap % SIDE);
        uint to = (row * TAPS + tap) * channels;
        if (DEFORM) {
            float dy = AT1(om, (omFirst + offset.position) * (3 * TAPS) + offset.channel);
            walk(offset, outputs, positions);
            float dx = AT1(om, (omFirst + offset.position) * (3 * TAPS) + offset.channel);
            walk(offset, outputs, positions);
            float mask = AT1(om, (omFirst + masked.position) * (3 * TAPS) + masked.channel);
            walk(masked, outputs, positions);
            Sample s = sampleAt(ty, tx, dy, dx, mask, int(mapH), int(mapW));
            uvec4 from = (xFirst + s.token) * channels;
            [[dont_unroll]] for (uint c = gl_LocalInvocationID.x; c < channels; c += gl_WorkGroupSize.x) {
                V v = ATV(x, from.x + c) * s.weight.x + ATV(x, from.y + c) * s.weight.y
                    + ATV(x, from.z + c) * s.weight.z + ATV(x, from.w + c) * s.weight.w;
                columns[to + c] = OUTV(s.real ? v : V(0));
            }
        } else {
            bool real = ty >= 0 && tx >= 0 && ty % DILATION == 0 && tx % DILATION == 0;
            ty /= DILATION;
            tx /= DILATION;
            real = real && ty < int(mapH) && tx < int(mapW);
            uint from = real ? (xFirst + uint(ty) * mapW + uint(tx)) * channels : 0;
            [[dont_unroll]] for (uint c = gl_LocalInvocationID.x; c < channels; c += gl_WorkGroupSize.x) {
                V v = ATV(x, from + c);
                columns[to + c] = OUTV(real ? v : V(0));
            }
        }
    }
}
