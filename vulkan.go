package glipvk

import (
	"context"
	"fmt"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// newVulkan opens a Vulkan device.
func newVulkan(ctx context.Context, o Options, g *graph.Graph, src source, progress func(done, total int64)) (executor, DeviceInfo, error) {
	return nil, DeviceInfo{}, fmt.Errorf("glipvk: the Vulkan executor is not part of this build: %w", engine.ErrNoDevice)
}
