#version 450
// The last step: each kept pair finds its row, which is how many keys come before its own,
// and writes it: q, p, position, label from 1, the position's four deltas. The dispatch of
// the first part makes the rows that are left over 0. One dispatch writes the pairs of one
// part, pair0..pair0+pairs-1.
#include "bindings.glsl"

layout(constant_id = 1) const uint LIMIT = 1000;

layout(push_constant) uniform Push {
    uint labels, pair0, pairs;
    uint pStart, dStart, yStart; // floats by which the operands are bound early
};

READ4(0, keptQ);
READ4(1, keptIndex);
READ1(2, p);
READ1(3, deltas);
WRITE1(4, y); // [LIMIT, 8]
layout(std430, set = 0, binding = 5) restrict buffer Control { uint control[]; };

const uint INDEX_DIGITS = 3; // not used here
#include "selection.glsl"

void main()
{
    uint me = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    if (me >= LIMIT)
        return;
    uint count = min(control[KEPT], LIMIT);
    if (me >= count) {
        if (pair0 == 0)
            for (uint i = 0; i < 8; i++)
                y[yStart + 8 * me + i] = 0.0;
        return;
    }
    float q = AT4(keptQ, me / 4)[me % 4], index = AT4(keptIndex, me / 4)[me % 4];
    uint bits = floatBitsToUint(q);
    uint pair = uint(index) - pair0;
    if (pair >= pairs)
        return;
    uint row = 0;
    for (uint j = 0; j < count; j += 4) {
        uvec4 keys = floatBitsToUint(AT4(keptQ, j / 4));
        vec4 indices = AT4(keptIndex, j / 4);
        [[unroll]] for (uint k = 0; k < 4; k++)
            row += j + k < count && (keys[k] > bits || keys[k] == bits && indices[k] < index) ? 1 : 0;
    }
    uint to = yStart + 8 * row, position = pair / labels, label = pair % labels;
    y[to] = q;
    y[to + 1] = AT1(p, pStart + pair);
    y[to + 2] = float(uint(index) / labels);
    y[to + 3] = float(label + 1);
    for (uint i = 0; i < 4; i++)
        y[to + 4 + i] = AT1(deltas, dStart + 4 * position + i);
}
