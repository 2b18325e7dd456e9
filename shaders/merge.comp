#version 450
// Patch merging: [B, H, W, C] -> [B, ceil(H/2), ceil(W/2), 4C]. Channel 4c + 2ky + kx of
// the output is channel c of the neighbour (2y+ky, 2x+kx), 0 beyond the map. One
// invocation reads one V of each neighbour and writes their 2 x 2 interleaving.
#include "bindings.glsl"

layout(push_constant) uniform Push {
    uint rows, cols;      // output rows, V's of an input row
    uint outRow0, inRow0; // rows at which the bound ranges begin
    uint mapH, mapW;      // input map
    uint outH, outW;
};

READV(0, x);
WRITE4(1, y);

V neighbour(uint b, uint i, uint j, uint c)
{
    return i < mapH && j < mapW ? ATV(x, ((b * mapH + i) * mapW + j - inRow0) * cols + c) : V(0);
}

void main()
{
    uint e = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    if (e >= rows * cols)
        return;
    uint row = outRow0 + e / cols, c = e % cols;
    uint b = row / (outH * outW), i = row % (outH * outW) / outW * 2, j = row % outW * 2;
    V v00 = neighbour(b, i, j, c), v01 = neighbour(b, i, j + 1, c);
    V v10 = neighbour(b, i + 1, j, c), v11 = neighbour(b, i + 1, j + 1, c);
#if VEC == 4
    [[unroll]] for (uint k = 0; k < 4; k++)
        y[e * 4 + k] = out4(vec4(v00[k], v01[k], v10[k], v11[k]));
#else
    y[e] = out4(vec4(v00, v01, v10, v11));
#endif
}
