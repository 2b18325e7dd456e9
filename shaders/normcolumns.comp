#version 450
// Sums of BLOCK rows of each column of g times x normed, g and x [rows, cols] -> parts [blocks, cols], from
// block block0 on; with BOTH, parts [blocks, 2, cols] and the sums of g before these. Statistics are mean and
// 1/sqrt(variance + eps), of each row with ROWS, else for each `width` columns.
#include "bindings.glsl"
#include "columns.glsl"

layout(constant_id = 2) const bool ROWS = false;
layout(constant_id = 3) const bool BOTH = false;

layout(push_constant) uniform Push {
    uint rows, cols;
    uint gStart, xStart; // floats by which g and x are bound early
    uint block0, width;
};

READ1(0, g);
READ1(1, x);
READ1(2, statistics);
WRITE1(3, parts);

void main()
{
    Place p = place(rows, cols);
    if (p.row >= p.end)
        return;
    float sum = 0.0, product = 0.0;
    for (uint r = p.row; r < p.end; r++) {
        uint of = 2 * (ROWS ? r : p.col / width), at = r * cols + p.col;
        float u = AT1(g, gStart + at);
        sum += u;
        product += u * ((AT1(x, xStart + at) - AT1(statistics, of)) * AT1(statistics, of + 1));
    }
    uint to = (block0 + p.row / BLOCK) * cols;
    if (BOTH) {
        parts[2 * to + p.col] = sum;
        to = 2 * to + cols;
    }
    parts[to + p.col] = product;
}
