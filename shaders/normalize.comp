#version 450
// y = x / max(|x|, eps) for each row of cols V's, |x| being the root of the sum of
// squares. A workgroup takes workgroup size / LANES rows.
#include "bindings.glsl"
#include "rows.glsl"

layout(push_constant) uniform Push {
    uint rows, cols;
    float eps;
};

READV(0, x);
WRITEV(1, y);

void main()
{
    uint row = rowOfLane();
    bool inside = row < rows;
    uint first = min(row, rows - 1) * cols;
    V squares = V(0);
    for (uint i = laneOfRow(); i < cols; i += LANES) {
        V v = ATV(x, first + i);
        squares += v * v;
    }
    float size = sqrt(rowSum(SUM(squares)));
    size = size < eps ? eps : size; // NaN stays
    if (inside)
        for (uint i = laneOfRow(); i < cols; i += LANES)
            y[first + i] = OUTV(ATV(x, first + i) / size);
}
