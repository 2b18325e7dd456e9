#version 450
// Last step of GroupNorm's gradient, for rows of a picture: scale * (u - mean of u - h * mean of u*h), h being x
// normed and u = g * weight, the means over a group. An invocation takes BLOCK rows of a column.
#include "bindings.glsl"
#include "columns.glsl"

layout(push_constant) uniform Push {
    uint rows, cols;
    uint gStart, xStart, yStart; // floats by which they are bound early
    uint width;  // columns of each pair of statistics
    uint across; // columns of a group
    float count; // elements of a group
};

READ1(0, g);
READ1(1, x);
READ1(2, statistics); // mean and 1/sqrt(variance + eps)
READ1(3, sums);       // [2, cols]: of g and of g*h
READ1(4, weight);
WRITE1(5, y);

void main()
{
    Place p = place(rows, cols);
    if (p.row >= p.end)
        return;
    float mean = AT1(statistics, p.col / width * 2), scale = AT1(statistics, p.col / width * 2 + 1);
    float sum = 0.0, product = 0.0;
    uint begin = p.col - p.col % across;
    for (uint c = begin; c < begin + across; c++) {
        sum += AT1(weight, c) * AT1(sums, c);
        product += AT1(weight, c) * AT1(sums, cols + c);
    }
    sum /= count;
    product /= count;
    float w = AT1(weight, p.col);
    for (uint r = p.row; r < p.end; r++) {
        uint at = r * cols + p.col;
        float h = (AT1(x, xStart + at) - mean) * scale;
        y[yStart + at] = scale * (AT1(g, gStart + at) * w - sum - h * product);
    }
}
