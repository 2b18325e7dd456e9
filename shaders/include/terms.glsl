// Losses: sums of what each of count terms says, and with GRADIENT the slopes of each. Of sums an
// invocation makes one part, of terms `blocks` apart. The includer declares count and blocks.
layout(constant_id = 1) const bool GRADIENT = false;

uint invocation() { return flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x; }

// power is exp(x), NaN where x is: what exp makes of it differs by device.
float power(float x) { return isnan(x) ? x : exp(x); }

float logistic(float v) { return 1.0 / (1.0 + power(-v)); }

// near is ln(1 + exp(-|v|)), by the series of 2 artanh(e / (2 + e)): log is not exact near 1.
float near(float v)
{
    float e = power(-abs(v)), s = e / (2.0 + e), q = s * s;
    return 2.0 * s * (1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * (1.0 / 9.0 + q * (1.0 / 11.0 + q / 13.0))))));
}

// softplus is ln(1 + exp(v)).
float softplus(float v) { return (v > 0.0 ? v : 0.0) + near(v); }
