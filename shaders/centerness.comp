#version 450
// Cross-entropies of logits z with targets above 0 (graph.CenternessLoss), their sums in parts [blocks]
// or, with GRADIENT, their slopes times g[0].
#include "bindings.glsl"
#include "terms.glsl"

layout(push_constant) uniform Push {
    uint count, blocks;
};

READ1(0, g); // bound to something else without GRADIENT, and not read
READ1(1, z);
READ1(2, targets);
WRITE1(3, y);

float entropy(uint i)
{
    float v = AT1(z, i), c = AT1(targets, i);
    if (!(c > 0.0))
        return 0.0;
    if (GRADIENT)
        return logistic(v) - c;
    return v * (v > 0.0 ? 1.0 - c : -c) + near(v);
}

void main()
{
    uint e = invocation();
    if (GRADIENT) {
        if (e < count)
            y[e] = AT1(g, 0) * entropy(e);
    } else if (e < blocks) {
        float sum = 0.0;
        for (uint i = e; i < count; i += blocks)
            sum += entropy(i);
        y[e] = sum;
    }
}
