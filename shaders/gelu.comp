#version 450
// y = GELU(x), element by element (include/gelu.glsl). Each invocation takes ITEMS V's.
#include "bindings.glsl"
#include "gelu.glsl"

layout(constant_id = 1) const uint ITEMS = 4;

layout(push_constant) uniform Push {
    uint count; // of V's
};

READV(0, x);
WRITEV(1, y);

void main()
{
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count)
            y[e] = OUTV(gelu(ATV(x, e)));
    }
}
