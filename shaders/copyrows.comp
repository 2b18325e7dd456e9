#version 450
// Some neighbouring columns of rows: y[row, yBegin + c] = x[row, xBegin + c], c < cols, of rows of
// xCols and yCols floats. Each invocation takes ITEMS.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;

layout(push_constant) uniform Push {
    uint count, cols; // count = rows * cols
    uint xCols, xBegin;
    uint yCols, yBegin;
};

READ1(0, x);
WRITE1(1, y);

void main()
{
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count) {
            uint row = e / cols, c = e % cols;
            y[row * yCols + yBegin + c] = AT1(x, row * xCols + xBegin + c);
        }
    }
}
