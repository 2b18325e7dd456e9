#version 450
// y[position, label] = mean of sigmoid(logit) over the label's tokens, the largest with
// LARGEST, 0 without tokens: logits [rows, tokens], lists [labels, tokens + 1] of
// phraselists.comp -> y [rows, labels]. Columns are labels.
#include "bindings.glsl"
#include "columns.glsl"

layout(constant_id = 2) const bool LARGEST = false;

layout(push_constant) uniform Push {
    uint rows, labels, tokens;
};

READ1(0, logits);
READ1(1, lists);
WRITE1(2, y);

float sigmoid(float v) { return isnan(v) ? v : 1.0 / (1.0 + exp(-v)); }

void main()
{
    Place p = place(rows, labels);
    uint list = p.col * (tokens + 1);
    uint n = uint(AT1(lists, list));
    for (uint r = p.row; r < p.end; r++) {
        float v = 0.0;
        for (uint i = 1; i <= n; i++) {
            float s = sigmoid(AT1(logits, r * tokens + uint(AT1(lists, list + i))));
            if (LARGEST)
                v = isnan(s) || s > v ? s : v;
            else
                v += s;
        }
        y[r * labels + p.col] = LARGEST || n == 0 ? v : v / float(n);
    }
}
