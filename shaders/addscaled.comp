#version 450
// z = x + gamma*y, gamma by channel: x and y [rows, cols V's], gamma [cols].
#include "bindings.glsl"
#include "columns.glsl"

layout(push_constant) uniform Push {
    uint rows, cols;
};

READV(0, x);
READV(1, y);
READV(2, gamma);
WRITEV(3, z);

void main()
{
    Place p = place(rows, cols);
    V g = ATV(gamma, p.col);
    for (uint r = p.row; r < p.end; r++) {
        uint e = p.col + r * cols;
        z[e] = ATV(x, e) + g * ATV(y, e);
    }
}
