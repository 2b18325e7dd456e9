#version 450
// Rows of the gradient of embedded words: each token that is the first with its word writes the sum
// over all tokens with it. g [tokens, cols], ids [tokens] -> y [words, cols], which holds zeros;
// row 0, that of padding, stays. An invocation takes ITEMS columns of a token.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;

layout(push_constant) uniform Push {
    uint tokens, cols, words;
};

READ1(0, g);
READ1(1, ids);
WRITE1(2, y);

uint word(uint token)
{
    float v = AT1(ids, token);
    return v > 0.0 ? uint(min(v, float(words - 1))) : 0;
}

void main()
{
    uint e = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint across = (cols + ITEMS - 1) / ITEMS;
    uint token = e / across, first = e % across;
    if (token >= tokens)
        return;
    uint mine = word(token);
    if (mine == 0)
        return;
    for (uint t = 0; t < token; t++)
        if (word(t) == mine)
            return;
    float sums[ITEMS];
    for (uint i = 0; i < ITEMS; i++)
        sums[i] = 0.0;
    for (uint t = token; t < tokens; t++)
        if (word(t) == mine)
            for (uint i = 0; i < ITEMS; i++)
                sums[i] += AT1(g, t * cols + min(first + i * across, cols - 1));
    for (uint i = 0; i < ITEMS; i++)
        if (first + i * across < cols)
            y[mine * cols + first + i * across] = sums[i];
}
