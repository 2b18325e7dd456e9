#version 450
// First step of GroupNorm: x [rows, cols V's] -> for each BLOCK rows of a column its mean
// and the sum of the squares of what is centred on it, two floats a column, block by block,
// from block block0 on. Two passes, the second out of the cache: the sum of x*x less that of
// the mean's squares would cancel.
#include "bindings.glsl"
#include "columns.glsl"

layout(push_constant) uniform Push {
    uint rows, cols;
    uint xStart; // V's by which x is bound early
    uint block0;
};

READV(0, x);
WRITE1(1, partial); // [blocks, cols, 2]

void main()
{
    Place p = place(rows, cols);
    if (p.row >= p.end)
        return;
    uint at = xStart + p.col;
    V sum = V(0);
    for (uint r = p.row; r < p.end; r++)
        sum += ATV(x, at + r * cols);
    float mean = SUM(sum) / float((p.end - p.row) * VEC);
    V squares = V(0);
    for (uint r = p.row; r < p.end; r++) {
        V d = ATV(x, at + r * cols) - mean;
        squares += d * d;
    }
    uint to = ((block0 + p.row / BLOCK) * cols + p.col) * 2;
    partial[to] = mean;
    partial[to + 1] = SUM(squares);
}
