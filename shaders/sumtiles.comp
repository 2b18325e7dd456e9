#version 450
// What lies on the same element of y when y is tiled over x, in parts: x, given as four sizes, slowest first,
// -> parts [blocks, y], from block block0 on. Term t goes to block t % blocks,
// so that neighbouring invocations read neighbouring elements whether y is small or large.
#include "bindings.glsl"

layout(push_constant) uniform Push {
    uint terms, blocks, block0;
    uint a1, a2, a3;     // sizes of x, the slowest left out
    uint b0, b1, b2, b3; // sizes of y
};

READ1(0, x);
WRITE1(1, parts);

void main()
{
    uint e = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint size = b0 * b1 * b2 * b3;
    uint block = e / size, j = e % size;
    if (block >= blocks)
        return;
    uint n1 = a1 / b1, n2 = a2 / b2, n3 = a3 / b3;
    uint j3 = j % b3, j2 = j / b3 % b2, j1 = j / b3 / b2 % b1, j0 = j / b3 / b2 / b1;
    float sum = 0.0;
    for (uint t = block; t < terms; t += blocks) {
        uint t3 = t % n3, t2 = t / n3 % n2, t1 = t / n3 / n2 % n1, t0 = t / n3 / n2 / n1;
        sum += AT1(x, (((t0 * b0 + j0) * a1 + t1 * b1 + j1) * a2 + t2 * b2 + j2) * a3 + t3 * b3 + j3);
    }
    parts[block0 * size + e] = sum;
}
