#version 450
// First step of the selection of candidates: the pairs with p > threshold whose q is a number go to a list, in
// no order, as q = p*sigmoid(centerness) and the pair's number position*labels + label, and
// the first digit of their keys is counted. One dispatch covers `count` pairs from pair0 on,
// whole positions, and has a list and a place in control of its own.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;
const uint INDEX_DIGITS = 3, LIMIT = 0; // no matter for the first digit

layout(push_constant) uniform Push {
    uint count; // of V's
    uint labels, pair0, part;
    uint pStart, cStart; // V's and floats by which the operands are bound early
    float threshold;
};

READV(0, p);
READ1(1, centerness);
WRITE1(2, listQ);
WRITE1(3, listIndex);
layout(std430, set = 0, binding = 4) restrict buffer Control { uint control[]; };

#include "selection.glsl"

// add puts pair e of this dispatch, whose score is v, into the list.
void add(float v, uint e)
{
    float c = AT1(centerness, cStart + e / labels);
    float q = v / (1.0 + exp(-c));
    if (isnan(c) || isnan(q))
        return;
    uint at = atomicAdd(control[PART0 + part], 1);
    float index = float(pair0 + e); // below 2^24, so exact
    listQ[at] = q;
    listIndex[at] = index;
    atomicAdd(control[digitOf(keyOf(q, index), 0)], 1);
}

void main()
{
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count) {
            V v = ATV(p, pStart + e);
#if VEC == 4
            uvec4 above = uvec4(greaterThan(v, vec4(threshold)));
            uint left = above.x | above.y << 1 | above.z << 2 | above.w << 3;
#else
            uint left = v > threshold ? 1 : 0;
#endif
            // Few are. A loop, because Mesa's llvmpipe skips its body where no lane
            // takes it, and of a branch runs both sides.
            [[dont_unroll]] while (left != 0) {
                uint j = uint(findLSB(left));
                left &= left - 1;
#if VEC == 4
                add(j == 0 ? v.x : j == 1 ? v.y : j == 2 ? v.z : v.w, 4 * e + j);
#else
                add(v, e);
#endif
            }
        }
    }
}
