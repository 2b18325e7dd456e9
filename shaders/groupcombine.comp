#version 450
// Second step of GroupNorm: the blocks' means and sums of squares -> mean and
// 1/sqrt(variance + eps) of each group, for each of its columns. With n, m and s of a block,
//   mean = sum(n*m)/N,  variance = sum(s + n*(m - mean)^2)/N
// A group is `across` neighbouring columns. A workgroup takes workgroup size / LANES groups.
#include "bindings.glsl"
#include "rows.glsl"

layout(constant_id = 2) const uint WIDTH = 4; // elements of a column

layout(push_constant) uniform Push {
    uint groups, across; // columns of a group
    uint blocks, block;  // rows of a block, the last perhaps fewer
    uint rows;
    float eps;
};

READ1(0, parts); // [blocks, groups, across, 2]
WRITE1(1, y);     // [groups, across, 2]

void main()
{
    uint group = rowOfLane();
    bool inside = group < groups;
    group = min(group, groups - 1);
    uint count = blocks * across;
    float all = float(rows * across);

    float sum = 0.0;
    for (uint i = laneOfRow(); i < count; i += LANES) {
        uint b = i / across;
        float n = float(min(block, rows - b * block));
        sum += n * AT1(parts, ((b * groups + group) * across + i % across) * 2);
    }
    float mean = rowSum(sum) / all;

    float squares = 0.0, within = 0.0;
    for (uint i = laneOfRow(); i < count; i += LANES) {
        uint b = i / across;
        float n = float(min(block, rows - b * block));
        uint at = ((b * groups + group) * across + i % across) * 2;
        float d = AT1(parts, at) - mean;
        squares += n * d * d;
        within += AT1(parts, at + 1);
    }
    float variance = (rowSum(squares) + rowSum(within) / float(WIDTH)) / all;
    float scale = 1.0 / sqrt(variance + eps);
    if (inside)
        for (uint i = laneOfRow(); i < across; i += LANES) {
            uint column = group * across + i;
            y[2 * column] = mean;
            y[2 * column + 1] = scale;
        }
}
