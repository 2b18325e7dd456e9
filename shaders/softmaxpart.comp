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

READ1(0, x);
WRITE1(1, y);
layout(std430, set = 0, binding = 2) restrict buffer State { float state[]; };

// power is exp(x), and not a number where x is none (softmax.comp).
float power(float x) { return isnan(x) ? x : exp(x); }

void main()
{
    uint row = rowOfLane();
    bool inside = row < rows;
    row = min(row, rows - 1);
    uint begin = row * cols;
    const float LEAST = -3.4e38;
    float before = first != 0 ? LEAST : state[row], earlier = first != 0 ? 0.0 : state[rows + row];

    // Terms go to the sum in blocks, as in softmax.comp.
    const uint BLOCK = 64;
    float peak = before, sum = 0.0;
    for (uint block = laneOfRow(); block < cols; block += BLOCK * LANES) {
        float part = 0.0;
        for (uint j = block; j < min(block + BLOCK * LANES, cols); j += LANES) {
            float v = AT1(x, begin + j);
            if (v > peak) { // seldom after the first few
                float less = power(peak - v);
                sum *= less;
                part *= less;
                peak = v;
            }
            part += power(v - peak);
        }
        sum += part;
    }
    float rowPeak = rowMax(peak);
    float total = rowSum(sum * power(peak - rowPeak));
    if (!inside)
        return;
    for (uint j = laneOfRow(); j < cols; j += LANES)
        y[begin + j] = power(AT1(x, begin + j) - rowPeak);
    if (laneOfRow() == 0) {
        float less = power(before - rowPeak);
        state[row] = rowPeak;
        state[rows + row] = earlier * less + total;
        state[2 * rows + row] = less;
    }
}
