#version 450
// y = x, count V's; the bound ranges begin early, by xStart and yStart V's. Each invocation takes ITEMS V's.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;

layout(push_constant) uniform Push {
    uint count;
    uint xStart, yStart;
};

READV(0, x);
WRITEV(1, y);

void main()
{
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count)
            y[yStart + e] = OUTV(ATV(x, xStart + e));
    }
}
