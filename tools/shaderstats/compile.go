package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/engine"
)

// compile makes every pipeline on a device that pretends to be the chip.
func compile(chip string) (rows []row, err error) {
	d, err := engine.Open(engine.Options{Device: chip, CompileOnly: true, PipelineStatistics: true, NoCache: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	info := d.Info()
	uses, err := pipelines(info)
	if err != nil {
		return nil, err
	}
	at := map[*engine.Pipeline]int{} // its row
	names := map[string]bool{}
	for _, u := range uses {
		r := row{Driver: info.DriverVersion, Chip: chip, Pipeline: name(u.spec), Uses: u.by, Path: u.path}
		p, err := d.Pipeline(context.Background(), u.spec) // equal specs give the same one
		i, seen := at[p]
		switch {
		case err != nil:
		case seen:
			if !slices.Contains(strings.Fields(rows[i].Uses), u.by) {
				rows[i].Uses += " " + u.by
			}
			continue
		case names[r.Pipeline]:
			err = errors.New("another pipeline has the same name and constants: nothing would tell their rows apart")
		default:
			err = r.read(p)
		}
		if err != nil {
			return nil, fmt.Errorf("%s of %s (%s): %w", r.Pipeline, u.path, u.by, err)
		}
		at[p], names[r.Pipeline] = len(rows), true
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.Pipeline, b.Pipeline) })
	return rows, nil
}

// name says what tells a pipeline from others of the same model.
func name(s engine.PipelineSpec) string {
	n := s.Label
	for _, c := range s.Constants {
		n += fmt.Sprintf(" %d", c)
	}
	if s.Subgroup != 0 {
		n += fmt.Sprintf(" subgroup %d", s.Subgroup)
	}
	return n
}

// read fills in what the driver says of a pipeline.
func (r *row) read(p *engine.Pipeline) error {
	statistics, err := p.Statistics()
	if err != nil {
		return err
	}
	has := map[string]float64{}
	for _, s := range statistics {
		has[s.Name] = s.Value
	}
	for _, f := range []struct {
		name string
		out  *int
	}{
		{"Subgroup Size", &r.Subgroup}, {"VGPRs", &r.VGPRs}, {"SGPRs", &r.SGPRs}, {"Spilled VGPRs", &r.SpilledVGPRs},
		{"Spilled SGPRs", &r.SpilledSGPRs}, {"Scratch size", &r.Scratch}, {"LDS size", &r.LDS}, {"Subgroups per SIMD", &r.Waves},
		{"Inverse Throughput", &r.InverseThroughput}, {"Code size", &r.Code},
	} {
		v, ok := has[f.name]
		if !ok {
			return fmt.Errorf("the driver does not tell %q; it tells %q: tools/shaderstats must learn its new name", f.name, slices.Sorted(maps.Keys(has)))
		}
		*f.out = int(v)
	}
	if !products(r.Pipeline) {
		return nil
	}
	texts, err := p.Representations()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(texts, func(t engine.Representation) bool { return t.Name == "Assembly" })
	if i < 0 {
		return errors.New("the driver shows no assembly")
	}
	l, err := innerLoop(texts[i].Text)
	r.MultiplyAdds, r.Loop = l.MultiplyAdds, l.Instructions
	return err
}

// products reports shaders that are matrix products.
func products(pipeline string) bool {
	return strings.HasPrefix(pipeline, "gemm") || strings.HasPrefix(pipeline, "attention")
}
