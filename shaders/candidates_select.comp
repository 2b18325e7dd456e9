#version 450
// A later step: counts digit DIGIT of the keys in one part's list whose earlier digits are
// those of the last key to stay (include/selection.glsl). Workgroups share the list in turns.
#include "bindings.glsl"

layout(constant_id = 1) const uint DIGIT = 1;
layout(constant_id = 2) const uint INDEX_DIGITS = 3;
layout(constant_id = 3) const uint LIMIT = 1000;

layout(push_constant) uniform Push {
    uint part;
};

READ1(0, listQ);
READ1(1, listIndex);
layout(std430, set = 0, binding = 2) restrict buffer Control { uint control[]; };

#include "selection.glsl"

void main()
{
    State s = stateAfter(DIGIT);
    if (s.all)
        return;
    uint count = control[PART0 + part], stride = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    for (uint i = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x; i < count; i += stride) {
        Key key = keyOf(AT1(listQ, i), AT1(listIndex, i));
        if (begins(key, s.key, DIGIT))
            atomicAdd(control[DIGIT * BINS + digitOf(key, DIGIT)], 1);
    }
}
