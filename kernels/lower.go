package kernels

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// lowerer turns steps into dispatches. It needs no device, only what is known of one.
type lowerer struct {
	g         *graph.Graph
	caps      engine.Caps
	style     Style
	precision Precision
	measured  map[string]Tile // by shape
	limit     int64           // bytes of a binding
	align     int64           // of a binding's offset
	layout    layout
	alias     map[graph.ID]graph.ID
	begins    map[graph.ID]int    // of views, at which element of their alias they begin
	half      map[graph.ID]bool   // values of 16-bit floats
	matrix    map[graph.ID]string // parameters that are packed: of what (ofLinear, ofConvolution)
	at        int                 // the step being lowered
	block     int                 // for tests: positions of a block of biattention, 0 for what suits
	list      []dispatch
	err       error // the first mistake of the step being lowered
}

// fail keeps the first mistake of a step: its lowering goes on, and lower says what it was.
func (l *lowerer) fail(format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf(format, args...)
	}
}

// dispatch is one run of a shader, before there is a pipeline.
type dispatch struct {
	path      string
	shader    string // variant name in package shaders
	addressed bool   // operands are found by address
	constants []uint32
	subgroup  int // invocations of a subgroup where the shader depends on it, else 0
	push      any // a struct of numbers that mirrors the shader's block
	operands  []operand
	groups    [3]int
	flops     int64
}

// operand is a range of a weight or of the arena as a shader sees it.
type operand struct {
	weight        string // its path, "" for the arena
	offset, bytes int64
	width         int  // floats of an element: 4 or 1
	half          bool // the floats have 16 bits
	access        engine.Access
}

// lowering is how a kind of step becomes dispatches.
type lowering struct {
	lower   func(*lowerer, step)
	scratch func(*lowerer, step) int64 // bytes that it needs beside its values while it runs, nil for none
}

// lowerings holds the lowering of every kind of step. The tests walk it together with
// [graph.Kinds].
var lowerings = map[string]lowering{
	"linear":               {lower: (*lowerer).linear, scratch: (*lowerer).linearScratch},
	"scores":               {lower: (*lowerer).cross, scratch: (*lowerer).crossScratch},
	"context":              {lower: (*lowerer).cross, scratch: (*lowerer).crossScratch},
	"softmax":              {lower: (*lowerer).softmax},
	"attention":            {lower: (*lowerer).attention},
	"biattention":          {lower: (*lowerer).biattention, scratch: (*lowerer).biattentionScratch},
	"normfirst":            {lower: (*lowerer).normFirst},
	"layernorm":            {lower: (*lowerer).layerNorm},
	"gelu":                 {lower: (*lowerer).gelu},
	"add":                  {lower: (*lowerer).add},
	"move":                 {lower: (*lowerer).move},
	"patches":              {lower: (*lowerer).patches},
	"mergepatches":         {lower: (*lowerer).mergePatches},
	"positionbias":         {lower: (*lowerer).positionBias},
	"shiftmask":            {lower: (*lowerer).shiftMask},
	"resizeposition":       {lower: (*lowerer).resizePosition},
	"channelsfirst":        {lower: (*lowerer).channelsFirst},
	"sigmoid":              {lower: (*lowerer).sigmoid},
	"relu":                 {lower: (*lowerer).relu},
	"hardsigmoid":          {lower: (*lowerer).hardSigmoid},
	"clamp":                {lower: (*lowerer).clamp},
	"scale":                {lower: (*lowerer).scaled},
	"mulscalar":            {lower: (*lowerer).mulScalar},
	"groupnorm":            {lower: (*lowerer).groupNorm, scratch: (*lowerer).groupNormScratch},
	"globalmean":           {lower: (*lowerer).globalMean, scratch: (*lowerer).globalMeanScratch},
	"resizenearest":        {lower: (*lowerer).resizeNearest},
	"resizebilinear":       {lower: (*lowerer).resizeBilinear},
	"weightedmean":         {lower: (*lowerer).weightedMean},
	"dynamicrelu":          {lower: (*lowerer).dynamicReLU},
	"addscaled":            {lower: (*lowerer).addScaled},
	"normalize":            {lower: (*lowerer).normalize},
	"reshape":              {lower: (*lowerer).reshape},
	"slicetokens":          {lower: (*lowerer).sliceTokens},
	"concattokens":         {lower: (*lowerer).concatTokens},
	"swaplast":             {lower: (*lowerer).swapLast},
	"embed":                {lower: (*lowerer).embed},
	"phrasescores":         {lower: (*lowerer).phraseScores, scratch: (*lowerer).phraseScratch},
	"candidates":           {lower: (*lowerer).candidates, scratch: (*lowerer).candidatesScratch},
	"conv":                 {lower: (*lowerer).conv, scratch: (*lowerer).convScratch},
	"deformconv":           {lower: (*lowerer).conv, scratch: (*lowerer).convScratch},
	"lineargradx":          {lower: (*lowerer).cross, scratch: (*lowerer).crossScratch},
	"lineargradweight":     {lower: (*lowerer).linearGradWeight, scratch: (*lowerer).linearGradWeightScratch},
	"headlineargradweight": {lower: (*lowerer).headLinearGradWeight, scratch: (*lowerer).crossScratch},
	"convgradx":            {lower: (*lowerer).convValue, scratch: (*lowerer).convValueScratch},
	"convgradweight":       {lower: (*lowerer).filterGrad, scratch: (*lowerer).filterGradScratch},
	"deformconvgradx":      {lower: (*lowerer).sampleGrad, scratch: (*lowerer).sampleGradScratch},
	"deformconvgradoffset": {lower: (*lowerer).sampleGrad, scratch: (*lowerer).sampleGradScratch},
	"deformconvgradweight": {lower: (*lowerer).filterGrad, scratch: (*lowerer).filterGradScratch},
	"crossscores":          {lower: (*lowerer).cross, scratch: (*lowerer).crossScratch},
	"crosscontext":         {lower: (*lowerer).cross, scratch: (*lowerer).crossScratch},
	"absorbkeys":           {lower: (*lowerer).cross, scratch: (*lowerer).crossScratch},
	"absorbbias":           {lower: (*lowerer).cross, scratch: (*lowerer).crossScratch},
	"absorbvalues":         {lower: (*lowerer).cross, scratch: (*lowerer).crossScratch},
	"headlinear":           {lower: (*lowerer).cross, scratch: (*lowerer).crossScratch},
	"tokenlogits":          {lower: (*lowerer).tokenLogits, scratch: (*lowerer).crossScratch},

	"layernormgradx":        {lower: (*lowerer).layerNormGradX},
	"layernormgradweight":   {lower: (*lowerer).layerNormGradWeight, scratch: (*lowerer).layerNormGradWeightScratch},
	"groupnormgradx":        {lower: (*lowerer).groupNormGradX, scratch: (*lowerer).groupNormGradXScratch},
	"groupnormgradweight":   {lower: (*lowerer).groupNormGradWeight, scratch: (*lowerer).groupNormGradWeightScratch},
	"normalizegradx":        {lower: (*lowerer).normalizeGradX},
	"softmaxgradx":          {lower: (*lowerer).softmaxGradX},
	"positionbiasgradtable": {lower: (*lowerer).positionBiasGradTable},
	"splitpatches":          {lower: (*lowerer).splitPatches},
	"resizenearestgradx":    {lower: (*lowerer).resizeNearestGradX},
	"resizebilineargradx":   {lower: (*lowerer).resizeBilinearGradX},
	"embedgradword":         {lower: (*lowerer).embedGradWord},
	"slicechannels":         {lower: (*lowerer).sliceChannels},
	"concatchannels":        {lower: (*lowerer).concatChannels},
	"mul":                   {lower: (*lowerer).mul},
	"tile":                  {lower: (*lowerer).tile},
	"sumtiles":              {lower: (*lowerer).sumTiles, scratch: (*lowerer).sumTilesScratch},
	"fill":                  {lower: (*lowerer).fill},
	"exp":                   {lower: (*lowerer).exp},
	"packhalves":            {lower: (*lowerer).packHalves},
	"unpackhalves":          {lower: (*lowerer).unpackHalves},
	"gelugradx":             {lower: (*lowerer).geluGradX},
	"relugradx":             {lower: (*lowerer).reluGradX},
	"sigmoidgradx":          {lower: (*lowerer).sigmoidGradX},
	"hardsigmoidgradx":      {lower: (*lowerer).hardSigmoidGradX},
	"clampgradx":            {lower: (*lowerer).clampGradX},
	"dynamicrelugradx":      {lower: (*lowerer).dynamicReLUGradX},
	"dynamicrelugradt":      {lower: (*lowerer).dynamicReLUGradT, scratch: (*lowerer).dynamicReLUGradTScratch},
	"tokenfocalloss":        {lower: (*lowerer).tokenFocalLoss, scratch: (*lowerer).lossScratch},
	"tokenfocallossgradx":   {lower: (*lowerer).tokenFocalLossGradX},
	"giouloss":              {lower: (*lowerer).gIoULoss, scratch: (*lowerer).lossScratch},
	"gioulossgradx":         {lower: (*lowerer).gIoULossGradX},
	"centernessloss":        {lower: (*lowerer).centernessLoss, scratch: (*lowerer).lossScratch},
	"centernesslossgradx":   {lower: (*lowerer).centernessLossGradX},
	"keep":                  {lower: (*lowerer).keep},
	"dropblock":             {lower: (*lowerer).dropBlock, scratch: (*lowerer).dropBlockScratch},
	"sumsquares":            {lower: (*lowerer).sumSquares, scratch: (*lowerer).sumSquaresScratch},
	"clipscale":             {lower: (*lowerer).clipScale},
	"moment":                {lower: (*lowerer).moment},
	"adamw":                 {lower: (*lowerer).adamW},
}

// Kinds lists the kinds of steps that there are lowerings for: those of [graph.Kinds] that
// compute something, and those of joined steps.
func Kinds() []string { return slices.Sorted(maps.Keys(lowerings)) }

// scratchBytes is what a step needs beside its values while it runs.
func (l *lowerer) scratchBytes(s step) int64 {
	if f := lowerings[graph.Kind(s.op)].scratch; f != nil {
		return f(l, s)
	}
	return 0
}

// lower appends the dispatches of one step.
func (l *lowerer) lower(s step) error {
	f := lowerings[graph.Kind(s.op)].lower
	if f == nil {
		return fmt.Errorf("kernels: %s: no lowering for %s", s.path, graph.Kind(s.op))
	}
	begin := len(l.list)
	l.err = nil
	f(l, s)
	for _, x := range l.list[begin:] { // what cannot be split: tables, small weights
		for _, o := range x.operands {
			if o.bytes > l.limit && !x.addressed {
				l.fail("an operand of %d bytes, which is never split, does not fit a binding of %d bytes: %w", o.bytes, l.limit, engine.ErrUnsupported)
			}
		}
	}
	if l.err != nil {
		return fmt.Errorf("kernels: %s: %s %v: %w", s.path, graph.Kind(s.op), l.shape(s.out), l.err)
	}
	return nil
}

func (l *lowerer) shape(id graph.ID) graph.Shape { return l.g.Nodes[id].Shape }

// size is that of an element of a value or weight in bytes.
func (l *lowerer) size(id graph.ID) int64 {
	id = resolve(l.alias, id)
	if l.half[id] || l.matrix[id] != "" && l.packing(id).half {
		return 2
	}
	return 4
}

func (l *lowerer) isParam(id graph.ID) bool {
	return graph.Kind(l.g.Nodes[id].Op) == graph.Kind(graph.Param{})
}

// isPacked reports whether the weight of a product was packed for it; others are values, or read in other ways too, and
// lie as they are.
func (l *lowerer) isPacked(id graph.ID) bool { return l.matrix[id] != "" }

// packing says how the matrix of a linear or a convolution lies in memory.
func (l *lowerer) packing(id graph.ID) packing {
	return Layout{l.style, l.precision}.packing(l.matrix[id], l.shape(id))
}

// read and write are the operands of elements begin..begin+count-1 of a value.
func (l *lowerer) read(id graph.ID, width int, begin, count int) operand {
	return l.operand(id, width, begin, count, engine.Read)
}

func (l *lowerer) write(id graph.ID, width int, begin, count int) operand {
	return l.operand(id, width, begin, count, engine.Write)
}

// whole is the read operand of all of a value.
func (l *lowerer) whole(id graph.ID, width int) operand {
	return l.read(id, width, 0, l.shape(id).Elements())
}

// packed is the read operand of a weight in panels.
func (l *lowerer) packed(id graph.ID) operand {
	return operand{weight: l.g.Nodes[id].Path, bytes: l.packing(id).bytes(l.shape(id)), width: 4, access: engine.Read}
}

// apart is how far apart the parts of a step's scratch begin at least: at multiples of it,
// as bindings must.
func (l *lowerer) apart(bytes int64) int64 { return roundUp(bytes, max(l.align, 256)) }

// scratchPart is a range of the memory of the step being lowered, planned for it (scratchBytes).
func (l *lowerer) scratchPart(at, bytes int64, width int, access engine.Access) operand {
	return operand{offset: l.layout.offset[scratchOf(l.at)] + at, bytes: bytes, width: width, access: access}
}

// operand is a range of elements of a value or weight or, with scratchOf(l.at), of scratch.
func (l *lowerer) operand(id graph.ID, width, begin, count int, access engine.Access) operand {
	id, first := owner(l.alias, l.begins, id)
	size := l.size(id)
	o := operand{offset: size * int64(first+begin), bytes: size * int64(count), width: width, half: size == 2, access: access}
	if id >= 0 && l.isParam(id) {
		o.weight = l.g.Nodes[id].Path
	} else {
		o.offset += l.layout.offset[id]
	}
	return o
}

func isTexel(shader string) bool { return strings.HasSuffix(shader, "_texel") }

// emit appends a dispatch of the shader that reads in the device's Style. Its first
// specialization constant is the workgroup size.
func (l *lowerer) emit(s step, stem string, d dispatch) {
	d.path, d.shader = s.path, l.style.shader(stem)
	l.list = append(l.list, d)
}

// items is how many elements an invocation of an element-wise shader takes.
const items = 4

// elementwise is the grid of such a shader.
func (l *lowerer) elementwise(count int) [3]int {
	return l.fold(ceilDiv(count, l.style.Group*items))
}

// vector is 4 if rows of n floats can be read as vec4s, else 1, and stem's variant for it.
func vector(stem string, n int) (string, int) {
	if n%4 == 0 {
		return stem, 4
	}
	return stem + "_scalar", 1
}

// constants encodes booleans and numbers as specialization constants, from constant 0 on.
func constants(values ...any) []uint32 {
	list := make([]uint32, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case bool:
			if v {
				list[i] = 1
			}
		case int:
			list[i] = uint32(v)
		case moveMode:
			list[i] = uint32(v)
		case unaryMode:
			list[i] = uint32(v)
		default:
			panic(fmt.Sprintf("kernels: no specialization constant is a %T", v))
		}
	}
	return list
}
