//go:build cgo

package engine

import (
	"errors"
	"fmt"
)

// executable is what a driver compiled from one stage of a pipeline.
type executable struct {
	name     string
	subgroup int
}

// Statistics returns what the driver's compiler tells about the pipeline: registers, spills,
// whatever it counts; with the size of a subgroup in front ("Subgroup Size"). Without
// [Options.PipelineStatistics], or where the driver tells nothing, it is [ErrUnsupported].
func (p *Pipeline) Statistics() (list []Statistic, err error) {
	err = p.ask("statistics", func(i int, e executable) error {
		if e.subgroup > 0 { // 0: not known
			list = append(list, Statistic{"Subgroup Size", "invocations in a subgroup of " + e.name, float64(e.subgroup)})
		}
		return p.d.call("vkGetPipelineExecutableStatisticsKHR", p.label, func() int32 { return p.d.in.statistics(p.d.vk, p.vk, i, &list) })
	})
	return list, err
}

// Representations returns the forms of the pipeline's code that the driver shows as text, the
// device's instructions among them. Errors are those of [Pipeline.Statistics].
func (p *Pipeline) Representations() (list []Representation, err error) {
	err = p.ask("representations", func(i int, _ executable) error {
		return p.d.call("vkGetPipelineExecutableInternalRepresentationsKHR", p.label, func() int32 { return p.d.in.texts(p.d.vk, p.vk, i, &list) })
	})
	return list, err
}

// ask calls f for each executable of the pipeline.
func (p *Pipeline) ask(what string, f func(i int, e executable) error) error {
	d := p.d
	if d.extras.executables == 0 {
		why := "the device was opened without Options.PipelineStatistics"
		if d.opts.PipelineStatistics {
			why = fmt.Sprintf("the driver of %s has no VK_KHR_pipeline_executable_properties", d.info.Name)
		}
		return fmt.Errorf("engine: %s of pipeline %q: %s: %w", what, p.label, why, ErrUnsupported)
	}
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	var list []executable
	err := d.call("vkGetPipelineExecutablePropertiesKHR", p.label, func() int32 { return d.in.executables(d.vk, p.vk, &list) })
	for i, e := range list {
		if err == nil {
			err = f(i, e)
		}
	}
	return errors.Join(err, d.messages(p.label))
}
