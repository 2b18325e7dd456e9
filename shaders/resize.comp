#version 450
// Resizes maps x [B, H, W, cols] -> y [B, outH, outW, cols], cols in V's. The source of
// output x is x*numX/denX (likewise y): its whole part and its remainder are kept as
// integers, so no coordinate is ever rounded. Without LINEAR the whole part is the source;
// with it the source and its neighbour are mixed by remainder/den. An invocation takes one
// column and RUN neighbouring tokens of a row. One dispatch covers `rows` rows of the
// output from outRow0 on (counted over the batch); x is bound from row inRow0 on.
#include "bindings.glsl"

layout(constant_id = 1) const uint RUN = 8;
layout(constant_id = 2) const bool LINEAR = false;

layout(push_constant) uniform Push {
    uint rows, cols;
    uint outRow0, inRow0;
    uint height, width;
    uint outH, outW;
    uint numY, denY, numX, denX;
};

READV(0, x);
WRITEV(1, y);

void main()
{
    uint e = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint across = (outW + RUN - 1) / RUN;
    uint run = e / cols, c = e % cols;
    uint row = run / across;
    if (row >= rows)
        return;
    uint first = run % across * RUN, end = min(first + RUN, outW);
    uint b = (outRow0 + row) / outH, oy = (outRow0 + row) % outH;
    uint sy = oy * numY / denY;
    float fy = float(oy * numY % denY) / float(denY);
    uint above = ((b * height + sy - inRow0) * width) * cols + c;
    uint below = LINEAR && sy + 1 < height ? above + width * cols : above;
    uint to = row * outW * cols + c;

    uint sx = first * numX / denX, rest = first * numX % denX;
    uint step = numX / denX, over = numX % denX;
    for (uint ox = first; ox < end; ox++) {
        V v = ATV(x, above + sx * cols);
        if (LINEAR) {
            uint right = min(sx + 1, width - 1);
            float fx = float(rest) / float(denX);
            V top = v * (1.0 - fx) + ATV(x, above + right * cols) * fx;
            V bottom = ATV(x, below + sx * cols) * (1.0 - fx) + ATV(x, below + right * cols) * fx;
            v = top * (1.0 - fy) + bottom * fy;
        }
        y[to + ox * cols] = OUTV(v);
        sx += step;
        rest += over;
        if (rest >= denX) {
            rest -= denX;
            sx++;
        }
    }
}
