#version 450
// y = (x - mean) / sqrt(variance + eps) * weight + bias over rows of cols V's (V is
// a vec4, or a float with VEC 1). Two passes over the row before the last: the
// variance is that of centred values, because mean(x*x) - mean*mean cancels.
// A workgroup takes workgroup size / LANES rows.
#include "bindings.glsl"
#include "rows.glsl"

layout(push_constant) uniform Push {
    uint rows, cols; // cols in V's
    float eps;
};

READV(0, x);
READV(1, weight);
READV(2, bias);
WRITEV(3, y);

void main()
{
    uint row = rowOfLane();
    bool inside = row < rows;
    uint first = min(row, rows - 1) * cols;
    float count = float(cols * VEC);

    V sum = V(0);
    for (uint i = laneOfRow(); i < cols; i += LANES)
        sum += ATV(x, first + i);
    float mean = rowSum(SUM(sum)) / count;

    V squares = V(0);
    for (uint i = laneOfRow(); i < cols; i += LANES) {
        V d = ATV(x, first + i) - mean;
        squares += d * d;
    }
    float scale = 1.0 / sqrt(rowSum(SUM(squares)) / count + eps);

    if (inside)
        for (uint i = laneOfRow(); i < cols; i += LANES)
            y[first + i] = (ATV(x, first + i) - mean) * scale * ATV(weight, i) + ATV(bias, i);
}
