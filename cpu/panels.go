package cpu

// whole is n rounded up to whole panels, wide to whole panels and chunks.
func (k *kernels) whole(n int) int { return (n + k.columns - 1) / k.columns * k.columns }
func (k *kernels) wide(n int) int {
	unit := max(k.columns, chunk)
	return (n + unit - 1) / unit * unit
}

// packRows makes panels [depth, columns] of a right factor whose columns are the first n rows of x, ld
// apart, times a factor; columns beyond them are 0.
func (k *kernels) packRows(panels, x []float32, ld, n, depth int, factor float32) {
	for j := 0; j*depth < len(panels); j += k.columns {
		panel := panels[j*depth:][:k.columns*depth]
		if n-j < k.columns {
			clear(panel)
		}
		if n > j {
			k.transpose(panel, k.columns, x[j*ld:], ld, min(k.columns, n-j), depth, factor)
		}
	}
}

// packColumns makes panels of a right factor whose rows are the first n columns of rows of x.
func (k *kernels) packColumns(panels, x []float32, ld, n, depth int) {
	for j := 0; j*depth < len(panels); j += k.columns {
		panel, width := panels[j*depth:][:k.columns*depth], min(k.columns, n-j)
		if width == k.columns { // a sum with zeros is the fastest copy of short rows
			k.of(width).add(panel, width, x[j:], ld, zeros[:], 0, depth, width)
			continue
		}
		for t := range depth {
			line := panel[t*k.columns:][:k.columns]
			clear(line[copy(line, x[t*ld+j:][:width]):])
		}
	}
}

// zeros are as many as a panel has columns.
var zeros [groupWidth]float32

// multiply is c = start + a b for rows rows and one panel b [kk, columns], blockK of kk at
// a time.
func (k *kernels) multiply(c []float32, ldc int, a []float32, lda int, b []float32, kk int, start []float32, lds, rows int) {
	for from := 0; from < kk; from += blockK {
		k.product(a[from:], lda, b[from*k.columns:], min(blockK, kk-from), start, lds, c, ldc, rows)
		start, lds = c, ldc
	}
}

// start is where the sums of a panel's columns begin: what there is of the bias, else 0.
func (w *worker) start(k *kernels, bias []float32) []float32 {
	if len(bias) >= k.columns {
		return bias[:k.columns]
	}
	start := w.room(slotStart, k.columns)
	clear(start[copy(start, bias):])
	return start
}

// copyRows copies the first n floats of rows from x to y.
func copyRows(y []float32, ldy int, x []float32, ldx, rows, n int) {
	for r := range rows {
		copy(y[r*ldy:][:n], x[r*ldx:])
	}
}
