#version 450
// Elements of patches back where they were in the map: x [B, patchesH, patchesW, cols*size*size] ->
// y [B, mapH, mapW, cols], rows of maps from outRow0 on, counted over the batch; x is bound from
// row inRow0 on. Each invocation takes ITEMS.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;

layout(push_constant) uniform Push {
    uint count, cols;
    uint outRow0, inRow0;
    uint mapH, mapW;
    uint patchesH, patchesW;
    uint size;
};

READ1(0, x);
WRITE1(1, y);

void main()
{
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count) {
            uint c = e % cols, column = e / cols % mapW, row = outRow0 + e / cols / mapW;
            uint b = row / mapH;
            row %= mapH;
            uint patch_ = (b * patchesH + row / size - inRow0) * patchesW + column / size;
            y[e] = AT1(x, ((patch_ * cols + c) * size + row % size) * size + column % size);
        }
    }
}
