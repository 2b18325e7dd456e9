// Element-wise operations with small operands that go with the channel. Each invocation
// takes ITEMS V's, a workgroup's width apart, so that a workgroup reads one run of memory;
// the channel is divided out once and then carried along.
layout(constant_id = 1) const uint ITEMS = 8;

// EACH_CHANNEL(count, cols) { ... } runs its body for each V e below count of this
// invocation, c being e's column, of cols.
#define EACH_CHANNEL(count, cols) \
    uint first = flatGroup() * gl_WorkGroupSize.x * ITEMS + gl_LocalInvocationID.x; \
    uint c = first % cols, on = gl_WorkGroupSize.x % cols, e = first; \
    for (uint i = 0; i < ITEMS; i++, e += gl_WorkGroupSize.x, c += on, c -= c >= cols ? cols : 0) \
        if (e < count)
