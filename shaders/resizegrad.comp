#version 450
// Gradients of resize.comp: g [B, inH, inW, cols] -> y [B, outH, outW, cols], each element of y the
// sum of what was made of it. The source of g's row r was r*numY/denY, whole part and remainder
// as there; LINEAR shares it between that row and the next. Rows of maps from outRow0 on, counted
// over the batch; g is bound from row inRow0 on.
#include "bindings.glsl"

layout(constant_id = 1) const bool LINEAR = false;

layout(push_constant) uniform Push {
    uint count, cols;
    uint outRow0, inRow0;
    uint outH, outW;
    uint inH, inW;
    uint numY, denY, numX, denX;
};

READ1(0, g);
WRITE1(1, y);

uint ceiling(uint a, uint b) { return (a + b - 1) / b; }

// readers are the first position that was made of position at, and the one behind the last.
uvec2 readers(uint at, uint num, uint den, uint size)
{
    if (num == 0)
        return uvec2(0, size);
    uint before = LINEAR ? at - min(at, 1u) : at;
    return min(uvec2(ceiling(before * den, num), ceiling((at + 1) * den, num)), uvec2(size));
}

// share is how much of position at is in position from.
float share(uint at, uint from, uint num, uint den)
{
    if (!LINEAR)
        return 1.0;
    float f = float(from * num % den) / float(den);
    return from * num / den == at ? 1.0 - f : f;
}

void main()
{
    uint e = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    if (e >= count)
        return;
    uint c = e % cols, column = e / cols % outW, row = outRow0 + e / cols / outW;
    uint b = row / outH;
    row %= outH;
    uvec2 down = readers(row, numY, denY, inH), across = readers(column, numX, denX, inW);
    float sum = 0.0;
    for (uint r = down.x; r < down.y; r++) {
        float line = 0.0;
        for (uint k = across.x; k < across.y; k++)
            line += share(column, k, numX, denX) * AT1(g, ((b * inH + r - inRow0) * inW + k) * cols + c);
        sum += share(row, r, numY, denY) * line;
    }
    y[e] = sum;
}
