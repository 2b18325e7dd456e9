package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/swin"
	"github.com/spf13/cobra"
)

func newDevices() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "devices",
		Short: "list the Vulkan devices and what they can do",
		Long: `devices lists every Vulkan device with the limits and features that the shaders
use or would use, and why one cannot be used. It says what --device auto takes: the best
GPU, or else the CPU, and then why: there is no device, the driver or the loader is broken,
or all there is is a driver that runs on the CPU, which is slower than package cpu; that
is used when it is named (--device vulkan).`,
		Example: `  glip devices
  glip devices --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listDevices(cmd.OutOrStdout(), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// deviceList is the JSON form.
type deviceList struct {
	Devices []engine.Info `json:"devices"`
	Vulkan  string        `json:"vulkan,omitempty"` // what --device vulkan takes, "" for none
	Auto    string        `json:"auto"`             // what --device auto takes
	Reason  string        `json:"reason,omitempty"` // why that is the CPU
}

func listDevices(w io.Writer, asJSON bool) error {
	infos, err := glipvk.Devices()
	if fit := unfit(infos); err == nil {
		err = fit
	}
	gpus, why := executor.Auto(infos, err)
	list := deviceList{Devices: infos, Auto: "cpu", Reason: why}
	if ranked := engine.Ranked(infos); len(ranked) > 0 {
		list.Vulkan = ranked[0].Name
	}
	if len(gpus) > 0 {
		list.Auto = gpus[0].Name
	}
	if asJSON {
		if list.Devices == nil {
			list.Devices = []engine.Info{}
		}
		return writeJSON(w, list)
	}
	for _, d := range infos {
		if err := printDevice(w, d); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(w, "vulkan takes: %s\nauto takes: %s\n", cmp.Or(list.Vulkan, "none"), list.Auto)
	if why != "" && err == nil {
		_, err = fmt.Fprintf(w, "because: %s\n", why)
	}
	return err
}

// unfit calls those devices unusable that cannot run a small backbone, whose shaders every model has.
func unfit(infos []engine.Info) error {
	cfg, err := swin.Preset("tiny", 7, 224)
	if err != nil {
		return err
	}
	g, err := swin.Record(cfg, swin.Input{Batch: 1, Height: 224, Width: 224})
	if err != nil {
		return err
	}
	for i := range infos {
		if err := executor.Fits(g, infos[i]); err != nil && infos[i].Unusable == "" {
			infos[i].Unusable = err.Error()
		}
	}
	return nil
}

func printDevice(w io.Writer, d engine.Info) error {
	fmt.Fprintf(w, "%d: %s\n", d.Index, d.Name)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(tw, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	c := d.Caps
	if d.Unusable != "" {
		row("unusable", "%s", d.Unusable)
	}
	if d.Note != "" {
		row("note", "%s", d.Note)
	}
	row("type", "%s", d.Kind)
	row("driver", "%s %s", d.Driver, d.DriverVersion)
	row("Vulkan", "%s", d.APIVersion)
	row("ids", "vendor %#x, device %#x", d.VendorID, d.DeviceID)
	for i, h := range d.Heaps {
		local := "host"
		if h.DeviceLocal {
			local = "device-local"
		}
		if h.Left < h.Bytes {
			local += ", " + bytesText(h.Left) + " left"
		}
		row(fmt.Sprintf("heap %d", i), "%s, %s", bytesText(h.Bytes), local)
	}
	row("unified memory", "%s", yes(c.UnifiedMemory, "no staging copies"))
	for i, q := range d.Queues {
		row(fmt.Sprintf("queues %d", i), "%s", queueText(q))
	}
	row("storage buffer", "%s at most, offsets multiple of %d bytes", bytesText(c.MaxStorageBufferRange), c.StorageAlignment)
	row("texel buffer", "%s texels", grouped(c.MaxTexels))
	row("allocations", "%s at most, %s each", grouped(int64(c.MaxAllocations)), bytesText(c.MaxAllocationBytes))
	row("workgroup", "%d invocations, %v, %s shared memory", c.MaxInvocations, c.MaxWorkgroupSize, bytesText(int64(c.MaxSharedMemory)))
	row("workgroups", "%v in a dispatch", c.MaxWorkgroups)
	row("push constants", "%d bytes", c.MaxPushConstants)
	row("bindings", "%d storage buffers, %d texel buffers, %d in all", c.MaxBindings, c.MaxTexelBindings, c.MaxResources)
	row("timestamps", "%d bits of %g ns", c.TimestampBits, c.TimestampPeriod)
	row("subgroup", "%s", subgroupText(c))
	row("would use", "float16 %v, int8 %v, int16 %v, int64 %v, 16-bit storage %v, cooperative matrix %v",
		c.Float16, c.Int8, c.Int16, c.Int64, c.Storage16, c.CooperativeMatrix)
	return tw.Flush()
}

func queueText(q engine.Queue) string {
	text := fmt.Sprint(q.Count)
	if q.Compute {
		text += ", compute"
	}
	if q.Graphics {
		text += ", graphics"
	}
	if q.Chosen {
		text += ", used"
	}
	return text
}

func subgroupText(c engine.Caps) string {
	text := fmt.Sprintf("%d invocations, %s", c.SubgroupSize, strings.Join(c.SubgroupOperations, " "))
	if c.SubgroupSizeControl {
		text += fmt.Sprintf(", selectable from %d to %d", c.SubgroupMin, c.SubgroupMax)
	}
	return text
}

func yes(is bool, then string) string {
	if is {
		return "yes, " + then
	}
	return "no"
}

// bytesText writes a size in binary units.
func bytesText(n int64) string {
	switch {
	case n >= 1<<60:
		return "unlimited"
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
