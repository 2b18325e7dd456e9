// What softmax over rows is made of, here and in parts. V is a vec4, or a float with VEC 1.

// The maximum begins finite, because infinite minus infinite is no number: a row of minus infinity
// throughout sums to 0 and becomes NaN by the division alone.
const float LEAST = -3.4e38;

// Terms go to the sum in blocks of so many V's, because one long sum of small terms would round each of
// them to what it has reached.
const uint BLOCK = 16;

// power is exp(x), and not a number where x is none: what exp makes of a NaN differs by device.
float power(float x) { return isnan(x) ? x : exp(x); }
vec4 power(vec4 x) { return vec4(power(x.x), power(x.y), power(x.z), power(x.w)); }

// higher is the greatest of a number and the elements of a V, NaN aside.
float higher(float a, float v) { return v > a ? v : a; }
float higher(float a, vec4 v) { return higher(higher(higher(higher(a, v.x), v.y), v.z), v.w); }
