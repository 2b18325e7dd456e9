// How shaders name their operands, written once for two kinds of reading:
// storage buffers, and (define TEXEL) uniform texel buffers. Mesa's llvmpipe reads
// a storage buffer lane by lane behind a bounds check, but gathers a texel buffer
// for all lanes at once, which is several times faster there.
//
// READ4/AT4 see an operand as vec4s, READ1/AT1 as floats; READV/ATV and WRITEV as
// the type V, which is vec4 unless VEC is 1. Every operand is one binding of set 0.
#extension GL_EXT_control_flow_attributes : require

// READ4H/AT4H and WRITE4H are vec4s of 16-bit floats; AT4H gives a vec4, HALF4 packs one.
#define HALF4(v) uvec2(packHalf2x16((v).xy), packHalf2x16((v).zw))
vec4 fromHalf4(uvec2 v) { return vec4(unpackHalf2x16(v.x), unpackHalf2x16(v.y)); }
#ifdef TEXEL
#define READ4H(slot, name) layout(set = 0, binding = slot) uniform usamplerBuffer name
#define AT4H(name, i) fromHalf4(texelFetch(name, int(i)).xy)
#define READ4(slot, name) layout(set = 0, binding = slot) uniform samplerBuffer name
#define READ1(slot, name) layout(set = 0, binding = slot) uniform samplerBuffer name
#define AT4(name, i) texelFetch(name, int(i))
#define AT1(name, i) texelFetch(name, int(i)).x
#else
#define READ4H(slot, name) layout(std430, set = 0, binding = slot) readonly buffer Block_##name { uvec2 name[]; }
#define AT4H(name, i) fromHalf4(name[i])
#define READ4(slot, name) layout(std430, set = 0, binding = slot) readonly buffer Block_##name { vec4 name[]; }
#define READ1(slot, name) layout(std430, set = 0, binding = slot) readonly buffer Block_##name { float name[]; }
#define AT4(name, i) name[i]
#define AT1(name, i) name[i]
#endif
#ifdef TEXEL
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#define WRITE4(slot, name) layout(std430, set = 0, binding = slot) writeonly buffer Block_##name { u64vec2 name[]; }
u64vec2 out4(vec4 v) { return u64vec2(packUint2x32(floatBitsToUint(v.xy)), packUint2x32(floatBitsToUint(v.zw))); }
#else
#define WRITE4(slot, name) layout(std430, set = 0, binding = slot) writeonly buffer Block_##name { vec4 name[]; }
vec4 out4(vec4 v) { return v; }
#endif
#define WRITE4H(slot, name) layout(std430, set = 0, binding = slot) writeonly buffer Block_##name { uvec2 name[]; }
#define WRITE1(slot, name) layout(std430, set = 0, binding = slot) writeonly buffer Block_##name { float name[]; }

#ifndef VEC
#define VEC 4
#endif
#if VEC == 4
#define V vec4
#define READV READ4
#define WRITEV WRITE4
#define ATV AT4
#define SUM(v) dot(v, vec4(1))
#define OUTV out4
#else
#define V float
#define READV READ1
#define WRITEV WRITE1
#define ATV AT1
#define SUM(v) (v)
#define OUTV
#endif

// Workgroup size along x; the other axes are 1.
layout(local_size_x_id = 0) in;

// Number of this workgroup in a grid that is folded into two axes, because one
// axis is guaranteed 65535 groups only.
uint flatGroup() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }
