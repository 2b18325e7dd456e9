#version 450
// y = x (1 - lr decay) - lr (m/c1) / (sqrt(v/c2) + eps), rates being lr, decay, c1 and c2. Each
// invocation takes ITEMS V's.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;

layout(push_constant) uniform Push {
    uint count; // of V's
    float eps;
};

READV(0, x);
READV(1, m);
READV(2, v);
READ1(3, rates);
WRITEV(4, y);

void main()
{
    float lr = AT1(rates, 0), kept = 1.0 - lr * AT1(rates, 1), c1 = AT1(rates, 2), c2 = AT1(rates, 3);
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count)
            y[e] = OUTV(ATV(x, e) * kept - lr * (ATV(m, e) / c1) / (sqrt(ATV(v, e) / c2) + eps));
    }
}
