#version 450
// p = softmax over each row of cols floats, the row's maximum subtracted first.
// In attention the row is (window, head, query) and, before the maximum is taken,
// BIAS adds the relative position bias of its head and MASK the shift mask of its
// window: -100 where the roll brought the two tokens together. Both are computed
// from the tokens' places in the window, nothing of size [n, n] is read for them.
// A workgroup takes workgroup size / LANES rows.
#include "bindings.glsl"
#include "rows.glsl"

layout(constant_id = 2) const bool BIAS = false;
layout(constant_id = 3) const bool MASK = false;
layout(constant_id = 4) const uint WINDOW = 7; // side; cols = WINDOW*WINDOW with BIAS or MASK

layout(push_constant) uniform Push {
    uint rows, cols;
    uint heads;
    uint window0;      // number of the first row's window, counted over the batch
    uint across, down; // windows of one picture
    uint shift;
};

READ1(0, x);
READ1(1, table); // [(2*WINDOW-1)^2, heads]
WRITE1(2, p);

// power is exp(x), and not a number where x is none: what exp, and max below, make of
// a NaN differs by device.
float power(float x) { return isnan(x) ? x : exp(x); }

void main()
{
    uint row = rowOfLane();
    bool inside = row < rows;
    row = min(row, rows - 1);
    uint first = row * cols;

    // Query's place in the window, its head, and where the window lies.
    uint query = row % cols, head = row / cols % heads;
    uint qy = query / WINDOW, qx = query % WINDOW;
    uint window = (window0 + row / (cols * heads)) % max(across * down, 1);
    bool cutY = MASK && window / max(across, 1) == down - 1;
    bool cutX = MASK && window % max(across, 1) == across - 1;
    bool queryBelow = qy >= WINDOW - shift, queryRight = qx >= WINDOW - shift;
    uint bias0 = (qy + WINDOW - 1) * (2 * WINDOW - 1) + qx + WINDOW - 1;

#define LOGIT(j, value) \
    float value = AT1(x, first + j); \
    if (BIAS || MASK) { \
        uint ky = j / WINDOW, kx = j % WINDOW; \
        if (BIAS) \
            value += AT1(table, (bias0 - ky * (2 * WINDOW - 1) - kx) * heads + head); \
        if (MASK && ((cutY && (ky >= WINDOW - shift) != queryBelow) || (cutX && (kx >= WINDOW - shift) != queryRight))) \
            value -= 100.0; \
    }

    // One pass keeps a running maximum and the sum of exponentials relative to it. The
    // maximum begins finite, because infinite minus infinite is no number: a row of
    // minus infinity throughout sums to 0 and becomes NaN by the division alone.
    // Terms go to the sum in blocks, because one long sum of small terms would round each
    // of them to what it has reached.
    const float LEAST = -3.4e38;
    const uint BLOCK = 64;
    float peak = LEAST, sum = 0.0;
    uint begin = laneOfRow();
    for (uint block = begin; block < cols; block += BLOCK * LANES) {
        float part = 0.0;
        for (uint j = block; j < min(block + BLOCK * LANES, cols); j += LANES) {
            LOGIT(j, v)
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
    float inverse = 1.0 / total;
    if (inside)
        for (uint j = begin; j < cols; j += LANES) {
            LOGIT(j, v)
            p[first + j] = power(v - rowPeak) * inverse;
        }
}
