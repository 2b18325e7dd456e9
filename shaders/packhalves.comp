#version 450
// Four floats in two words of two 16-bit floats each, ITEMS fours an invocation. What is finite stays so.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;

layout(push_constant) uniform Push {
    uint count; // fours
};

READ4(0, x);
WRITE1(1, y);

float within(float v) { return isnan(v) || isinf(v) ? v : v > 65504.0 ? 65504.0 : v < -65504.0 ? -65504.0 : v; }

void main()
{
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count) {
            vec4 v = AT4(x, e);
            y[2 * e] = uintBitsToFloat(packHalf2x16(vec2(within(v.x), within(v.y))));
            y[2 * e + 1] = uintBitsToFloat(packHalf2x16(vec2(within(v.z), within(v.w))));
        }
    }
}
