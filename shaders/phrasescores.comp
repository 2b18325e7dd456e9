#version 450
// y[position, label] = sigmoid(logit) of the label's tokens, aggregated: 0 the mean, 1 the
// largest, 2 the geometric mean; 0 without tokens: logits [rows, tokens], lists [pictures, labels, tokens + 1]
// of phraselists.comp -> y [rows, labels]. Row r is position first + r of all pictures'. Columns are labels.
#include "bindings.glsl"
#include "columns.glsl"

layout(constant_id = 2) const uint AGGREGATE = 0;

layout(push_constant) uniform Push {
    uint rows, labels, tokens, positions, first;
};

READ1(0, logits);
READ1(1, lists);
WRITE1(2, y);

const uint MAX = 1, POWER = 2;

float sigmoid(float v) { return isnan(v) ? v : 1.0 / (1.0 + exp(-v)); }

// Its logarithm, whose sum does not vanish where a product of small numbers does.
float log_sigmoid(float v) { return isnan(v) ? v : min(v, 0.0) - log(1.0 + exp(-abs(v))); }

void main()
{
    Place p = place(rows, labels);
    for (uint r = p.row; r < p.end; r++) {
        uint list = ((first + r) / positions * labels + p.col) * (tokens + 1);
        uint n = uint(AT1(lists, list));
        float v = 0.0;
        for (uint i = 1; i <= n; i++) {
            float z = AT1(logits, r * tokens + uint(AT1(lists, list + i)));
            float s = AGGREGATE == POWER ? log_sigmoid(z) : sigmoid(z);
            if (AGGREGATE == MAX)
                v = isnan(s) || s > v ? s : v;
            else
                v += s;
        }
        if (AGGREGATE != MAX && n > 0)
            v /= float(n);
        y[r * labels + p.col] = AGGREGATE == POWER && n > 0 ? exp(v) : v;
    }
}
