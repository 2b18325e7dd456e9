#version 450
// y = f(x), element by element; MODE says which f (kernels/unary.go). NaN stays NaN: every
// comparison is written so, because what min, max and exp make of it differs by device.
// Each invocation takes ITEMS V's.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;
layout(constant_id = 2) const uint MODE = 0;

const uint SIGMOID = 0;     // 1 / (1 + exp(-x)) of channels from `from` on, x of those before
const uint RELU = 1;        // max(x, 0)
const uint HARDSIGMOID = 2; // clamp(x + 3, 0, 6) / 6
const uint CLAMP = 3;       // min(max(x, -by), by)
const uint SCALE = 4;       // x * by
const uint MULSCALAR = 5;   // x * factor[0]
const uint EXP = 6;         // exp(x)
const uint CLIPSCALE = 7;   // min(1, by / (sqrt(x) + 1e-6))
const uint SHARE = 8;       // by / factor[0] where x is not 0

layout(push_constant) uniform Push {
    uint count;   // of V's
    uint channel; // of the first element
    uint cols, from;
    float by;
};

READV(0, x);
READ1(1, factor); // bound to something else in other modes, and not read
WRITEV(2, y);

float one(float v)
{
    if (MODE == SIGMOID)
        return isnan(v) ? v : 1.0 / (1.0 + exp(-v));
    if (MODE == RELU)
        return v < 0.0 ? 0.0 : v;
    if (MODE == HARDSIGMOID) {
        v += 3.0;
        return (v < 0.0 ? 0.0 : v > 6.0 ? 6.0 : v) / 6.0;
    }
    if (MODE == CLAMP)
        return v < -by ? -by : v > by ? by : v;
    if (MODE == EXP)
        return isnan(v) ? v : exp(v);
    if (MODE == CLIPSCALE) {
        v = by / (sqrt(v) + 1e-6);
        return v > 1.0 ? 1.0 : v;
    }
    if (MODE == SHARE)
        return v == 0.0 ? 0.0 : by / AT1(factor, 0);
    return v * by;
}

#if VEC == 4
vec4 each(vec4 v) { return vec4(one(v.x), one(v.y), one(v.z), one(v.w)); }
vec4 pass(vec4 v, vec4 f, uint e)
{
    uvec4 c = (channel + 4 * e + uvec4(0, 1, 2, 3)) % cols;
    return mix(f, v, lessThan(c, uvec4(from)));
}
#else
float each(float v) { return one(v); }
float pass(float v, float f, uint e) { return (channel + e) % cols < from ? v : f; }
#endif

void main()
{
    float s = MODE == MULSCALAR ? AT1(factor, 0) : 0.0;
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count) {
            V v = ATV(x, e);
            V f = MODE == MULSCALAR ? v * s : each(v);
            if (MODE == SIGMOID && from > 0)
                f = pass(v, f, e);
            y[e] = OUTV(f);
        }
    }
}
