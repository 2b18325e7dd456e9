package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/engine"
)

// compile makes every pipeline on a device that pretends to be the chip; device is a part of the name that its driver gives it.
func compile(chip, device string) (rows []row, err error) {
	d, err := engine.Open(engine.Options{Device: device, CompileOnly: true, PipelineStatistics: true, NoCache: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	info := d.Info()
	told, err := driverOf(info)
	if err != nil {
		return nil, err
	}
	uses, err := pipelines(info)
	if err != nil {
		return nil, err
	}
	if !emulated(chip) {
		uses = append(uses, tries(uses)...)
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
			err = told.read(p, &r)
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
