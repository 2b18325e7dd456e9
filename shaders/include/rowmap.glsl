// Where a row (a token) comes from when tokens move between a map [B, H, W, C] and its
// windows [B*nW, n, C]. The includer declares mapH, mapW, padH, padW, size, down, right.
//   PARTITION: rows are windows of the map padded with zeros to padH x padW and rolled:
//     padded token (i, j) is map token ((i+down) mod padH, (j+right) mod padW), none beyond the map;
//   REVERSE: rows are the map, cropped: token (y, x) comes from padded token
//     ((y+down) mod padH, (x+right) mod padW) of the windows;
//   REMAP: map to map: row (y, x) of padH x padW is token ((y+down) mod padH,
//     (x+right) mod padW) of the map, none beyond it: pad, crop and roll.
//   MERGE: rows are 2 x 2 neighbours (mergeRow); size is the width of the merged map, down its height.
//   CONV, DEFORM, PADDED, TURNED: rows that gemm_uniform.comp makes.
const uint IDENTITY = 3, MERGE = 4, CONV = 5, DEFORM = 6, PADDED = 7, TURNED = 8;
const uint PARTITION = 0, REVERSE = 1, REMAP = 2;

const uint NONE = 0xffffffff;

// sourceRow is the input row of an output row, NONE for padding.
uint sourceRow(uint mode, uint row)
{
    if (mode == IDENTITY)
        return row;
    uint across = padW / size, perWindow = size * size;
    if (mode == REVERSE) {
        uint b = row / (mapH * mapW), t = row % (mapH * mapW);
        uint i = (t / mapW + down) % padH, j = (t % mapW + right) % padW;
        uint window = b * across * (padH / size) + i / size * across + j / size;
        return window * perWindow + i % size * size + j % size;
    }
    uint b, i, j;
    if (mode == PARTITION) {
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

// mergeRow is neighbour 2ky + kx of a row of the merged map, NONE beyond the map.
uint mergeRow(uint row, uint neighbour)
{
    uint b = row / (down * size), i = row % (down * size) / size * 2 + neighbour / 2, j = row % size * 2 + neighbour % 2;
    return i < mapH && j < mapW ? (b * mapH + i) * mapW + j : NONE;
}
