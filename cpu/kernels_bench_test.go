package cpu

import "testing"

func BenchmarkProduct(b *testing.B) {
	for _, k := range available() {
		b.Run(string(k.name), func(b *testing.B) {
			const K = 384
			rows := 4 * k.rows
			a := make([]float32, rows*(K+16))
			w := make([]float32, K*k.columns)
			s := make([]float32, k.columns)
			c := make([]float32, rows*k.columns)
			for b.Loop() {
				k.product(a, K+16, w, K, s, 0, c, k.columns, rows)
			}
			b.ReportMetric(2*float64(rows*K*k.columns)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
