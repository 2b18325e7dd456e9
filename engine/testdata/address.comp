#version 450
// y[i] = 2 * x[i] through addresses alone; x is 16-byte aligned, as the engine promises.
#extension GL_EXT_buffer_reference : require
layout(local_size_x = 64) in;
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer In { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) writeonly buffer Out { float v[]; };
layout(push_constant) uniform Push { In x; Out y; uint n; };
void main()
{
    if (gl_GlobalInvocationID.x < n)
        y.v[gl_GlobalInvocationID.x] = 2.0 * x.v[gl_GlobalInvocationID.x];
}
