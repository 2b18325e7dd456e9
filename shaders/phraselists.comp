#version 450
// The tokens of each label of every picture: owned [labels, tokens] -> lists [labels, tokens + 1], how many,
// then their numbers, as floats. One invocation makes one list.
#include "bindings.glsl"

layout(push_constant) uniform Push {
    uint labels, tokens;
};

READ1(0, owned);
WRITE1(1, lists);

void main()
{
    uint label = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    if (label >= labels)
        return;
    uint n = 0, list = label * (tokens + 1);
    for (uint t = 0; t < tokens; t++)
        if (AT1(owned, label * tokens + t) != 0.0) {
            n++;
            lists[list + n] = float(t);
        }
    lists[list] = float(n);
}
