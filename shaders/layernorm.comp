#version 450
// y = (x - mean) / sqrt(variance + eps) * weight + bias over rows of cols V's (V is
// a vec4, or a float with VEC 1). Two passes over the row before the last: the
// variance is that of centred values, because mean(x*x) - mean*mean cancels.
// A workgroup takes workgroup size / LANES rows. FIRST stores channels first: rows are the
// tokens of pictures, `tokens` each, y is [pictures, cols, tokens] from row row0 on.
#include "bindings.glsl"
#include "rows.glsl"

layout(push_constant) uniform Push {
    uint rows, cols; // cols in V's
    float eps;
#ifdef FIRST
    uint tokens, row0;
#endif
};

READV(0, x);
READV(1, weight);
READV(2, bias);
#ifdef FIRST
WRITE1(3, y);
#else
WRITEV(3, y);
#endif

#if VEC == 4
#define ELEMENT(v, j) v[j]
#else
#define ELEMENT(v, j) v
#endif

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
        {
            V v = (ATV(x, first + i) - mean) * scale * ATV(weight, i) + ATV(bias, i);
#ifdef FIRST
            uint token = (row0 + row) % tokens, picture = (row0 + row) / tokens;
            [[unroll]] for (uint j = 0; j < VEC; j++)
                y[((picture * cols + i) * VEC + j) * tokens + token] = ELEMENT(v, j);
#else
            y[first + i] = OUTV(v);
#endif
        }
}
