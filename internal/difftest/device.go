package difftest

import (
	"os"
	"testing"

	"github.com/glipvk/glipvk/engine"
)

// OpenDevice opens the device that tests run on, with validation and synchronization
// validation, and closes it with the test, which fails if any Vulkan object is left.
// Without a device the test is skipped; under REQUIRE_VULKAN=1 it fails.
func OpenDevice(tb testing.TB, o engine.Options) *engine.Device {
	tb.Helper()
	o.Validation = true
	d, err := engine.Open(o)
	if err != nil {
		if os.Getenv("REQUIRE_VULKAN") == "1" {
			tb.Fatalf("REQUIRE_VULKAN is 1: %v", err)
		}
		tb.Skipf("no Vulkan: %v", err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Errorf("closing the device: %v", err)
		}
		if n := d.Live(); n != 0 {
			tb.Errorf("%d Vulkan objects are left after Close", n)
		}
	})
	return d
}
