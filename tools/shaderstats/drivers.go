package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/engine"
)

// driver is how one of Mesa's drivers tells what became of a pipeline.
type driver struct {
	name       string // a part of how it calls itself
	statistics []statistic
	assembly   string // the representation that has the instructions, "" where there is none
	dialect    *dialect
}

// statistic is a column of a row and where a driver tells it.
type statistic struct {
	column string
	name   string
	unit   float64 // of the driver's number, in ours; 0 is 1
	seen   string  // what a text of the compiler has where it is used, for a number of what is reserved; "" where the number is of what is used
}

var drivers = []driver{
	{"radv", []statistic{
		{column: "subgroup", name: "Subgroup Size"}, {column: "registers", name: "VGPRs"}, {column: "scalars", name: "SGPRs"},
		{column: "spilled", name: "Spilled VGPRs"}, {column: "spilled_scalars", name: "Spilled SGPRs"}, {column: "scratch", name: "Scratch size"},
		{column: "shared", name: "LDS size"}, {column: "waves", name: "Subgroups per SIMD"}, {column: "cycles", name: "Inverse Throughput"},
		{column: "instructions", name: "Instructions"}, {column: "code", name: "Code size"},
	}, "Assembly", amd},
	{"turnip", []statistic{ // its registers have four words
		{column: "subgroup", name: "Subgroup Size"}, {column: "registers", name: "Registers used", unit: 4}, {column: "spilled", name: "STP Count"},
		{column: "waves", name: "Max Waves Per Core"}, {column: "instructions", name: "Instruction Count"}, {column: "code", name: "Code size"},
	}, "IR3 Assembly", adreno},
	{"NVK", []statistic{
		{column: "subgroup", name: "Subgroup Size"}, {column: "registers", name: "Number of GPRs"}, {column: "spilled", name: "Spills to memory"},
		{column: "scratch", name: "SLM size"}, {column: "waves", name: "Max warps/SM"}, {column: "cycles", name: "Static cycle count"},
		{column: "instructions", name: "Instruction count"}, {column: "code", name: "Code size"},
	}, "NAK assembly", nvidia},
	{"Honeykrisp", []statistic{ // its registers have half a word
		{column: "subgroup", name: "Subgroup Size"}, {column: "registers", name: "GPRs", unit: 0.5}, {column: "spilled", name: "Spills"},
		{column: "scratch", name: "Scratch"}, {column: "waves", name: "Threads", unit: 1.0 / 32}, {column: "instructions", name: "Instructions"},
		{column: "code", name: "Code size"},
	}, "", nil},
	{"Intel", []statistic{
		{column: "subgroup", name: "Subgroup Size"}, {column: "spilled", name: "Spill Count"}, {column: "scratch", name: "Scratch Memory Size"},
		{column: "shared", name: "Workgroup Memory Size"}, {column: "cycles", name: "Cycle Count"}, {column: "instructions", name: "Instruction Count"},
	}, "GEN Assembly", intel},
	{"panvk", []statistic{
		{column: "subgroup", name: "Subgroup Size"}, {column: "registers", name: "Registers used"}, {column: "spilled", name: "Spills"},
		{column: "waves", name: "Threads"}, {column: "cycles", name: "Cycles"}, {column: "instructions", name: "Instructions"}, {column: "code", name: "Code size"},
	}, "", nil},
	{"V3DV", []statistic{ // it reserves memory for arrays before it knows that none of them stays one
		{column: "subgroup", name: "Subgroup Size"}, {column: "spilled", name: "TMU Spills"}, {column: "scratch", name: "Spill Size", seen: "_scratch"},
		{column: "waves", name: "Thread Count"}, {column: "instructions", name: "Instruction Count"},
	}, "", nil},
	{"Imagination", []statistic{
		{column: "subgroup", name: "Subgroup Size"}, {column: "registers", name: "Temp count"}, {column: "spilled", name: "Spill count"},
		{column: "scratch", name: "Scratch size"}, {column: "instructions", name: "Inst group count"}, {column: "code", name: "Code size"},
	}, "", nil},
}

// driverOf finds how a device's driver tells.
func driverOf(info engine.Info) (driver, error) {
	for _, d := range drivers {
		if strings.Contains(info.Driver, d.name) {
			return d, nil
		}
	}
	return driver{}, fmt.Errorf("%s has the driver %q, of whose statistics tools/shaderstats knows nothing (drivers.go)", info.Name, info.Driver)
}

// read fills in what the driver says of a pipeline.
func (d driver) read(p *engine.Pipeline, r *row) error {
	told, err := p.Statistics()
	if err != nil {
		return err
	}
	has := map[string]float64{}
	for _, s := range told {
		has[s.Name] = s.Value
	}
	columns := map[string]*int{}
	for _, f := range r.fields() {
		columns[f.name] = f.number
	}
	for _, s := range d.statistics {
		v, ok := has[s.name]
		if !ok {
			return fmt.Errorf("the driver does not tell %q; it tells %q: tools/shaderstats must learn its new name", s.name, slices.Sorted(maps.Keys(has)))
		}
		if s.seen != "" && v > 0 {
			texts, err := p.Representations()
			if err != nil {
				return err
			}
			if !s.used(texts) {
				v = 0
			}
		}
		if s.unit != 0 {
			v *= s.unit
		}
		*columns[s.column] = int(v)
	}
	if d.assembly == "" || !products(r.Pipeline) {
		return nil
	}
	texts, err := p.Representations()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(texts, func(t engine.Representation) bool { return t.Name == d.assembly })
	if i < 0 {
		return errors.New("the driver shows no assembly")
	}
	l, err := d.dialect.innerLoop(texts[i].Text)
	r.MultiplyAdds, r.Loop = l.MultiplyAdds, l.Instructions
	return err
}

// used reports whether what is reserved is used.
func (s statistic) used(texts []engine.Representation) bool {
	return slices.ContainsFunc(texts, func(t engine.Representation) bool { return strings.Contains(t.Text, s.seen) })
}

// products reports shaders that are matrix products.
func products(pipeline string) bool {
	return strings.HasPrefix(pipeline, "gemm") || strings.HasPrefix(pipeline, "attention")
}
