// Rows shared out to lanes: LANES neighbouring invocations of a workgroup work on
// one row, and sum or maximise what they found through shared memory. With LANES 1
// every invocation has a row of its own and nothing is shared.
layout(constant_id = 1) const uint LANES = 1; // a power of two that divides the workgroup size

shared float partial[gl_WorkGroupSize.x];

uint rowOfLane() { return (flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x) / LANES; }
uint laneOfRow() { return gl_LocalInvocationID.x % LANES; }

// rowSum is the sum of v over the lanes of a row, the same for all of them.
float rowSum(float v)
{
    if (LANES == 1)
        return v;
    uint me = gl_LocalInvocationID.x;
    partial[me] = v;
    barrier();
    for (uint half_ = LANES / 2; half_ > 0; half_ /= 2) {
        if (laneOfRow() < half_)
            partial[me] += partial[me + half_];
        barrier();
    }
    v = partial[me - laneOfRow()];
    barrier();
    return v;
}

// rowMax is the greatest v over the lanes of a row, the same for all of them.
float rowMax(float v)
{
    if (LANES == 1)
        return v;
    uint me = gl_LocalInvocationID.x;
    partial[me] = v;
    barrier();
    for (uint half_ = LANES / 2; half_ > 0; half_ /= 2) {
        if (laneOfRow() < half_)
            partial[me] = max(partial[me], partial[me + half_]);
        barrier();
    }
    v = partial[me - laneOfRow()];
    barrier();
    return v;
}
