#version 450
// Bicubic resize of a position embedding x [side, side, C] -> y [outH, outW, C]:
// A = -0.75, half-pixel centres, no antialiasing, taps clamped to the edge.
// One dispatch covers rows output tokens from outRow0 on; one invocation computes one V.
#include "bindings.glsl"

layout(push_constant) uniform Push {
    uint rows, cols, outRow0;
    uint side, outH, outW;
};

READV(0, x);
WRITEV(1, y);

// Weights of the four taps around a point t beyond the second.
vec4 taps(float t)
{
    const float A = -0.75;
    vec4 d = vec4(1.0 + t, t, 1.0 - t, 2.0 - t);
    vec4 far = ((A * d - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A;
    vec4 near = ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0;
    return vec4(far.x, near.y, near.z, far.w);
}

void main()
{
    uint e = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    if (e >= rows * cols)
        return;
    uint row = outRow0 + e / cols, c = e % cols;
    vec2 at = (vec2(row % outW, row / outW) + 0.5) * float(side) / vec2(outW, outH) - 0.5;
    vec2 base = floor(at);
    vec4 wx = taps(at.x - base.x), wy = taps(at.y - base.y);
    int last = int(side) - 1;
    V v = V(0);
    [[unroll]] for (int i = 0; i < 4; i++) {
        int sy = clamp(int(base.y) + i - 1, 0, last);
        V line = V(0);
        [[unroll]] for (int j = 0; j < 4; j++) {
            int sx = clamp(int(base.x) + j - 1, 0, last);
            line += wx[j] * ATV(x, uint(sy * int(side) + sx) * cols + c);
        }
        v += wy[i] * line;
    }
    y[e] = OUTV(v);
}
