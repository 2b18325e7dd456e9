#version 450
// Layout change of pictures: x [tokens, C] -> y [C, tokens] of each, through a tile in
// shared memory, so that both sides are read and written along their fast axis. One
// dispatch covers channels channel0.. +channels and tokens token0.. +tokens; x is bound
// from token0 on, y from channel0 on. A workgroup moves TILE x TILE floats of a picture.
// Grid: (ceil(tokens / TILE), ceil(channels / TILE), pictures).
#include "bindings.glsl"

layout(constant_id = 1) const uint TILE = 16;

layout(push_constant) uniform Push {
    uint tokens, token0, allTokens;
    uint channels, channel0, allChannels;
    uint xStart, yStart; // elements by which the bound ranges begin early
};

READ1(0, x);
WRITE1(1, y);

shared float tile[TILE * (TILE + 1)];

void main()
{
    uint picture = gl_WorkGroupID.z * allTokens * allChannels;
    uint token = gl_WorkGroupID.x * TILE, channel = gl_WorkGroupID.y * TILE;
    for (uint e = gl_LocalInvocationID.x; e < TILE * TILE; e += gl_WorkGroupSize.x) {
        uint t = token + e / TILE, c = channel + e % TILE;
        if (t < tokens && c < channels)
            tile[e / TILE * (TILE + 1) + e % TILE] = AT1(x, xStart + picture + t * allChannels + channel0 + c);
    }
    barrier();
    for (uint e = gl_LocalInvocationID.x; e < TILE * TILE; e += gl_WorkGroupSize.x) {
        uint c = channel + e / TILE, t = token + e % TILE;
        if (t < tokens && c < channels)
            y[yStart + picture + c * allTokens + token0 + t] = tile[e % TILE * (TILE + 1) + e / TILE];
    }
}
