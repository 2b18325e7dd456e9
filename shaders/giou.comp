#version 450
// weight * (1 - GIoU) of positions (graph.GIoULoss), their sums in parts [blocks] or, with GRADIENT,
// their slopes by the deltas times g[0], found with numbers that carry their derivatives.
#include "bindings.glsl"
#include "terms.glsl"

layout(push_constant) uniform Push {
    uint count, blocks;
    uint anchorCount;
};

READ1(0, g); // bound to something else without GRADIENT, and not read
READ1(1, deltas);  // [count, 4]
READ1(2, anchors); // [anchorCount, 4]
READ1(3, boxes);   // [count, 4]
READ1(4, weights); // [count]
WRITE1(5, y);

struct Dual { float v; vec4 d; }; // a number and its derivatives by the four deltas

Dual plus(Dual a, Dual b) { return Dual(a.v + b.v, a.d + b.d); }
Dual minus(Dual a, Dual b) { return Dual(a.v - b.v, a.d - b.d); }
Dual times(Dual a, Dual b) { return Dual(a.v * b.v, a.d * b.v + b.d * a.v); }
Dual over(Dual a, Dual b) { return Dual(a.v / b.v, (a.d - b.d * (a.v / b.v)) / b.v); }
Dual plus(Dual a, float b) { return Dual(a.v + b, a.d); }
Dual constant(float v) { return Dual(v, vec4(0)); }

// larger is the larger of two, half of each where they are equal.
Dual larger(Dual a, Dual b)
{
    if (a.v > b.v)
        return a;
    if (a.v < b.v)
        return b;
    return Dual(0.5 * (a.v + b.v), 0.5 * (a.d + b.d));
}
Dual negative(Dual a) { return Dual(-a.v, -a.d); }
Dual smaller(Dual a, Dual b) { return negative(larger(negative(a), negative(b))); }

Dual giou(uint i)
{
    float weight = AT1(weights, i);
    if (!(weight > 0.0))
        return constant(0.0);
    Dual overlap = constant(1.0), whole = constant(1.0), own = constant(1.0);
    float wanted = 1.0;
    bool apart = false;
    for (uint axis = 0; axis < 2; axis++) {
        uint at = i % anchorCount * 4 + axis;
        float first = AT1(anchors, at), last = AT1(anchors, at + 2), size = last - first + 1.0;
        float center = (first + last) / 2.0 + AT1(deltas, 4 * i + axis) * size / 10.0;
        const float LIMIT = 4.1351666; // ln(1000/16)
        float growth = AT1(deltas, 4 * i + axis + 2) / 5.0;
        bool cut = growth > LIMIT;
        float stretched = power(cut ? LIMIT : growth) * size;
        vec4 toCenter = vec4(0), toHalf = vec4(0);
        toCenter[axis] = size / 10.0;
        toHalf[axis + 2] = cut ? 0.0 : stretched / 10.0;
        Dual half_ = Dual((stretched - 1.0) / 2.0, toHalf), middle = Dual(center, toCenter);
        Dual low = minus(middle, half_), high = larger(plus(middle, half_), low);

        Dual from = constant(AT1(boxes, 4 * i + axis)), to = constant(AT1(boxes, 4 * i + axis + 2));
        Dual both = minus(smaller(high, to), larger(low, from));
        apart = apart || !(both.v > 0.0);
        overlap = times(overlap, both);
        whole = times(whole, minus(larger(high, to), smaller(low, from)));
        own = times(own, minus(high, low));
        wanted *= to.v - from.v;
    }
    if (apart)
        overlap = constant(0.0);
    Dual joined = plus(minus(plus(own, wanted), overlap), 1e-7);
    whole = plus(whole, 1e-7);
    Dual value = minus(over(overlap, joined), over(minus(whole, joined), whole));
    return Dual((1.0 - value.v) * weight, -value.d * weight);
}

void main()
{
    uint e = invocation();
    if (GRADIENT) {
        if (e < count) {
            vec4 slope = AT1(g, 0) * giou(e).d;
            [[unroll]] for (uint k = 0; k < 4; k++)
                y[4 * e + k] = slope[k];
        }
    } else if (e < blocks) {
        float sum = 0.0;
        for (uint i = e; i < count; i += blocks)
            sum += giou(i).v;
        y[e] = sum;
    }
}
