// Package engine computes with Vulkan: devices, memory, pipelines, recorded commands. It
// is the only package of the project that sees Vulkan.
package engine
