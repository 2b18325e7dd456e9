#version 450
// Softmax over rows that come in parts: x [rows, cols] is the next part of each row, y is exp(x - peak),
// peak being the largest element of the row so far. state [3, rows] keeps that, the sum of all
// exponentials relative to it, and by what those of earlier parts have to be multiplied since it
// rose. What is divided by the sum in the end is softmax. x and y may be the same memory.
// A workgroup takes workgroup size / LANES rows; V is a vec4, or a float with VEC 1.
#include "bindings.glsl"
#include "rows.glsl"
#include "softmax.glsl"

layout(push_constant) uniform Push {
    uint rows, cols; // cols in V's
    uint first;      // not 0: there are no earlier parts, state is not read
};

READV(0, x);
WRITEV(1, y);
layout(std430, set = 0, binding = 2) restrict buffer State { float state[]; };

void main()
{
    uint row = rowOfLane();
    bool inside = row < rows;
    row = min(row, rows - 1);
    uint begin = row * cols;
    float before = first != 0 ? LEAST : state[row], earlier = first != 0 ? 0.0 : state[rows + row];

    float peak = before;
    for (uint j = laneOfRow(); j < cols; j += LANES)
        peak = higher(peak, ATV(x, begin + j));
    peak = rowMax(peak);
    float sum = 0.0;
    for (uint block = laneOfRow(); block < cols; block += BLOCK * LANES) {
        V part = V(0);
        for (uint j = block; j < min(block + BLOCK * LANES, cols); j += LANES) {
            V e = power(ATV(x, begin + j) - peak);
            part += e;
            if (inside)
                y[begin + j] = OUTV(e);
        }
        sum += SUM(part);
    }
    float total = rowSum(sum);
    if (inside && laneOfRow() == 0) {
        float less = power(before - peak);
        state[row] = peak;
        state[rows + row] = earlier * less + total;
        state[2 * rows + row] = less;
    }
}
