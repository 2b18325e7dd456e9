#version 450
// Focal losses of positions and tokens (graph.TokenFocalLoss), their sums in parts [blocks] or, with
// GRADIENT, their slopes times g[0].
#include "bindings.glsl"
#include "terms.glsl"

layout(push_constant) uniform Push {
    uint count, blocks;
    uint positions, tokens, boxes;
    float alpha, gamma;
};

READ1(0, g); // bound to something else without GRADIENT, and not read
READ1(1, z);
READ1(2, matched);
READ1(3, positive);
READ1(4, mask);
WRITE1(5, y);

// focal is the loss of logit i, or its slope.
float focal(uint i)
{
    uint token = i % tokens, row = i / tokens, b = row / positions;
    if (AT1(mask, b * tokens + token) == 0.0)
        return 0.0;
    float box = AT1(matched, row);
    uint m = box > 0.0 ? uint(min(box, float(boxes - 1))) : 0;
    bool is = AT1(positive, (b * boxes + m) * tokens + token) != 0.0;
    float v = AT1(z, i), a = is ? alpha : 1.0 - alpha;
    if (is)
        v = -v; // the loss of -z as if it were a negative
    float p = logistic(v), rest = softplus(v); // rest is -ln(1-p), -ln p is softplus(-v)
    float weight = a * (gamma == 2.0 ? p * p : gamma == 0.0 ? 1.0 : power(-gamma * softplus(-v)));
    if (!GRADIENT)
        return weight * rest;
    return (is ? -weight : weight) * (gamma * logistic(-v) * rest + p);
}

void main()
{
    uint e = invocation();
    if (GRADIENT) {
        if (e < count)
            y[e] = AT1(g, 0) * focal(e);
    } else if (e < blocks) {
        float sum = 0.0;
        for (uint i = e; i < count; i += blocks)
            sum += focal(i);
        y[e] = sum;
    }
}
