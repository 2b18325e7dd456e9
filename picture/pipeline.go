package picture

import (
	"context"
	"fmt"
	"math"

	"github.com/glipvk/glipvk/internal/memory"
	"github.com/go-gl/mathgl/mgl32"
	"github.com/go-gl/mathgl/mgl64"
)

// Interpolation is a way to compute pixels between pixels.
type Interpolation int

// The rules that the original pipelines use. Pillow's widen their filter when
// shrinking and are reproduced bit for bit; OpenCV's do not (but for area) and
// are reproduced within one level of 255.
const (
	Bicubic      Interpolation = iota // Pillow, the default
	Bilinear                          // Pillow
	OpenCVLinear                      // cv2.INTER_LINEAR
	OpenCVCubic                       // cv2.INTER_CUBIC
	OpenCVArea                        // cv2.INTER_AREA
)

// Resize decides the size a picture is resized to. The zero value keeps the
// size; ShortEdge, ShortEdgeCapped, Exact and KeepRatio make the others.
type Resize struct {
	rule resizeRule
	a, b int
}

type resizeRule int

const (
	keepSize resizeRule = iota
	shortEdge
	exact
	keepRatio
	shortEdgeCapped
)

// ShortEdge makes the shorter side n and keeps the ratio, the longer side
// truncated (mmpretrain's ResizeEdge).
func ShortEdge(n int) Resize { return Resize{shortEdge, n, 0} }

// Exact makes the picture height x width, whatever its ratio.
func Exact(height, width int) Resize { return Resize{exact, height, width} }

// KeepRatio makes the picture as large as fits with a shorter side of at most
// short and a longer of at most long, both rounded to nearest (mmcv's
// imrescale, which mmpretrain and mmdetection use for detectors).
func KeepRatio(short, long int) Resize { return Resize{keepRatio, short, long} }

// ShortEdgeCapped is the rule of GLIP's own code (maskrcnn_benchmark/data/transforms):
// like KeepRatio, but the longer side is truncated, and a picture whose shorter
// side has the right length already is left alone. 375 x 500 becomes 800 x 1066,
// where KeepRatio gives 800 x 1067.
func ShortEdgeCapped(short, long int) Resize { return Resize{shortEdgeCapped, short, long} }

// target is the size a picture of height x width gets. Products come before
// divisions, in float64, as in the original, so that truncation agrees.
func (r Resize) target(height, width int) (h, w int) {
	long, short := max(height, width), min(height, width)
	switch r.rule {
	case shortEdge:
		return scaleShort(height, width, r.a)
	case exact:
		return r.a, r.b
	case keepRatio:
		factor := min(float64(r.b)/float64(long), float64(r.a)/float64(short))
		return int(float64(float64(height)*factor) + 0.5), int(float64(float64(width)*factor) + 0.5)
	case shortEdgeCapped:
		edge := r.a
		if float64(long)/float64(short)*float64(edge) > float64(r.b) {
			edge = int(math.RoundToEven(float64(r.b) * float64(short) / float64(long)))
		}
		if short == edge {
			return height, width
		}
		return scaleShort(height, width, edge)
	}
	return height, width
}

// scaleShort makes the shorter side edge, the longer one truncated.
func scaleShort(height, width, edge int) (h, w int) {
	if width < height {
		return int(float64(edge) * float64(height) / float64(width)), edge
	}
	return edge, int(float64(edge) * float64(width) / float64(height))
}

// Pipeline is the way from a picture to a model input. The zero value keeps the
// picture's size and values and only exchanges red and blue.
type Pipeline struct {
	Resize        Resize
	Interpolation Interpolation
	CenterCrop    int        // side of a square cut from the middle after resizing, in pixels; 0 cuts nothing; a smaller picture is not padded
	Mean          [3]float32 // subtracted; blue, green, red, on the scale 0 to 255
	Std           [3]float32 // divided by; blue, green, red; 0 means 1
	PadMultiple   int        // pads right and bottom with 0, after normalising, to a multiple of this; 0 pads nothing
	Limits        Limits     // bounds the resized size too
}

// Extent is the size of a picture in pixels.
type Extent struct{ Height, Width int }

// Input is a batch of pictures as a model takes it.
type Input struct {
	Batch, Height, Width int
	Data                 []float32 // [Batch, 3, Height, Width], normalised; blue, green, red

	// Views tell what the input shows of each picture. Without them, as in a tensor from a
	// file, every picture is one of the input's own size.
	Views []View
}

// View tells what part of an input shows a picture, and where a point of one is in the other.
type View struct {
	Content  Extent // the part at the upper left that shows the picture; the rest is padding
	Original Extent // of the picture

	// FromPicture takes a point (x, y, 1) of the upright picture to its place in
	// the input. Coordinates are continuous: pixel i covers [i, i+1), its centre
	// is i + 0.5, so that resizing is a plain scale. FromPicture.Inv() is the
	// way back.
	FromPicture mgl32.Mat3
}

// View is what the input shows of picture i.
func (in Input) View(i int) View {
	if len(in.Views) > 0 {
		return in.Views[i]
	}
	whole := Extent{in.Height, in.Width}
	return View{Content: whole, Original: whole, FromPicture: mgl32.Ident3()}
}

// ToPicture takes a point (x, y, 1) of the resized picture to the original one, a scale for
// each axis, where nothing was cropped. The corners of boxes are scaled like any point,
// although they name pixels and not the lines between them: that is what GLIP does
// (BoxList.resize).
func (v View) ToPicture() mgl64.Mat3 {
	there := mgl64.Scale2D(
		float64(v.Content.Width)/float64(v.Original.Width),
		float64(v.Content.Height)/float64(v.Original.Height),
	)
	return there.Inv()
}

// Apply resizes, crops, normalises and pads a picture. Resizing works on 8-bit
// values, normalising is (v - mean) / std in float32. It ends soon when ctx does.
func (p Pipeline) Apply(ctx context.Context, pic Picture) (Input, error) {
	if err := pic.check(); err != nil {
		return Input{}, err
	}
	if h, w, err := p.target(pic.Height, pic.Width); err == nil {
		if err := memory.Want(int64(h)*int64(w)*(3+3*4), "what it is resized to"); err != nil {
			return Input{}, fmt.Errorf("picture: resizing %d x %d pixels to %d x %d: %w", pic.Height, pic.Width, h, w, err)
		}
	}
	eight, transform, err := p.shape(ctx, pic)
	if err != nil {
		return Input{}, err
	}
	in := Input{
		Batch: 1, Height: roundUp(eight.Height, p.PadMultiple), Width: roundUp(eight.Width, p.PadMultiple),
		Views: []View{{Content: Extent{eight.Height, eight.Width}, Original: Extent{pic.Height, pic.Width}, FromPicture: transform}},
	}
	if ctx.Err() == nil {
		in.Data = p.normalise(ctx, eight, in.Height, in.Width)
	}
	if err := ctx.Err(); err != nil { // some of it is left undone
		return Input{}, fmt.Errorf("picture: preparing %d x %d pixels: %w", pic.Height, pic.Width, err)
	}
	return in, nil
}

// Becomes is the size of the input that a picture of a size, which its header tells, becomes, with the padding. Errors are
// those of Apply.
func (p Pipeline) Becomes(e Extent) (Extent, error) {
	if e.Height < 1 || e.Width < 1 {
		return Extent{}, fmt.Errorf("picture: %d x %d pixels, want at least 1 x 1", e.Height, e.Width)
	}
	height, width, err := p.target(e.Height, e.Width)
	if p.CenterCrop > 0 {
		height, width = min(height, p.CenterCrop), min(width, p.CenterCrop)
	}
	return Extent{roundUp(height, p.PadMultiple), roundUp(width, p.PadMultiple)}, err
}

// target is the size that a picture is resized to, within the limits.
func (p Pipeline) target(height, width int) (h, w int, err error) {
	h, w = p.Resize.target(height, width)
	if err := p.Limits.check(1, h, w); err != nil {
		return 0, 0, fmt.Errorf("picture: resizing %d x %d gives %w", height, width, err)
	}
	return h, w, nil
}

// shape resizes and crops: the steps on 8-bit values.
func (p Pipeline) shape(ctx context.Context, pic Picture) (Picture, mgl32.Mat3, error) {
	height, width, err := p.target(pic.Height, pic.Width)
	if err != nil {
		return Picture{}, mgl32.Mat3{}, err
	}
	transform := mgl32.Scale2D(float32(width)/float32(pic.Width), float32(height)/float32(pic.Height))
	pic = resize(ctx, pic, height, width, p.Interpolation)
	if p.CenterCrop > 0 {
		y, x := cropStart(height, p.CenterCrop), cropStart(width, p.CenterCrop)
		pic = crop(pic, y, x, min(height, p.CenterCrop), min(width, p.CenterCrop))
		transform = mgl32.Translate2D(float32(-x), float32(-y)).Mul3(transform)
	}
	return pic, transform, nil
}

// resize brings a picture to height x width.
func resize(ctx context.Context, p Picture, height, width int, i Interpolation) Picture {
	if height == p.Height && width == p.Width {
		return p
	}
	switch i {
	case OpenCVLinear, OpenCVCubic:
		return resizeOpenCV(ctx, p, height, width, i)
	case OpenCVArea:
		return resizeArea(ctx, p, height, width)
	}
	return resizePillow(ctx, p, height, width, pillowKernel(i))
}

// cropStart is where a centre crop begins: half the rest, rounded to even.
func cropStart(side, crop int) int {
	return max(int(math.RoundToEven(float64(side-crop)/2)), 0)
}

// crop cuts height x width pixels from (y, x) on.
func crop(p Picture, y, x, height, width int) Picture {
	if height == p.Height && width == p.Width {
		return p
	}
	out := newPicture(height, width)
	for i := range height {
		copy(out.row(i), p.row(y + i)[3*x:])
	}
	return out
}

// normalise makes the float32 planes [3, height, width] of a picture that lies
// in their upper left corner.
func (p Pipeline) normalise(ctx context.Context, pic Picture, height, width int) []float32 {
	out := make([]float32, 3*height*width)
	for c := range 3 {
		std := p.Std[c]
		if std == 0 {
			std = 1
		}
		var table [256]float32
		for v := range table {
			table[v] = (float32(v) - p.Mean[c]) / std
		}
		plane := out[c*height*width:][:height*width]
		parallel(ctx, pic.Height, rowsPerPiece, func(from, to int) {
			for y := from; y < to; y++ {
				src, dst := pic.row(y)[2-c:], plane[y*width:]
				for x := range pic.Width {
					dst[x] = table[src[3*x]]
				}
			}
		})
	}
	return out
}

// roundUp is the next multiple of m from n on.
func roundUp(n, m int) int {
	if m <= 1 {
		return n
	}
	return (n + m - 1) / m * m
}

// Stack joins inputs into one batch. Smaller ones are padded with 0 on the right and at
// the bottom to the largest height and width among them. A single one is returned as it is.
func Stack(inputs ...Input) Input {
	if len(inputs) == 1 {
		return inputs[0]
	}
	var out Input
	for _, in := range inputs {
		out.Batch += in.Batch
		out.Height, out.Width = max(out.Height, in.Height), max(out.Width, in.Width)
		for i := range in.Batch {
			out.Views = append(out.Views, in.View(i))
		}
	}
	area := out.Height * out.Width
	out.Data = make([]float32, out.Batch*3*area)
	planes := out.Data
	for _, in := range inputs {
		for c := range 3 * in.Batch {
			for y := range in.Height {
				copy(planes[y*out.Width:][:in.Width], in.Data[(c*in.Height+y)*in.Width:])
			}
			planes = planes[area:]
		}
	}
	return out
}
