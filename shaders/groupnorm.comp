#version 450
// Last step of GroupNorm: y = (x - mean) * scale * weight + bias, mean and scale being
// those of the column's group.
#include "bindings.glsl"
#include "channels.glsl"

layout(push_constant) uniform Push {
    uint count, cols; // V's
    uint xStart, yStart; // V's by which x and y are bound early
};

READV(0, x);
READ1(1, statistics); // [cols, 2]
READV(2, weight);
READV(3, bias);
WRITEV(4, y);

void main()
{
    EACH_CHANNEL(count, cols) {
        float mean = AT1(statistics, 2 * c), scale = AT1(statistics, 2 * c + 1);
        y[yStart + e] = OUTV((ATV(x, xStart + e) - mean) * (scale * ATV(weight, c)) + ATV(bias, c));
    }
}
