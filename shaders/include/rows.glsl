// Rows shared out to lanes: LANES neighbouring invocations of a workgroup work on
// one row, and sum or maximise what they found through shared memory. With LANES 1
// every invocation has a row of its own and nothing is shared.
layout(constant_id = 1) const uint LANES = 1; // a power of two that divides the workgroup size

shared float partial[gl_WorkGroupSize.x];

uint rowOfLane() { return (flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x) / LANES; }
uint laneOfRow() { return gl_LocalInvocationID.x % LANES; }

// rowReduce is the sum of v over the lanes of a row, or the greatest, the same for all of them.
float rowReduce(float v, bool greatest)
{
    if (LANES == 1)
        return v;
    uint me = gl_LocalInvocationID.x;
    partial[me] = v;
    barrier();
    for (uint reach = LANES / 2; reach > 0; reach /= 2) {
        if (laneOfRow() < reach) {
            float other = partial[me + reach];
            partial[me] = greatest ? max(partial[me], other) : partial[me] + other;
        }
        barrier();
    }
    v = partial[me - laneOfRow()];
    barrier();
    return v;
}

float rowSum(float v) { return rowReduce(v, false); }
float rowMax(float v) { return rowReduce(v, true); }
