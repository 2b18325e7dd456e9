#version 450
// z = x + gamma*y, gamma by channel: x and y [rows, cols], gamma [cols], in V's.
#include "bindings.glsl"
#include "channels.glsl"

layout(push_constant) uniform Push {
    uint count, cols; // V's
};

READV(0, x);
READV(1, y);
READV(2, gamma);
WRITEV(3, z);

void main()
{
    EACH_CHANNEL(count, cols)
        z[e] = OUTV(ATV(x, e) + ATV(gamma, c) * ATV(y, e));
}
