#version 450
// y[row] = word[id] + kind[0] + position[row mod tokens], rows of cols V's. An id below 0
// counts as 0, one beyond the last as the last, NaN as 0. One dispatch covers the ids whose word
// is among the `words` from word0 on, of vocabulary in all; other rows are left alone.
// Each invocation takes ITEMS V's.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;

layout(push_constant) uniform Push {
    uint rows, cols;
    uint row0; // number of the first row, y is bound from there on
    uint tokens;
    uint vocabulary, word0, words;
};

READ1(0, ids);
READV(1, word);
READV(2, kind);
READV(3, position);
WRITEV(4, y);

void main()
{
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < rows * cols) {
            uint row = row0 + e / cols, c = e % cols;
            float f = AT1(ids, row);
            uint id = !(f > 0.0) ? 0 : f >= float(vocabulary) ? vocabulary - 1 : uint(f);
            if (id - word0 < words)
                y[e] = OUTV(ATV(word, (id - word0) * cols + c) + ATV(kind, c) + ATV(position, row % tokens * cols + c));
        }
    }
}
