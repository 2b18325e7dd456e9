#version 450
// The step after all digits are chosen: the keys of one part's list that are at least the
// last one to stay go to the list of those that stay, in no order, at most LIMIT.
#include "bindings.glsl"

layout(constant_id = 1) const uint DIGIT = 7; // how many were chosen
layout(constant_id = 2) const uint INDEX_DIGITS = 3;
layout(constant_id = 3) const uint LIMIT = 1000;

layout(push_constant) uniform Push {
    uint part;
};

READ1(0, listQ);
READ1(1, listIndex);
WRITE1(2, keptQ);
WRITE1(3, keptIndex);
layout(std430, set = 0, binding = 4) restrict buffer Control { uint control[]; };

#include "selection.glsl"

void main()
{
    State s = stateAfter(DIGIT);
    uint count = control[PART0 + part], stride = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    for (uint i = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x; i < count; i += stride) {
        float q = AT1(listQ, i), index = AT1(listIndex, i);
        Key key = keyOf(q, index);
        if (key.high > s.key.high || key.high == s.key.high && key.low >= s.key.low) {
            uint at = atomicAdd(control[KEPT], 1);
            if (at < LIMIT) {
                keptQ[at] = q;
                keptIndex[at] = index;
            }
        }
    }
}
