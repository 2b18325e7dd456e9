#version 450
// Layout change of pictures, x [tokens, C] -> y [C, tokens] of each, for software drivers, to
// which shared memory and barriers are dear (channelsfirst.comp is for graphics cards): an
// invocation turns BLOCKS blocks of 4 x 4 floats, one behind the other along C, in
// registers. Neighbouring invocations take neighbouring tokens, so that a workgroup writes
// runs and reads whole cache lines. All sizes and starts are multiples of 4, in vec4s; with
// RAGGED blocks are 1 x 4, and those of tokens and y are any, in floats. The grid's last axis counts pictures.
#include "bindings.glsl"

layout(constant_id = 1) const uint BLOCKS = 4;

layout(push_constant) uniform Push {
    uint tokens, token0, allTokens;
    uint channels, channel0, allChannels;
    uint xStart, yStart; // by which the bound ranges begin early
};

READ4(0, x);
#ifdef RAGGED
WRITE1(1, y);
#define OUT
#else
WRITE4(1, y);
#define OUT out4
#endif

void main()
{
    uint e = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint t = e % tokens, c = e / tokens * BLOCKS;
    for (uint i = c; i < min(c + BLOCKS, channels); i++) {
        uint to = yStart + gl_WorkGroupID.z * 4 * allTokens * allChannels + 4 * i * allTokens + token0 + t;
#ifdef RAGGED
        vec4 block = AT4(x, xStart + gl_WorkGroupID.z * allTokens * allChannels + t * allChannels + channel0 + i);
#else
        uint from = xStart + gl_WorkGroupID.z * 4 * allTokens * allChannels + 4 * t * allChannels + channel0 + i;
        mat4 block;
        [[unroll]] for (uint k = 0; k < 4; k++)
            block[k] = AT4(x, from + k * allChannels);
        block = transpose(block);
#endif
        [[unroll]] for (uint k = 0; k < 4; k++)
            y[to + k * allTokens] = OUT(block[k]);
    }
}
