#version 450
// Moves tokens (rows of cols V's) between a map [B, H, W, C] and its windows
// [B*nW, n, C]; one invocation moves ITEMS V's. MODE:
//   0 partition: out is windows of the map padded with zeros to padH x padW and rolled:
//     padded token (i, j) is map token ((i+down) mod padH, (j+right) mod padW), 0 beyond the map;
//   1 reverse: out is the map, cropped: token (y, x) comes from padded token
//     ((y+down) mod padH, (x+right) mod padW) of the windows;
//   2 map to map: out token (y, x) of padH x padW is token ((y+down) mod padH,
//     (x+right) mod padW) of the map, 0 beyond it: pad, crop and roll.
// Rows are numbered over the batch; the bound ranges begin at outRow0 and inRow0.
#include "bindings.glsl"

layout(constant_id = 1) const uint ITEMS = 4;
layout(constant_id = 2) const uint MODE = 0;

layout(push_constant) uniform Push {
    uint rows, cols;
    uint outRow0, inRow0;
    uint mapH, mapW; // the map: input of 0 and 2, output of 1
    uint padH, padW; // the padded map; of 2, the output
    uint size;       // side of a window
    uint down, right;
};

READV(0, x);
WRITEV(1, y);

const uint NONE = 0xffffffff;

// sourceRow is the input row of an output row, NONE for padding.
uint sourceRow(uint row)
{
    uint across = padW / size, perWindow = size * size;
    if (MODE == 1) {
        uint b = row / (mapH * mapW), t = row % (mapH * mapW);
        uint i = (t / mapW + down) % padH, j = (t % mapW + right) % padW;
        uint window = b * across * (padH / size) + i / size * across + j / size;
        return window * perWindow + i % size * size + j % size;
    }
    uint b, i, j;
    if (MODE == 0) {
        uint t = row % perWindow, window = row / perWindow;
        uint perPicture = across * (padH / size);
        b = window / perPicture;
        window %= perPicture;
        i = window / across * size + t / size;
        j = window % across * size + t % size;
    } else {
        b = row / (padH * padW);
        i = row % (padH * padW) / padW;
        j = row % padW;
    }
    i = (i + down) % padH;
    j = (j + right) % padW;
    return i < mapH && j < mapW ? (b * mapH + i) * mapW + j : NONE;
}

void main()
{
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x;
    for (uint i = 0; i < ITEMS; i++) {
        uint e = first + i * gl_WorkGroupSize.x;
        if (e < rows * cols) {
            uint from = sourceRow(outRow0 + e / cols);
            V v = V(0);
            if (from != NONE)
                v = ATV(x, (from - inRow0) * cols + e % cols);
            y[e] = v;
        }
    }
}
