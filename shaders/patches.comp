#version 450
// Cuts pictures [B, channels, H, W] into patches of side size: row (b, py, px) of the
// output holds channels*size*size floats, (channel*size + ky)*size + kx; pixels beyond
// the right and bottom edge are 0. One dispatch covers `rows` rows of patches from
// outRow0 on and `taken` channels from channel0 on; x is bound from element inStart on.
// One invocation gathers ITEMS floats, lanes running along the pixels of a patch row.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;

layout(push_constant) uniform Push {
    uint rows, outRow0, inStart;
    uint channels, channel0, taken;
    uint height, width;       // pixels
    uint mapH, mapW;          // patches
    uint size;
};

READ1(0, x);
WRITE1(1, y);

void main()
{
    uint perRow = taken * size * size;
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < rows * perRow) {
            uint row = outRow0 + e / perRow, k = e % perRow;
            uint c = channel0 + k / (size * size), ky = k / size % size, kx = k % size;
            uint b = row / (mapH * mapW);
            uint py = row % (mapH * mapW) / mapW * size + ky, px = row % mapW * size + kx;
            float v = 0.0;
            if (py < height && px < width)
                v = AT1(x, ((b * channels + c) * height + py) * width + px - inStart);
            y[(e / perRow * channels + channel0) * size * size + k] = v;
        }
    }
}
