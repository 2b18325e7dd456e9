#version 450
// y[i] = half float i % 4 of texel i / 4, whose words hold two each; groups of 64.
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) uniform usamplerBuffer x;
layout(set = 0, binding = 1) restrict writeonly buffer Y { float y[]; };

void main() {
	uint i = gl_GlobalInvocationID.x;
	if (i >= y.length()) return;
	y[i] = unpackHalf2x16(texelFetch(x, int(i / 4))[i % 4 / 2])[i % 2];
}
