package synthetic

// shapes drawn on a picture: discs and rectangles, turn about.
const shapeCount = 8

// shape is a disc or a rectangle of a picture, one mixed colour inside.
type shape struct {
	x, y, r int
	colour  [3]int // times 3, ready to be mixed
	disc    bool   // else a rectangle, twice as wide as high
}

// shapes draws the parameters of a picture's shapes, in painting order.
func shapes(height, width int, seed uint64) (out [shapeCount]shape) {
	for k := range out {
		w := func(j int) uint64 { return Word("picture.shape", seed, uint64(8*k+j)) }
		s := shape{
			x:    int(w(0)>>33) % width,
			y:    int(w(1)>>33) % height,
			r:    2 + int(w(2)>>33)%max(min(height, width)/4, 1),
			disc: k%2 == 0,
		}
		for c := range s.colour {
			s.colour[c] = 3 * int(w(3+c)>>56)
		}
		out[k] = s
	}
	return out
}

// contains reports whether the pixel (y, x) lies inside.
func (s *shape) contains(y, x int) bool {
	dx, dy := x-s.x, y-s.y
	if s.disc {
		return dx*dx+dy*dy <= s.r*s.r
	}
	return max(dx, -dx) <= s.r && max(dy, -dy) <= s.r/2
}

// Picture draws a test picture: a colour gradient, eight shapes, diagonal
// stripes and noise. The result is [height, width, 3], channel 0 red, 1 green,
// 2 blue; nil if a side is not positive. Image b of a batch uses seed + b.
func Picture(height, width int, seed uint64) []uint8 {
	if height <= 0 || width <= 0 {
		return nil
	}
	out := make([]uint8, height*width*3)
	drawn := shapes(height, width, seed)
	noise := start("picture.noise", seed)
	parallel(height, 16, func(from, to int) {
		for y := from; y < to; y++ {
			row := out[y*width*3 : (y+1)*width*3]
			paintRow(row, &drawn, y, height, noise+uint64(y*width*3)*gamma)
		}
	})
	return out
}

// paintRow paints row y of a picture. z is the state of the noise stream
// before the word of the row's first value.
func paintRow(row []uint8, drawn *[shapeCount]shape, y, height int, z uint64) {
	width := len(row) / 3
	gy := y * 255 / max(height-1, 1)
	for x := range width {
		gx := x * 255 / max(width-1, 1)
		v := [3]int{gx, gy, 255 - (gx+gy)/2}
		for k := range drawn {
			if s := &drawn[k]; s.contains(y, x) {
				for c := range v {
					v[c] = (v[c] + s.colour[c]) / 4
				}
			}
		}
		stripe := 24*((3*x+5*y)>>3&1) - 12
		for c := range v {
			z += gamma
			grain := int(mix(z)>>59) - 16
			row[3*x+c] = uint8(min(max(v[c]+stripe+grain, 0), 255))
		}
	}
}

// Input is the model input of the golden cases: a batch of Pictures, seeds
// seed, seed+1, ..., with channels reversed to blue, green, red and normalised
// as (v - mean) / std in float32. The result is [batch, 3, height, width]; nil
// if a size is not positive.
func Input(batch, height, width int, seed uint64) []float32 {
	if batch <= 0 || height <= 0 || width <= 0 {
		return nil
	}
	mean := [3]float32{103.53, 116.28, 123.675}
	std := [3]float32{57.375, 57.12, 58.395}
	area := height * width
	out := make([]float32, batch*3*area)
	for b := range batch {
		rgb := Picture(height, width, seed+uint64(b))
		for c := range 3 {
			plane := out[(b*3+c)*area:][:area]
			for i := range plane {
				plane[i] = (float32(rgb[3*i+2-c]) - mean[c]) / std[c]
			}
		}
	}
	return out
}
