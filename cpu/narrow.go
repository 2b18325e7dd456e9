package cpu

// narrow is the number of columns up to which the left factor of a convolution is read from the map
// itself: gathering it would take as long as the product.
const narrow = 64

// narrowConv is a convolution of few columns. What the kernel's row covers at neighbouring positions
// are rows of memory that overlap, so that each of its rows is a product by itself; positions
// whose kernel reaches beyond the sides of the map have fewer taps: legal for finite weights only,
// which make 0 of the zeros there.
type narrowConv struct {
	product
	taps
	pictures, lines, blocks int    // lines of positions in a task, tasks of a picture
	inside                  [2]int // the positions of a line whose taps are all inside it
}

// narrowConv is the step of a convolution of few columns.
func (c *compiler) narrowConv(p *product, t *taps) step {
	v := &narrowConv{product: *p, taps: *t}
	v.pictures = p.m / (v.down * v.across)
	v.lines = max(1, min((2*chunk*chunk+v.across-1)/v.across, (v.pictures*v.down+4*c.workers-1)/(4*c.workers)))
	v.lines = min(v.lines, v.down)
	v.blocks = (v.down + v.lines - 1) / v.lines
	first := min((v.pad+v.stride-1)/v.stride, v.across)
	v.inside = [2]int{first, first}
	if last := v.width + v.pad - v.side; last >= 0 {
		v.inside[1] = max(first, min(last/v.stride+1, v.across))
	}
	return step{
		in: p.reads(), flops: p.flops, tasks: v.pictures * v.blocks, run: v.run,
		rooms: rooms{slotTile: v.lines * v.across * p.k.columns, slotStart: p.k.columns},
	}
}

func (v *narrowConv) run(w *worker, values [][]float32, task int) {
	picture, first := task/v.blocks, task%v.blocks*v.lines
	lines := min(v.lines, v.down-first)
	x := values[v.left.id][picture*v.height*v.width*v.channels:]
	y := values[v.out][(picture*v.down+first)*v.across*v.n:]
	columns, rows := v.k.columns, lines*v.across
	sums := w.room(slotTile, v.lines*v.across*columns)
	for column := 0; column < v.n; column += columns {
		panel, start := v.panels[column*v.kk:], w.start(v.k, from(values, v.bias, column))
		copyRows(sums, columns, start, 0, rows, columns)
		for ki := range v.side {
			v.row(sums, x, panel[ki*v.side*v.channels*columns:], first, lines, ki)
		}
		copyRows(y[column:], v.n, sums, columns, rows, min(columns, v.n-column))
	}
}

// row adds what a row of the kernel contributes to lines of positions.
func (v *narrowConv) row(sums, x, panel []float32, from, lines, ki int) {
	// Lines whose row of the map is inside it.
	begin := max(from, (v.pad-ki+v.stride-1)/v.stride)
	end := min(from+lines, (v.height+v.pad-ki+v.stride-1)/v.stride)
	if begin >= end {
		return
	}
	at := func(line, column int) int { return ((line*v.stride-v.pad+ki)*v.width + column) * v.channels }
	columns := v.k.columns
	if count := v.inside[1] - v.inside[0]; count > 0 {
		for line := begin; line < end; line++ {
			c := sums[((line-from)*v.across+v.inside[0])*columns:]
			v.k.multiply(c, columns, x[at(line, v.inside[0]*v.stride-v.pad):], v.stride*v.channels, panel, v.side*v.channels, c, columns, count)
		}
	}
	for _, side := range [][2]int{{0, v.inside[0]}, {v.inside[1], v.across}} {
		for position := side[0]; position < side[1]; position++ {
			left := position*v.stride - v.pad
			first, last := max(0, -left), min(v.side, v.width-left)
			if first >= last {
				continue
			}
			c := sums[((begin-from)*v.across+position)*columns:]
			v.k.multiply(c, v.across*columns, x[at(begin, left+first):], v.stride*v.width*v.channels,
				panel[first*v.channels*columns:], (last-first)*v.channels, c, v.across*columns, end-begin)
		}
	}
}

// finite reports whether all of x are numbers.
func finite(x []float32) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}
