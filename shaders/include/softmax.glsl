// What softmax over rows is made of, here and in parts: it reads x and writes y, both [rows, cols], and is
// included behind their bindings and the push constants. Rows are taken by four elements, a quad: with
// VEC 1, where four do not divide cols, the last is filled up with minus infinity, whose power is 0. So the
// order of a row's sum is the same however far it is padded.

// The maximum begins finite, because infinite minus infinite is no number: a row of minus infinity
// throughout sums to 0 and becomes NaN by the division alone.
const float LEAST = -3.4e38;

// Terms go to the sum in blocks of so many quads, because one long sum of small terms would round each of
// them to what it has reached.
const uint BLOCK = 16;

// power is exp(x), and not a number where x is none: what exp makes of a NaN differs by device.
float power(float x) { return isnan(x) ? x : exp(x); }
vec4 power(vec4 x) { return vec4(power(x.x), power(x.y), power(x.z), power(x.w)); }

// higher is the greatest of a number and the elements of a quad, NaN aside.
float higher(float a, float v) { return v > a ? v : a; }
float higher(float a, vec4 v) { return higher(higher(higher(higher(a, v.x), v.y), v.z), v.w); }

uint quads() { return (cols + 3) / 4; }

// whole says whether element i of quad q is one of the row.
bool whole(uint q, uint i) { return VEC == 4 || q * 4 + i < cols; }

vec4 quad(uint row, uint q)
{
#if VEC == 4
    return AT4(x, row * quads() + q);
#else
    vec4 v = vec4(uintBitsToFloat(0xff800000u)); // minus infinity
    [[unroll]] for (uint i = 0; i < 4; i++)
        if (whole(q, i))
            v[i] = AT1(x, row * cols + q * 4 + i);
    return v;
#endif
}

void put(uint row, uint q, vec4 v)
{
#if VEC == 4
    y[row * quads() + q] = out4(v);
#else
    [[unroll]] for (uint i = 0; i < 4; i++)
        if (whole(q, i))
            y[row * cols + q * 4 + i] = v[i];
#endif
}
