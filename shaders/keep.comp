#version 450
// The dice of graph.Keep: element i is 0 where the upper 24 bits of the hash of seed, step, stream
// and i are below limit, else value. Elements begin..begin+count-1, ITEMS an invocation.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;

layout(push_constant) uniform Push {
    uint count, begin;
    uint stream, limit;
    float value;
};

READ1(0, counter); // seed and step
WRITE1(1, y);

uint mixed(uint x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ (x >> 16);
}

void main()
{
    uint start = mixed(mixed(mixed(uint(AT1(counter, 0))) ^ uint(AT1(counter, 1))) ^ stream);
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count)
            y[e] = mixed(start ^ (begin + e)) >> 8 < limit ? 0.0 : value;
    }
}
