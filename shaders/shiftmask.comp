#version 450
// Shift mask spelt out: y [nW, n, n], -100 where the roll by shift brought two tokens of
// a window together, else 0. Only windows of the last row and column are cut: a token
// lies beyond the cut if its row (or column) in the window is at least window - shift.
// Used where the values themselves are wanted; attention computes them (softmax.comp).
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;

layout(push_constant) uniform Push {
    uint count, window0;
    uint across, down; // windows of a picture
    uint window, shift;
};

WRITE1(0, y);

void main()
{
    uint n = window * window, cut = window - shift;
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count) {
            uint at = window0 + e / (n * n), q = e / n % n, k = e % n;
            bool apartY = at / across == down - 1 && (q / window >= cut) != (k / window >= cut);
            bool apartX = at % across == across - 1 && (q % window >= cut) != (k % window >= cut);
            y[e] = apartY || apartX ? -100.0 : 0.0;
        }
    }
}
