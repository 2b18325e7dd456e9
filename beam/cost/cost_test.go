package cost

import (
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

func TestOn(t *testing.T) {
	second := Machine{Detect: time.Second, Cores: 4, Price: 2, Out: 100}
	job := Job{Pictures: 7200, Machines: 2, In: 900, Decode: time.Second, Storage: 1e6}
	for _, c := range []struct {
		about  string
		change func(*Job, *Machine)
		want   Estimate
	}{
		{"a second each, two machines", func(*Job, *Machine) {}, Estimate{3600, 1, 4, 7200 * 900, 7200 * 100, "model", 1000}},
		{"decoding beside the model", func(j *Job, _ *Machine) { j.Decode = 8 * time.Second }, Estimate{1800, 2, 8, 7200 * 900, 7200 * 100, "decoding", 2000}},
		{"decoding on the model's cores", func(_ *Job, m *Machine) { m.Shared = true }, Estimate{2880, 1.25, 5, 7200 * 900, 7200 * 100, "model", 1250}},
		{"slow storage", func(j *Job, _ *Machine) { j.Storage = 1000 }, Estimate{3600, 2, 8, 7200 * 900, 7200 * 100, "storage", 1}},
		{"a start is paid", func(j *Job, _ *Machine) { j.Start = time.Hour / 2 }, Estimate{3600, 1.5, 6, 7200 * 900, 7200 * 100, "model", 1000}},
		{"nothing but start", func(j *Job, _ *Machine) { j.Start, j.Pictures = time.Hour, 2 }, Estimate{3600, 1 + 1./3600, 4 + 4./3600, 1800, 200, "start", 1000}},
	} {
		j, m := job, second
		c.change(&j, &m)
		got, err := j.On(m)
		if err != nil || got.Limit != c.want.Limit || !near(got.Rate, c.want.Rate) || !near(got.Hours, c.want.Hours) || !near(got.Dollars, c.want.Dollars) ||
			got.In != c.want.In || got.Out != c.want.Out || !near(got.Most, c.want.Most) {
			t.Errorf("%s: %+v, %v, want %+v", c.about, got, err, c.want)
		}
	}
	for about, change := range map[string]func(*Job, *Machine){
		"no pictures": func(j *Job, _ *Machine) { j.Pictures = 0 }, "NaN": func(j *Job, _ *Machine) { j.In = math.NaN() }, "infinite": func(j *Job, _ *Machine) { j.Storage = math.Inf(1) },
		"no machines": func(j *Job, _ *Machine) { j.Machines = 0 }, "a negative price": func(_ *Job, m *Machine) { m.Price = -1 }, "no time": func(_ *Job, m *Machine) { m.Detect = 0 },
	} {
		j, m := job, second
		change(&j, &m)
		if _, err := j.On(m); !errors.Is(err, ErrNumbers) {
			t.Errorf("%s: %v", about, err)
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(b) }

// The figures are those of docs/performance.md, and docs/beam.md has the table that they give.
func TestPages(t *testing.T) {
	performance, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range Measured() {
		if !strings.Contains(string(performance), m.Source) {
			t.Errorf("docs/performance.md has no %q, which %s rests on", m.Source, m.Name)
		}
		if took, err := time.ParseDuration(strings.ReplaceAll(strings.TrimSuffix(m.Source, " on the CPU"), " ", "")); err != nil || took != m.Detect {
			t.Errorf("%s: %v, but its source says %v", m.Name, m.Detect, m.Source)
		}
	}
	page, err := os.ReadFile("../../docs/beam.md")
	if err != nil {
		t.Fatal(err)
	}
	table, err := Table(Defaults(), Measured(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), table) {
		t.Errorf("docs/beam.md lacks what \"go run ./cmd/glipbeam cost\" prints:\n%s", table)
	}
}

func TestTable(t *testing.T) {
	table, err := Table(Defaults(), []Machine{{Name: "a", Detect: time.Second, Cores: 1}}, 3)
	if err != nil || strings.Count(table, "\n") != 3 || !strings.Contains(table, "| a | 3,600 | 3 | 10 | 2 min | 0.0 | 450 kB | 0 B | start |") {
		t.Errorf("%v\n%s", err, table)
	}
	if Counts[0].Pictures != 1e6 {
		t.Error("the table changed Counts")
	}
	if _, err := Table(Job{}, Measured(), 0); !errors.Is(err, ErrNumbers) {
		t.Error(err)
	}
	for n, want := range map[float64]string{0.04: "0.0", 9.96: "10.0", 99.4: "99", 1234567: "1,200,000", 15432: "15,000"} {
		if got := round(n); got != want {
			t.Errorf("%g is %s, want %s", n, got, want)
		}
	}
}
