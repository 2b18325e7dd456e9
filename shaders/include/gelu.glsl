// GELU(x) = x * Phi(x) with Phi(x) = erfc(-x/sqrt 2)/2, the exact form and not tanh's.
// erfc(z) = t * exp(-z*z + p(t)), t = 1/(1 + z/2), for z >= 0: p is a polynomial of
// degree 9 fitted to ln(erfc(z)*exp(z*z)/t) on 0 <= z <= 9, within 4e-8 everywhere.
// GELU's own error stays below 2e-7 * max(1, |x|), rounding included (kernels/gelu_test.go).
float gelu(float x)
{
    float z = abs(x) * 0.70710678;
    float t = 1.0 / (1.0 + 0.5 * z);
    float p = 0.13338649;
    p = p * t - 0.61744215;
    p = p * t + 1.00624892;
    p = p * t - 0.49404189;
    p = p * t - 0.24926522;
    p = p * t + 0.09206358;
    p = p * t + 0.00333808;
    p = p * t + 0.39327221;
    p = p * t + 0.99784874;
    p = p * t - 1.26540872;
    float tail = 0.5 * t * exp(p - z * z);
    return x * (x < 0.0 ? tail : 1.0 - tail);
}

vec4 gelu(vec4 x) { return vec4(gelu(x.x), gelu(x.y), gelu(x.z), gelu(x.w)); }
