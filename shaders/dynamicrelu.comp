#version 450
// y = max(x*A1 + B1, x*A2 + B2) for one picture, coefficients by channel: of t, four
// blocks of cols V's, A1 = 2(t0 - 0.5) + 1, B1 = t1 - 0.5, A2 = 2(t2 - 0.5), B2 = t3 - 0.5.
#include "bindings.glsl"
#include "channels.glsl"

layout(push_constant) uniform Push {
    uint count, cols; // V's
    uint start;   // V's by which x and y are bound early
    uint picture; // whose coefficients are taken
};

READV(0, x);
READV(1, t); // [B, 4, cols]
WRITEV(2, y);

// greater is the greater of two numbers, NaN if one is none: max is free to drop it.
float greater(float a, float b) { return isnan(a) || a > b ? a : b; }
vec4 greater(vec4 a, vec4 b) { return vec4(greater(a.x, b.x), greater(a.y, b.y), greater(a.z, b.z), greater(a.w, b.w)); }

void main()
{
    uint t0 = picture * 4 * cols;
    EACH_CHANNEL(count, cols) {
        uint at = t0 + c;
        V a1 = 2.0 * (ATV(t, at) - 0.5) + 1.0, b1 = ATV(t, at + cols) - 0.5;
        V a2 = 2.0 * (ATV(t, at + 2 * cols) - 0.5), b2 = ATV(t, at + 3 * cols) - 0.5;
        V v = ATV(x, start + e);
        y[start + e] = OUTV(greater(v * a1 + b1, v * a2 + b2));
    }
}
