#version 450
// y[i] = component i % 4 of texel i / 4, one invocation for each float, groups of 64.
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) uniform samplerBuffer x;
layout(set = 0, binding = 1) restrict writeonly buffer Y { float y[]; };

void main() {
	uint i = gl_GlobalInvocationID.x;
	if (i >= y.length()) return;
	y[i] = texelFetch(x, int(i / 4))[i % 4];
}
