package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strconv"
)

// row is what a driver says of one pipeline on one chip.
type row struct {
	Driver   string // "Mesa 22.3.6"
	Chip     string // "vega10"
	Pipeline string // shader variant and specialization constants, "gemm_tiled 64 1 0 0"; with " subgroup 32" where asked for
	Uses     string // "GLIP-T/f32 GLIP-L/f32"
	Path     string // of one operation that uses it

	// What a driver does not tell is 0.
	Subgroup       int // invocations
	Registers      int // words for an invocation
	Scalars        int // words for a subgroup, where these are other registers
	Spilled        int // registers, or where the driver counts these, stores of them
	SpilledScalars int
	Scratch        int // bytes for a subgroup
	Shared         int // bytes of shared memory for a workgroup
	Waves          int // subgroups that fit on an execution unit (SIMD, core, multiprocessor) at a time: the occupancy
	Cycles         int // the compiler's estimate for one subgroup
	Instructions   int
	Code           int // bytes
	MultiplyAdds   int // instructions of the inner loop that multiply and add
	Loop           int // instructions of the inner loop, 0 where there is none or the driver shows none
}

// key is what a row is compared by.
func (r row) key() string { return r.place() + ": " + r.Pipeline }

// place is the driver and the chip.
func (r row) place() string { return r.Driver + ", " + r.Chip }

// String names the row for a message.
func (r row) String() string { return fmt.Sprintf("%s: %s (%s)", r.place(), r.Pipeline, r.Path) }

// spills reports registers in memory.
func (r row) spills() bool { return r.Spilled+r.SpilledScalars+r.Scratch > 0 }

// fields pairs the columns of a file with the row's members.
func (r *row) fields() []field {
	return []field{
		{"driver", &r.Driver, nil}, {"chip", &r.Chip, nil}, {"pipeline", &r.Pipeline, nil}, {"uses", &r.Uses, nil}, {"path", &r.Path, nil},
		{"subgroup", nil, &r.Subgroup}, {"registers", nil, &r.Registers}, {"scalars", nil, &r.Scalars}, {"spilled", nil, &r.Spilled},
		{"spilled_scalars", nil, &r.SpilledScalars}, {"scratch", nil, &r.Scratch}, {"shared", nil, &r.Shared}, {"waves", nil, &r.Waves},
		{"cycles", nil, &r.Cycles}, {"instructions", nil, &r.Instructions}, {"code", nil, &r.Code}, {"multiply_adds", nil, &r.MultiplyAdds},
		{"loop", nil, &r.Loop},
	}
}

// field is a column: a string or a number.
type field struct {
	name   string
	text   *string
	number *int
}

func writeRows(w io.Writer, rows []row) error {
	c := csv.NewWriter(w)
	for i := -1; i < len(rows); i++ {
		r := &row{}
		if i >= 0 {
			r = &rows[i]
		}
		var record []string
		for _, f := range r.fields() {
			switch {
			case i < 0:
				record = append(record, f.name)
			case f.text != nil:
				record = append(record, *f.text)
			default:
				record = append(record, strconv.Itoa(*f.number))
			}
		}
		if err := c.Write(record); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func readRows(r io.Reader) ([]row, error) {
	records, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, err
	}
	var rows []row
	for i, record := range records {
		var r row
		fields := r.fields()
		if len(record) != len(fields) {
			return nil, fmt.Errorf("line %d has %d columns, %d are expected: was it written by another version?", i+1, len(record), len(fields))
		}
		for j, f := range fields {
			switch {
			case i == 0 && record[j] != f.name:
				return nil, fmt.Errorf("column %d is %q, expected is %q: was it written by another version?", j+1, record[j], f.name)
			case i == 0:
			case f.text != nil:
				*f.text = record[j]
			default:
				if *f.number, err = strconv.Atoi(record[j]); err != nil {
					return nil, fmt.Errorf("line %d, %s: %w", i+1, f.name, err)
				}
			}
		}
		if i > 0 {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

func readFiles(paths []string) ([]row, error) {
	var all []row
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		rows, err := readRows(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, rows...)
	}
	return all, nil
}
