#version 450
// What packhalves.comp stored, in 32 bits again.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;

layout(push_constant) uniform Push {
    uint count; // fours
};

READ1(0, x);
WRITE4(1, y);

void main()
{
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count) {
            vec2 low = unpackHalf2x16(floatBitsToUint(AT1(x, 2 * e))), high = unpackHalf2x16(floatBitsToUint(AT1(x, 2 * e + 1)));
            y[e] = out4(vec4(low, high));
        }
    }
}
