#version 450
// Last step of GroupNorm: y = (x - mean) * scale * weight + bias, mean and scale being
// those of the group, `across` neighbouring columns of V's.
#include "bindings.glsl"
#include "columns.glsl"

layout(push_constant) uniform Push {
    uint rows, cols;
    uint xStart, yStart; // V's by which x and y are bound early
    uint across;
};

READV(0, x);
READ1(1, statistics); // [groups, 2]
READV(2, weight);
READV(3, bias);
WRITEV(4, y);

void main()
{
    Place p = place(rows, cols);
    uint group = p.col / across;
    float mean = AT1(statistics, 2 * group);
    V scale = AT1(statistics, 2 * group + 1) * ATV(weight, p.col), shift = ATV(bias, p.col);
    for (uint r = p.row; r < p.end; r++) {
        uint e = p.col + r * cols;
        y[yStart + e] = (ATV(x, xStart + e) - mean) * scale + shift;
    }
}
