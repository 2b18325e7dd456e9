#version 450
// Keeps the device busy: every invocation iterates `rounds` times over its element. The
// update depends on memory and on itself, so that no compiler can shorten it. Mesa's
// software driver ends every invocation's loops after 65535 iterations in all.
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) restrict buffer X { uint x[]; };
layout(push_constant) uniform Push { uint rounds; };

void main() {
	uint i = gl_GlobalInvocationID.x;
	if (i >= x.length()) return;
	uint v = x[i];
	for (uint k = 0; k < rounds; k++) v = v * 1664525u + 1013904223u + (v >> 7);
	x[i] = v;
}
