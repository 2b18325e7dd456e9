#version 450
// Each row of x [rows, cols in V's] times its factor, or divided by it: y, which may be the same
// memory. Each invocation takes ITEMS V's.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;
layout(constant_id = 2) const bool DIVIDE = false;

layout(push_constant) uniform Push {
    uint count, cols; // in V's
    uint begin;       // of the factors
};

READV(0, x);
READ1(1, factors);
WRITEV(2, y);

void main()
{
    uint start = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = start + i * gl_WorkGroupSize.x;
        if (e < count) {
            float f = AT1(factors, begin + e / cols);
            y[e] = OUTV(DIVIDE ? ATV(x, e) / f : ATV(x, e) * f);
        }
    }
}
