#version 450
#extension GL_KHR_shader_subgroup_basic : require
// y[i] = number of invocations in the subgroup of invocation i; the group's x is constant 0.
layout(local_size_x_id = 0, local_size_x = 64) in;
layout(set = 0, binding = 0) restrict writeonly buffer Y { float y[]; };

void main() {
	y[gl_GlobalInvocationID.x] = float(gl_SubgroupSize);
}
