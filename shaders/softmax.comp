#version 450
// y = softmax over each row of cols floats, the row's maximum subtracted first.
// In attention the row is (window, head, query) and, before the maximum is taken,
// BIAS adds the relative position bias of its head and MASK the shift mask of its
// window: -100 where the roll brought the two tokens together. Both are computed
// from the tokens' places in the window, nothing of size [n, n] is read for them.
// A workgroup takes workgroup size / LANES rows.
#include "bindings.glsl"
#include "rows.glsl"

layout(constant_id = 2) const bool BIAS = false;
layout(constant_id = 3) const bool MASK = false;
layout(constant_id = 4) const uint WINDOW = 7; // side; rows have WINDOW*WINDOW elements with BIAS or MASK

layout(push_constant) uniform Push {
    uint rows, cols;
    uint heads;
    uint window0;      // number of the first row's window, counted over the batch
    uint across, down; // windows of one picture
    uint shift;
};

READV(0, x);
READ1(1, table); // [(2*WINDOW-1)^2, heads]
WRITEV(2, y);
#include "softmax.glsl"

void main()
{
    uint row = rowOfLane();
    bool inside = row < rows;
    row = min(row, rows - 1);

    // Query's place in the window, its head, and where the window lies.
    uint query = row % cols, head = row / cols % heads;
    uint qy = query / WINDOW, qx = query % WINDOW;
    uint window = (window0 + row / (cols * heads)) % max(across * down, 1);
    bool cutY = MASK && window / max(across, 1) == down - 1;
    bool cutX = MASK && window % max(across, 1) == across - 1;
    bool queryBelow = qy >= WINDOW - shift, queryRight = qx >= WINDOW - shift;
    uint bias0 = (qy + WINDOW - 1) * (2 * WINDOW - 1) + qx + WINDOW - 1;

#define LOGITS(q, value) \
    vec4 value = quad(row, q); \
    if (BIAS || MASK) { \
        [[unroll]] for (uint i = 0; i < 4; i++) { \
            uint key = q * 4 + i, ky = key / WINDOW, kx = key % WINDOW; \
            if (BIAS && whole(q, i)) \
                value[i] += AT1(table, (bias0 - ky * (2 * WINDOW - 1) - kx) * heads + head); \
            if (MASK && ((cutY && (ky >= WINDOW - shift) != queryBelow) || (cutX && (kx >= WINDOW - shift) != queryRight))) \
                value[i] -= 100.0; \
        } \
    }

    float peak = LEAST;
    for (uint q = laneOfRow(); q < quads(); q += LANES) {
        LOGITS(q, v)
        peak = higher(peak, v);
    }
    peak = rowMax(peak);
    float sum = 0.0;
    for (uint block = laneOfRow(); block < quads(); block += BLOCK * LANES) {
        vec4 part = vec4(0);
        for (uint q = block; q < min(block + BLOCK * LANES, quads()); q += LANES) {
            LOGITS(q, v)
            part += power(v - peak);
        }
        sum += dot(part, vec4(1));
    }
    float inverse = 1.0 / rowSum(sum);
    if (inside)
        for (uint q = laneOfRow(); q < quads(); q += LANES) {
            LOGITS(q, v)
            put(row, q, power(v - peak) * inverse);
        }
}
