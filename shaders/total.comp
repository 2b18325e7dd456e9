#version 450
// Parts of the sum of all elements of x, or with SQUARES of their squares: terms invocations take every terms-th of
// count V's each, and store their sums one after the other, from yStart on.
#include "bindings.glsl"

layout(constant_id = 1) const bool SQUARES = false;

layout(push_constant) uniform Push {
    uint count; // V's
    uint terms;
    uint yStart;
};

READV(0, x);
WRITE1(1, y);

void main()
{
    uint e = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    if (e >= terms)
        return;
    V sum = V(0);
    for (uint i = e; i < count; i += terms) {
        V v = ATV(x, i);
        sum += SQUARES ? v * v : v;
    }
    y[yStart + e] = SUM(sum);
}
