#version 450
// Gradients of what goes by rows of cols floats, g and x -> y; MODE says of what. A workgroup takes
// workgroup size / LANES rows. Two passes over a row for its variance, as in layernorm.comp.
#include "bindings.glsl"
#include "rows.glsl"

layout(constant_id = 2) const uint MODE = 0;

const uint LAYERNORM = 0; // scale * (u - mean of u - h * mean of u*h), h being x normed and u = g * weight
const uint NORMALIZE = 1; // (g - h * g·h) / length with h = x / length, g / eps where the length is below
const uint SOFTMAX = 2;   // x * (g - g·x), x being the result
const uint MOMENTS = 3;   // y [rows, 2] is the mean of x and 1/sqrt(variance + eps); g is not read

layout(push_constant) uniform Push {
    uint rows, cols;
    float eps;
};

READ1(0, g);
READ1(1, x);
READ1(2, weight); // bound to something else in other modes, and not read
WRITE1(3, y);

void main()
{
    uint row = rowOfLane();
    bool inside = row < rows;
    uint first = min(row, rows - 1) * cols;
    float n = float(cols), mean = 0.0, scale = 1.0, sum = 0.0, product = 0.0;

    if (MODE == LAYERNORM || MODE == MOMENTS) {
        for (uint i = laneOfRow(); i < cols; i += LANES)
            sum += AT1(x, first + i);
        mean = rowSum(sum) / n;
        float squares = 0.0;
        for (uint i = laneOfRow(); i < cols; i += LANES) {
            float d = AT1(x, first + i) - mean;
            squares += d * d;
        }
        scale = 1.0 / sqrt(rowSum(squares) / n + eps);
        if (MODE == MOMENTS) {
            if (inside && laneOfRow() == 0) {
                y[2 * row] = mean;
                y[2 * row + 1] = scale;
            }
            return;
        }
    }

    sum = 0.0;
    for (uint i = laneOfRow(); i < cols; i += LANES) {
        float v = (AT1(x, first + i) - mean) * scale, u = AT1(g, first + i);
        if (MODE == LAYERNORM)
            u *= AT1(weight, i);
        sum += MODE == NORMALIZE ? v * v : u;
        product += u * v;
    }
    sum = rowSum(sum);
    product = rowSum(product);
    float mass = sqrt(sum); // the length, for NORMALIZE
    if (MODE == NORMALIZE && mass < eps) {
        mass = eps;
        product = 0.0;
    }

    if (inside)
        for (uint i = laneOfRow(); i < cols; i += LANES) {
            float v = (AT1(x, first + i) - mean) * scale, u = AT1(g, first + i);
            if (MODE == LAYERNORM)
                y[first + i] = scale * (u * AT1(weight, i) - sum / n - v * product / n);
            else if (MODE == NORMALIZE)
                y[first + i] = (u - v / mass * (product / mass)) / mass;
            else
                y[first + i] = v * (u - product);
        }
}
