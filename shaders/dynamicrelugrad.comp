#version 450
// Gradients of dynamicrelu.comp for rows of a picture, g and x [rows, cols]: y like x, g times the slope of the
// larger line, or of both half where they are equal; with COEFFICIENTS parts [blocks, 4, cols] of BLOCK rows each, from
// block block0 on. An invocation takes BLOCK rows of a column.
#include "bindings.glsl"
#include "columns.glsl"

layout(constant_id = 2) const bool COEFFICIENTS = false;

layout(push_constant) uniform Push {
    uint rows, cols;
    uint gStart, xStart, yStart; // floats by which they are bound early
    uint picture; // whose coefficients are taken
    uint block0;
};

READ1(0, g);
READ1(1, x);
READ1(2, t); // [B, 4, cols]
WRITE1(3, y);

void main()
{
    Place p = place(rows, cols);
    if (p.row >= p.end)
        return;
    uint from = picture * 4 * cols + p.col;
    float a1 = 2.0 * (AT1(t, from) - 0.5) + 1.0, b1 = AT1(t, from + cols) - 0.5;
    float a2 = 2.0 * (AT1(t, from + 2 * cols) - 0.5), b2 = AT1(t, from + 3 * cols) - 0.5;
    vec4 sums = vec4(0);
    for (uint r = p.row; r < p.end; r++) {
        uint at = r * cols + p.col;
        float u = AT1(g, gStart + at), v = AT1(x, xStart + at);
        float line1 = v * a1 + b1, line2 = v * a2 + b2;
        float first = line1 > line2 ? 1.0 : line1 < line2 ? 0.0 : 0.5, second = 1.0 - first;
        if (COEFFICIENTS)
            sums += u * vec4(first * 2.0 * v, first, second * 2.0 * v, second);
        else
            y[yStart + at] = u * (first * a1 + second * a2);
    }
    if (COEFFICIENTS)
        [[unroll]] for (uint k = 0; k < 4; k++)
            y[((block0 + p.row / BLOCK) * 4 + k) * cols + p.col] = sums[k];
}
