#version 450
// Gradient of the map of a deformable convolution: what the samples of some rows get, columns
// [rows, SIDE*SIDE*C] (columns.comp), is shared out to the corners of each, y [B, H, W, C] += it.
// An invocation owns a vector of channels of all positions and takes the samples in order:
// the sums have the same bits whatever else runs.
#include "bindings.glsl"
#include "sample.glsl"

layout(constant_id = 1) const uint SIDE = 3;

layout(push_constant) uniform Push {
    uint rows, row0; // row0 is the first, counted over the bound pictures
    uint channels;   // in vectors
    uint mapH, mapW, outH, outW;
    uint positions; // Hm * Wm
    uint stride, pad;
};

READV(0, columns);
READ1(1, om);
layout(std430, set = 0, binding = 2) restrict buffer Map { V y[]; };

void main()
{
    uint c = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    if (c >= channels)
        return;
    const uint TAPS = SIDE * SIDE;
    uint outputs = outH * outW;
    [[dont_unroll]] for (uint e = 0; e < rows * TAPS; e++) {
        uint row = row0 + e / TAPS, tap = e % TAPS;
        uint picture = row / outputs, place = row % outputs, omFirst = picture * positions;
        uint fy = 2 * tap * outputs + place, fx = fy + outputs, fm = tap * outputs + place;
        float dy = AT1(om, (omFirst + fy % positions) * (3 * TAPS) + fy / positions);
        float dx = AT1(om, (omFirst + fx % positions) * (3 * TAPS) + fx / positions);
        float mask = AT1(om, (omFirst + fm % positions) * (3 * TAPS) + 2 * TAPS + fm / positions);
        int ty = int(place / outW * stride + tap / SIDE) - int(pad), tx = int(place % outW * stride + tap % SIDE) - int(pad);
        Sample s = sampleAt(ty, tx, dy, dx, mask, int(mapH), int(mapW));
        if (!s.real)
            continue;
        V v = ATV(columns, e * channels + c);
        uint first = picture * mapH * mapW;
        [[unroll]] for (uint q = 0; q < 4; q++)
            y[(first + s.token[q]) * channels + c] += v * s.weight[q];
    }
}
