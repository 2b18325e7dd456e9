#version 450
// y = a + b, a * b or b alone, b tiled over a: b's coordinate is a's modulo b's size. Shapes are given
// as four sizes, slowest first, the last in V's. Each invocation takes ITEMS V's.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;
layout(constant_id = 2) const bool TILED = false; // false: equal shapes, no index arithmetic
layout(constant_id = 3) const uint MODE = 0;

const uint ADD = 0;
const uint MUL = 1;
const uint TILE = 2; // a is bound to something else and not read

layout(push_constant) uniform Push {
    uint count;  // of V's
    uint a1, a2, a3; // sizes of a, the slowest left out
    uint b0, b1, b2, b3; // sizes of b
};

READV(0, a);
READV(1, b);
WRITEV(2, y);

uint tiled(uint e)
{
    uint i3 = e % a3; e /= a3;
    uint i2 = e % a2; e /= a2;
    uint i1 = e % a1, i0 = e / a1;
    return ((i0 % b0 * b1 + i1 % b1) * b2 + i2 % b2) * b3 + i3 % b3;
}

void main()
{
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count) {
            V v = ATV(b, TILED ? tiled(e) : e);
            y[e] = OUTV(MODE == TILE ? v : MODE == MUL ? ATV(a, e) * v : ATV(a, e) + v);
        }
    }
}
