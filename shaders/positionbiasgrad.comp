#version 450
// Each element of the table [(2w-1)^2, heads] is the sum of what pairs of a window of side w read of
// it: g [heads, w*w, w*w].
#include "bindings.glsl"

layout(push_constant) uniform Push {
    uint heads, side;
};

READ1(0, g);
WRITE1(1, y);

void main()
{
    uint e = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    int w = int(side), across = 2 * w - 1, n = w * w;
    uint head = e % heads, row = e / heads;
    if (row >= uint(across * across))
        return;
    int down = int(row) / across - (w - 1), right = int(row) % across - (w - 1);
    float sum = 0.0;
    for (int r = max(down, 0); r < min(w, w + down); r++)
        for (int c = max(right, 0); c < min(w, w + right); c++)
            sum += AT1(g, (int(head) * n + r * w + c) * n + (r - down) * w + c - right);
    y[e] = sum;
}
