#version 450
// Softmax over rows that come in parts: x [rows, cols] is the next part of each row, y is exp(x - peak),
// peak being the largest element of the row so far. state [3, rows] keeps that, the sum of all
// exponentials relative to it, and by what those of earlier parts have to be multiplied since it
// rose. What is divided by the sum in the end is softmax. x and y may be the same memory.
// A workgroup takes workgroup size / LANES rows.
#include "bindings.glsl"
#include "rows.glsl"

layout(push_constant) uniform Push {
    uint rows, cols;
    uint first; // not 0: there are no earlier parts, state is not read
};

READV(0, x);
WRITEV(1, y);
layout(std430, set = 0, binding = 2) restrict buffer State { float state[]; };
#include "softmax.glsl"

void main()
{
    uint row = rowOfLane();
    bool inside = row < rows;
    row = min(row, rows - 1);
    float before = first != 0 ? LEAST : state[row], earlier = first != 0 ? 0.0 : state[rows + row];

    float peak = before;
    for (uint q = laneOfRow(); q < quads(); q += LANES)
        peak = higher(peak, quad(row, q));
    peak = rowMax(peak);
    float sum = 0.0;
    for (uint block = laneOfRow(); block < quads(); block += BLOCK * LANES) {
        vec4 part = vec4(0);
        for (uint q = block; q < min(block + BLOCK * LANES, quads()); q += LANES) {
            vec4 e = power(quad(row, q) - peak);
            part += e;
            if (inside)
                put(row, q, e);
        }
        sum += dot(part, vec4(1));
    }
    float total = rowSum(sum);
    if (inside && laneOfRow() == 0) {
        float less = power(before - peak);
        state[row] = peak;
        state[rows + row] = earlier * less + total;
        state[2 * rows + row] = less;
    }
}
