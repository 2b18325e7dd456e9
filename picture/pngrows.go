package picture

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// pngPass is a part of an interlaced picture: every so many pixels from a first one on.
type pngPass struct{ y, x, stepY, stepX int }

// pngPasses are those of Adam7.
func pngPasses() []pngPass {
	return []pngPass{{0, 0, 8, 8}, {0, 4, 8, 8}, {4, 0, 8, 4}, {0, 2, 4, 4}, {2, 0, 4, 2}, {0, 1, 2, 2}, {1, 0, 2, 1}}
}

// pass reads the rows of one pass.
func (p *pngPixels) pass(ctx context.Context, r io.Reader, pic Picture, pass pngPass) error {
	width := (p.width - pass.x + pass.stepX - 1) / pass.stepX
	if width <= 0 {
		return nil
	}
	bits := p.bits()
	size := (width*bits + 7) / 8
	row, above := make([]uint8, 1+size), make([]uint8, 1+size)
	for y := pass.y; y < p.height; y += pass.stepY {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.ReadFull(r, row); err != nil {
			if isEnd(err) {
				err = errors.New("the pixels end before the last row")
			}
			return err
		}
		if err := unfilter(row[0], row[1:], above[1:], max(bits/8, 1)); err != nil {
			return err
		}
		p.write(pic.row(y)[3*pass.x:], 3*pass.stepX, row[1:], width)
		row, above = above, row
	}
	return nil
}

// unfilter undoes the filter of a row: the differences to the left, above, their mean, or
// the one of three neighbours that is nearest to their plane.
func unfilter(filter uint8, row, above []uint8, pixel int) error {
	above = above[:len(row)]
	switch filter {
	case 0:
	case 1:
		for i := pixel; i < len(row); i++ {
			row[i] += row[i-pixel]
		}
	case 2:
		for i := range row {
			row[i] += above[i]
		}
	case 3:
		for i := range row {
			left := 0
			if i >= pixel {
				left = int(row[i-pixel])
			}
			row[i] += uint8((left + int(above[i])) / 2)
		}
	case 4:
		pixel = min(pixel, len(row))
		for i := range pixel {
			row[i] += above[i]
		}
		for i := pixel; i < len(row); i++ {
			row[i] += paeth(int(row[i-pixel]), int(above[i]), int(above[i-pixel]))
		}
	default:
		return fmt.Errorf("row filter %d; want 0 to 4", filter)
	}
	return nil
}

// paeth is the one of the neighbours left, above and above left that is nearest to
// left + above - corner, the first of equals.
func paeth(left, above, corner int) uint8 {
	l, a := above-corner, left-corner // of that to left, and to above
	c := l + a
	l, a, c = max(l, -l), max(a, -a), max(c, -c)
	switch {
	case l <= a && l <= c:
		return uint8(left)
	case a <= c:
		return uint8(above)
	}
	return uint8(corner)
}

// write turns a row's samples into pixels that stand step bytes apart.
func (p *pngPixels) write(dst []uint8, step int, row []uint8, width int) {
	wide := int(p.depth) / 8 // bytes of a sample; the upper one counts
	switch {
	case p.depth < 8 && p.kind == pngPalette:
		for x := range width {
			copy(dst[step*x:step*x+3], p.palette[3*int(sample(row, x, int(p.depth))):])
		}
	case p.depth < 8:
		scale := 255 / (1<<p.depth - 1)
		for x := range width {
			v := uint8(int(sample(row, x, int(p.depth))) * scale)
			dst[step*x], dst[step*x+1], dst[step*x+2] = v, v, v
		}
	case p.kind == pngPalette:
		for x := range width {
			copy(dst[step*x:step*x+3], p.palette[3*int(row[x]):])
		}
	default:
		pixel, next := p.bits()/8, wide
		if p.kind&pngColour == 0 {
			next = 0
		}
		for x := range width {
			from := row[pixel*x:]
			dst[step*x], dst[step*x+1], dst[step*x+2] = from[0], from[next], from[2*next]
		}
	}
}
