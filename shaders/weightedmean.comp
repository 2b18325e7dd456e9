#version 450
// y = (sum of gate*map over BRANCHES branches) / BRANCHES for one picture; gates are
// [B, 1], of which number `picture` is taken. Maps of branches that are not there are
// bound to others and not read. Each invocation takes ITEMS V's.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;
layout(constant_id = 2) const uint BRANCHES = 3; // 1 to 3

layout(push_constant) uniform Push {
    uint count;
    uint start; // V's by which maps and y are bound early
    uint picture;
};

READV(0, map0);
READ1(1, gate0);
READV(2, map1);
READ1(3, gate1);
READV(4, map2);
READ1(5, gate2);
WRITEV(6, y);

void main()
{
    float g0 = AT1(gate0, picture), g1 = AT1(gate1, picture), g2 = AT1(gate2, picture);
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count) {
            e += start;
            V v = g0 * ATV(map0, e);
            if (BRANCHES > 1)
                v += g1 * ATV(map1, e);
            if (BRANCHES > 2)
                v += g2 * ATV(map2, e);
            y[e] = OUTV(v / float(BRANCHES));
        }
    }
}
