#version 450
// y [d0, d1, d2] of x in another order: element (i, j, k) is x[begin + i*s0 + j*s1 + k*s2].
// Filters of convolutions and their gradients are turned so. Each invocation takes ITEMS that follow one another along d1,
// neighbours are neighbours along d2.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 16;

layout(push_constant) uniform Push {
    uint d0, d1, d2;
    uint begin, s0, s1, s2; // strides count modulo 2^32, so they can be negative
};

READ1(0, x);
WRITE1(1, y);

void main()
{
    uint e = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint runs = (d1 + ITEMS - 1) / ITEMS, rest = e / d2;
    uint k = e - rest * d2, i = rest / runs, first = (rest - i * runs) * ITEMS;
    if (i >= d0)
        return;
    uint from = begin + i * s0 + first * s1 + k * s2, to = (i * d1 + first) * d2 + k;
    for (uint j = first; j < min(first + ITEMS, d1); j++) {
        y[to] = AT1(x, from);
        from += s1;
        to += d2;
    }
}
