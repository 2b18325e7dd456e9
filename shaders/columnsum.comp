#version 450
// Sums of BLOCK rows of each column, times factor: x [rows, cols] -> y [blocks, cols],
// from block block0 on, in V's. Run twice it is the mean over a map.
#include "bindings.glsl"
#include "columns.glsl"

layout(push_constant) uniform Push {
    uint rows, cols;
    uint xStart, yStart; // V's by which x and y are bound early
    uint block0;
    float factor;
};

READV(0, x);
WRITEV(1, y);

void main()
{
    Place p = place(rows, cols);
    if (p.row >= p.end)
        return;
    V sum = V(0);
    for (uint r = p.row; r < p.end; r++)
        sum += ATV(x, xStart + p.col + r * cols);
    y[yStart + (block0 + p.row / BLOCK) * cols + p.col] = OUTV(sum * factor);
}
