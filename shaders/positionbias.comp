#version 450
// Relative position bias of a window spelt out: y [h, n, n] from table [(2w-1)^2, h],
// entry (head, i, j) being row (yi-yj+w-1)*(2w-1) + xi-xj+w-1 for query i and key j.
// Used where the values themselves are wanted; attention adds the table directly (softmax.comp).
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;

layout(push_constant) uniform Push {
    uint count, head0, heads, window;
};

READ1(0, table);
WRITE1(1, y);

void main()
{
    uint n = window * window;
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < count) {
            uint head = head0 + e / (n * n), query = e / n % n, key = e % n;
            uint dy = query / window + window - 1 - key / window;
            uint dx = query % window + window - 1 - key % window;
            y[e] = AT1(table, (dy * (2 * window - 1) + dx) * heads + head);
        }
    }
}
