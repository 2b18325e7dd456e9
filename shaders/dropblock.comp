#version 450
// y = 0 where a seed lies within reach on both axes, else 1: maps [B, height, width].
#include "bindings.glsl"

layout(push_constant) uniform Push {
    uint count, height, width, reach;
};

READ1(0, seeds);
WRITE1(1, y);

void main()
{
    uint e = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    if (e >= count)
        return;
    uint column = e % width, row = e / width % height, first = e - row * width - column;
    bool kept = true;
    for (uint r = row - min(row, reach); r <= min(row + reach, height - 1); r++)
        for (uint c = column - min(column, reach); c <= min(column + reach, width - 1); c++)
            kept = kept && AT1(seeds, first + r * width + c) == 0.0;
    y[e] = kept ? 1.0 : 0.0;
}
