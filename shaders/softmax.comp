#version 450
// p = softmax over each row of cols floats, the row's maximum subtracted first.
// In attention the row is (window, head, query) and, before the maximum is taken,
// BIAS adds the relative position bias of its head and MASK the shift mask of its
// window: -100 where the roll brought the two tokens together. Both are computed
// from the tokens' places in the window, nothing of size [n, n] is read for them.
// A workgroup takes workgroup size / LANES rows; V is a vec4, or a float with VEC 1.
#include "bindings.glsl"
#include "rows.glsl"
#include "softmax.glsl"

layout(constant_id = 2) const bool BIAS = false;
layout(constant_id = 3) const bool MASK = false;
layout(constant_id = 4) const uint WINDOW = 7; // side; rows have WINDOW*WINDOW elements with BIAS or MASK

layout(push_constant) uniform Push {
    uint rows, cols; // cols in V's
    uint heads;
    uint window0;      // number of the first row's window, counted over the batch
    uint across, down; // windows of one picture
    uint shift;
};

READV(0, x);
READ1(1, table); // [(2*WINDOW-1)^2, heads]
WRITEV(2, p);

void main()
{
    uint row = rowOfLane();
    bool inside = row < rows;
    row = min(row, rows - 1);
    uint first = row * cols, n = cols * VEC;

    // Query's place in the window, its head, and where the window lies.
    uint query = row % n, head = row / n % heads;
    uint qy = query / WINDOW, qx = query % WINDOW;
    uint window = (window0 + row / (n * heads)) % max(across * down, 1);
    bool cutY = MASK && window / max(across, 1) == down - 1;
    bool cutX = MASK && window % max(across, 1) == across - 1;
    bool queryBelow = qy >= WINDOW - shift, queryRight = qx >= WINDOW - shift;
    uint bias0 = (qy + WINDOW - 1) * (2 * WINDOW - 1) + qx + WINDOW - 1;

#define LOGIT(j, value) \
    V value = ATV(x, first + j); \
    if (BIAS || MASK) { \
        [[unroll]] for (uint i = 0; i < VEC; i++) { \
            uint key = j * VEC + i, ky = key / WINDOW, kx = key % WINDOW; \
            if (BIAS) \
                ELEMENT(value, i) += AT1(table, (bias0 - ky * (2 * WINDOW - 1) - kx) * heads + head); \
            if (MASK && ((cutY && (ky >= WINDOW - shift) != queryBelow) || (cutX && (kx >= WINDOW - shift) != queryRight))) \
                ELEMENT(value, i) -= 100.0; \
        } \
    }

    float peak = LEAST;
    for (uint j = laneOfRow(); j < cols; j += LANES) {
        LOGIT(j, v)
        peak = higher(peak, v);
    }
    peak = rowMax(peak);
    float sum = 0.0;
    for (uint block = laneOfRow(); block < cols; block += BLOCK * LANES) {
        V part = V(0);
        for (uint j = block; j < min(block + BLOCK * LANES, cols); j += LANES) {
            LOGIT(j, v)
            part += power(v - peak);
        }
        sum += SUM(part);
    }
    float inverse = 1.0 / rowSum(sum);
    if (inside)
        for (uint j = laneOfRow(); j < cols; j += LANES) {
            LOGIT(j, v)
            p[first + j] = OUTV(power(v - peak) * inverse);
        }
}
