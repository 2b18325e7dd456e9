#version 450
// y [d0, d1, d2] of x in another order: element (i, j, k) is x[begin + i*s0 + j*s1 + k*s2].
// Filters of convolutions and their gradients are turned so. Each invocation takes ITEMS.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;

layout(push_constant) uniform Push {
    uint count;
    uint d1, d2;
    uint begin, s0, s1, s2; // strides count modulo 2^32, so they can be negative
};

READ1(0, x);
WRITE1(1, y);

void main()
{
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count)
            y[e] = AT1(x, begin + e / (d1 * d2) * s0 + e / d2 % d1 * s1 + e % d2 * s2);
    }
}
