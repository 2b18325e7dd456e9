// One sample of a deformable convolution: a point of a map between four tokens.
struct Sample {
    bool real;    // false: the sample is 0
    uvec4 token;  // of the map, row by row: upper left, upper right, lower left, lower right
    vec4 weight;  // bilinear, times the mask
};

// sampleAt is the sample at (y + dy, x + dx) of a map of h x w. Whole and broken part are
// taken of the offset, which is exact, and not of the sum. A NaN is nowhere, and a mask that is NaN makes
// one of the sample wherever it is, so that it is not lost. A corner beyond the map
// counts as 0: the one within that would be beside it is named twice, with half of its
// weight, since with none an infinity in it would become NaN.
Sample sampleAt(int y, int x, float dy, float dx, float mask, int h, int w)
{
    float py = float(y) + dy, px = float(x) + dx;
    float downs = floor(dy), rights = floor(dx);
    float fy = dy - downs, fx = dx - rights;
    int y0 = y + int(downs), x0 = x + int(rights);
    vec2 rows = y0 < 0 ? vec2(0.5 * fy) : y0 + 1 >= h ? vec2(0.5 - 0.5 * fy) : vec2(1.0 - fy, fy);
    vec2 cols = x0 < 0 ? vec2(0.5 * fx) : x0 + 1 >= w ? vec2(0.5 - 0.5 * fx) : vec2(1.0 - fx, fx);
    rows *= mask;
    uint top = uint(clamp(y0, 0, h - 1) * w), bottom = uint(clamp(y0 + 1, 0, h - 1) * w);
    uint left = uint(clamp(x0, 0, w - 1)), right = uint(clamp(x0 + 1, 0, w - 1));
    Sample s;
    s.real = py > -1.0 && px > -1.0 && py < float(h) && px < float(w) || isnan(mask);
    s.token = uvec4(top + left, top + right, bottom + left, bottom + right);
    s.weight = vec4(rows.x * cols, rows.y * cols);
    return s;
}

// Flat walks through [channels, positions] by steps of at most positions: element f is
// channel f / positions at position f % positions. No division.
struct Flat {
    uint channel, position;
};

void walk(inout Flat f, uint by, uint positions)
{
    f.position += by;
    if (f.position >= positions) {
        f.position -= positions;
        f.channel++;
    }
}
