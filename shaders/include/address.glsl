// Reading by address, for software drivers that run a subgroup as one vector and keep
// what is the same for all its lanes in scalar registers (Mesa's llvmpipe, seen in 26.2 and not in 22.3): a load
// whose address is uniform costs one scalar load there, and eight neighbouring ones,
// dealt out to the lanes by their number, become one vector load. A load whose address
// differs by lane is a gather, many times dearer, and one through a descriptor comes
// with a bounds check for every float. So everything here is read at uniform addresses.
//
// Addresses come in push constants, as 64-bit numbers; what they name is 16-byte aligned.
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_shuffle : require

layout(buffer_reference, std430, buffer_reference_align = 16) readonly restrict buffer Vecs { vec4 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 8) readonly restrict buffer Pairs { uint64_t v[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) readonly restrict buffer Words { uvec4 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) readonly restrict buffer Floats { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) writeonly restrict buffer WordsOut { uint v[]; };
layout(buffer_reference, std430, buffer_reference_align = 8) writeonly restrict buffer PairsOut { uint64_t v[]; };
// Written and read by the same subgroup.
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Scratch { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Rows { vec4 v[]; }; // of scratch, or not

// Workgroup size along x, which is one subgroup.
layout(local_size_x_id = 0) in;

#define LANE gl_SubgroupInvocationID

// deal8 gives lane l element l of its arguments. The lane's number is a constant for the
// driver, so that these selections cost nothing beyond the load they become.
float deal8(vec4 a, vec4 b)
{
    float v = LANE == 7 ? b.w : b.z;
    v = LANE == 5 ? b.y : v;
    v = LANE == 4 ? b.x : v;
    v = LANE == 3 ? a.w : v;
    v = LANE == 2 ? a.z : v;
    v = LANE == 1 ? a.y : v;
    return LANE == 0 ? a.x : v;
}
uint deal8(uvec4 a, uvec4 b)
{
    uint v = LANE == 7 ? b.w : b.z;
    v = LANE == 5 ? b.y : v;
    v = LANE == 4 ? b.x : v;
    v = LANE == 3 ? a.w : v;
    v = LANE == 2 ? a.z : v;
    v = LANE == 1 ? a.y : v;
    return LANE == 0 ? a.x : v;
}
