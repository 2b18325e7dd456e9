package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/executor"
	"golang.org/x/perf/benchfmt"
	"gonum.org/v1/gonum/stat"
)

// largestOperand bounds each matrix of a product, in values: 1 GiB of float32.
const largestOperand = 1 << 28

// gemmDuration is how long a product is measured if --duration does not say.
const gemmDuration = time.Second

// product is a measured matrix product of M x K by K x N.
type product struct {
	M         int              `json:"m"`
	N         int              `json:"n"`
	K         int              `json:"k"`
	Precision glipvk.Precision `json:"precision"`
	GFLOPS    float64          `json:"gflops"`  // median of the samples
	Samples   []float64        `json:"samples"` // each the fastest run of its time
}

// parseProducts reads sizes as MxNxK.
func parseProducts(texts []string) ([]product, error) {
	var list []product
	for _, text := range texts {
		parts := strings.Split(strings.ToLower(strings.TrimSpace(text)), "x")
		var sizes []int
		for _, p := range parts {
			if n, err := strconv.Atoi(p); err == nil && n >= 1 {
				sizes = append(sizes, n)
			}
		}
		if len(parts) != 3 || len(sizes) != 3 {
			return nil, cli.Usage("--gemm %q: want MxNxK, the rows of A, the columns of B and the columns of A, as in 4096x512x14336", text)
		}
		p := product{M: sizes[0], N: sizes[1], K: sizes[2]}
		for _, side := range [][2]int{{p.M, p.K}, {p.K, p.N}, {p.M, p.N}} {
			if side[0] > largestOperand/side[1] {
				return nil, cli.Usage("--gemm %q: a matrix of %d x %d: want at most %d values in each", text, side[0], side[1], largestOperand)
			}
		}
		list = append(list, p)
	}
	return list, nil
}

// gemmReport is what --json writes for products.
type gemmReport struct {
	GEMM []product `json:"gemm"`
	origin
}

// gemm measures products instead of a model.
type gemm struct {
	flags
	options  glipvk.Options
	products []product
}

// main measures and prints.
func (g *gemm) main(ctx context.Context, stdout, stderr io.Writer) (err error) {
	if err := g.outputs(); err != nil {
		return err
	}
	d, err := glipvk.OpenDevice(ctx, g.options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.CloseWithin(ctx, cli.Grace)) }()
	cli.Fell(stderr, "bench", d.Device())
	r := &gemmReport{origin: originOf(d.Device())}
	err = g.measure(ctx, d)
	for _, p := range g.products { // those of which there is something
		if len(p.Samples) > 0 {
			p.GFLOPS = median(p.Samples)
			r.GEMM = append(r.GEMM, p)
		}
	}
	switch r.Interrupted = ctx.Err() != nil; {
	case r.Interrupted && len(r.GEMM) == 0:
		return &cli.Interrupted{Rest: "nothing was measured"}
	case err != nil && !r.Interrupted:
		return err
	}
	if err := r.print(stdout); err != nil {
		return err
	}
	return g.writeJSON(r)
}

// measure takes the samples, product by product in each round, so that a busy
// moment of the machine does not fall on one product alone.
func (g *gemm) measure(ctx context.Context, d *executor.Executor) error {
	for range g.count {
		for i := range g.products {
			p := &g.products[i]
			speed, err := d.Product(ctx, [3]int{p.M, p.N, p.K}, g.duration)
			if err != nil {
				return fmt.Errorf("product %dx%dx%d: %w", p.M, p.N, p.K, err)
			}
			p.Precision = d.Device().Precision
			p.Samples = append(p.Samples, speed)
		}
	}
	return nil
}

// median of speeds.
func median(speeds []float64) float64 {
	return stat.Quantile(0.5, stat.Empirical, ascending(speeds), nil)
}

// print writes the table, then the lines for benchstat.
func (r *gemmReport) print(w io.Writer) error {
	fmt.Fprintf(w, "products on %s\n", r.Device.Name)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "M\tN\tK\tprecision\tGFLOP/s\t")
	for _, p := range r.GEMM {
		fmt.Fprintf(tw, "%d\t%d\t%d\t%s\t%.1f\t\n", p.M, p.N, p.K, p.Precision, p.GFLOPS)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if why := r.Device.PrecisionReason; why != "" {
		fmt.Fprintf(w, "precision %s: %s\n", r.Device.Precision, why)
	}
	if r.Interrupted {
		fmt.Fprintln(w, "interrupted: the rest is missing")
	}
	fmt.Fprintln(w)
	lines := benchfmt.NewWriter(w)
	config := r.machine()
	for _, p := range r.GEMM {
		name := benchfmt.Name(fmt.Sprintf("GEMM/m=%d/n=%d/k=%d", p.M, p.N, p.K))
		work := 2 * float64(p.M) * float64(p.N) * float64(p.K)
		for _, speed := range p.Samples {
			values := []benchfmt.Value{{Value: work / speed, Unit: "ns/op"}, {Value: speed, Unit: "GFLOP/s"}}
			if err := lines.Write(&benchfmt.Result{Config: config, Name: name, Iters: 1, Values: values}); err != nil {
				return err
			}
		}
	}
	return nil
}
