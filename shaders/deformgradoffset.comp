#version 450
// Gradient of the offsets and masks of a deformable convolution: columns [rows, SIDE*SIDE*C] is
// what the samples of some rows get (columns.comp), x [B, H, W, C] the map. Each invocation takes a
// sample and writes its three elements of y, of om's shape, where the forward operation read them.
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
READV(1, x);
READ1(2, om);
WRITE1(3, y);

void main()
{
    uint e = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    const uint TAPS = SIDE * SIDE;
    if (e >= rows * TAPS)
        return;
    uint outputs = outH * outW, row = row0 + e / TAPS, tap = e % TAPS;
    uint picture = row / outputs, place = row % outputs, omFirst = picture * positions;
    uint fy = 2 * tap * outputs + place, fx = fy + outputs, fm = tap * outputs + place;
    uint atY = (omFirst + fy % positions) * (3 * TAPS) + fy / positions;
    uint atX = (omFirst + fx % positions) * (3 * TAPS) + fx / positions;
    uint atMask = (omFirst + fm % positions) * (3 * TAPS) + 2 * TAPS + fm / positions;
    float dy = AT1(om, atY), dx = AT1(om, atX), mask = AT1(om, atMask);
    int ty = int(place / outW * stride + tap / SIDE) - int(pad), tx = int(place % outW * stride + tap % SIDE) - int(pad);
    float py = float(ty) + dy, px = float(tx) + dx;
    float downs = floor(dy), rights = floor(dx), down = dy - downs, right = dx - rights;
    bool inside = py > -1.0 && px > -1.0 && py < float(mapH) && px < float(mapW);
    vec4 part = vec4(0); // of the corners, row by row: what the sample gets times what is there
    if (inside) {
        ivec2 corner = ivec2(ty + int(downs), tx + int(rights));
        [[dont_unroll]] for (uint q = 0; q < 4; q++) {
            ivec2 at = corner + ivec2(q / 2, q % 2);
            if (at.x < 0 || at.y < 0 || at.x >= int(mapH) || at.y >= int(mapW))
                continue;
            uint from = ((picture * mapH + uint(at.x)) * mapW + uint(at.y)) * channels;
            float sum = 0.0;
            [[dont_unroll]] for (uint c = 0; c < channels; c++)
                sum += dot(ATV(columns, e * channels + c), ATV(x, from + c));
            part[q] = sum;
        }
    }
    vec2 left = part.xz, there = part.yw; // upper and lower
    vec2 across = left * (1.0 - right) + there * right, steep = there - left;
    y[atY] = mask * (across.y - across.x);
    y[atX] = mask * (steep.x * (1.0 - down) + steep.y * down);
    y[atMask] = across.x * (1.0 - down) + across.y * down;
}
