#version 450
// Moves tokens (rows of cols V's) between a map [B, H, W, C] and its windows
// [B*nW, n, C], or between two maps; one invocation moves ITEMS V's.
// MODE and its index arithmetic are those of include/rowmap.glsl.
// Rows are numbered over the batch; the bound ranges begin at outRow0 and inRow0.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;
layout(constant_id = 2) const uint MODE = 0;

layout(push_constant) uniform Push {
    uint rows, cols;
    uint outRow0, inRow0;
    uint mapH, mapW; // the map: input of 0 and 2, output of 1
    uint padH, padW; // the padded map; of 2, the output
    uint size;       // side of a window
    uint down, right;
};

READV(0, x);
WRITEV(1, y);

#include "rowmap.glsl"

void main()
{
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < rows * cols) {
            uint from = sourceRow(MODE, outRow0 + e / cols);
            V v = V(0);
            if (from != NONE)
                v = ATV(x, (from - inRow0) * cols + e % cols);
            y[e] = OUTV(v);
        }
    }
}
