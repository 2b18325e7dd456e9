#version 450
// y = f(a, b), element by element; MODE says which f (kernels/slope.go): gradients g times the slope
// of a function at x or by its result, and moving averages of gradients. A slope of 0 takes even
// an infinite gradient away; at NaN there is none. Each invocation takes ITEMS V's.
#include "bindings.glsl"
#include "gelu.glsl"

layout(constant_id = 1) const uint ITEMS = 4;
layout(constant_id = 2) const uint MODE = 0;

const uint GELU = 0;        // g * the derivative at x
const uint RELU = 1;        // g where x > 0
const uint SIGMOID = 2;     // g * x * (1 - x) of channels from `from` on, g of those before
const uint HARDSIGMOID = 3; // g / 6 where -3 < x < 3
const uint CLAMP = 4;       // g where -by <= x <= by
const uint FIRST = 5;       // by * a + rest * s b, s being factor[0]
const uint SECOND = 6;      // by * a + rest * (s b)^2

layout(push_constant) uniform Push {
    uint count;   // of V's
    uint channel; // of the first element
    uint cols, from;
    float by, rest;
};

READV(0, a);
READV(1, b);
READ1(2, factor); // bound to something else in other modes, and not read
WRITEV(3, y);

// below is the normal distribution's share below x.
float below(float x) { return abs(x) < 1e-20 ? 0.5 : gelu(x) / x; }

float where(bool takes, float g, float x) { return isnan(x) ? x : takes ? g : 0.0; }

float one(float g, float x, uint c)
{
    if (MODE == GELU)
        return isnan(x) ? x : g * (below(x) + x * 0.3989422804 * exp(-0.5 * x * x));
    if (MODE == RELU)
        return where(x > 0.0, g, x);
    if (MODE == SIGMOID)
        return c % cols < from ? g : g * x * (1.0 - x);
    if (MODE == HARDSIGMOID)
        return where(x > -3.0 && x < 3.0, g / 6.0, x);
    if (MODE == CLAMP)
        return where(x >= -by && x <= by, g, x);
    float v = AT1(factor, 0) * x;
    return by * g + rest * (MODE == SECOND ? v * v : v);
}

#if VEC == 4
vec4 each(vec4 g, vec4 x, uint c) { return vec4(one(g.x, x.x, c), one(g.y, x.y, c + 1), one(g.z, x.z, c + 2), one(g.w, x.w, c + 3)); }
#else
float each(float g, float x, uint c) { return one(g, x, c); }
#endif

void main()
{
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count)
            y[e] = OUTV(each(ATV(a, e), ATV(b, e), channel + e * VEC));
    }
}
