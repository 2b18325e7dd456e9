package kernels

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/shaders"
)

const tunedRows = 4096 // of a convolution, when its tile is measured

// Product is a matrix product whose tile is best chosen by measuring.
type Product struct {
	Key        string // by which the choice is kept, and given to [Lowering.Plan]
	M, N, K    int
	Norm       bool   // its rows are normed as they are read
	Candidates []Tile // the one that ought to suit first
}

// Products lists those of the steps, each once.
func (w *Lowering) Products() []Product {
	var list []Product
	for _, p := range w.l.shapes(w.steps) {
		list = append(list, Product{p.String(), p.m, p.n, p.k, p.norm, w.l.tileStyle(p).tiles(p)})
	}
	return list
}

// Fingerprint tells this style and these shaders from others: what was measured belongs to it.
func (s Style) Fingerprint() string {
	h := sha256.New()
	fmt.Fprintln(h, s)
	for _, name := range shaders.Names() {
		fmt.Fprintln(h, name, shaders.Hash(name))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// tuned is the shape that stands for a product when tiles are measured: what its rows
// are moved by does not matter, whether they are made in scratch or normed does.
func (p shape) tuned() shape {
	if p.mode == convolved || p.mode == deformed { // a linear, not much larger than it takes to tell
		p.m, p.mode, p.variant = min(p.m, tunedRows), identity, strings.TrimPrefix(p.variant, "_conv")
	}
	p.norm, p.mode = p.staged(), identity
	switch p.variant {
	case "_fhh", "_hhf", "_merge_fhf":
		p.variant = "_fhf"
	case "_merge":
		p.variant = ""
	}
	return p
}

// shapes lists the products of steps whose tile is chosen, each once.
func (l *lowerer) shapes(list []step) []shape {
	var all []shape
	for _, s := range list {
		o, ok := s.op.(linear)
		if d, tunes := l.convShape(s); tunes && !slices.Contains(all, d) {
			all = append(all, d)
		}
		if !ok {
			continue
		}
		p := o.operands(s.in)
		w := l.shape(p.weight)
		if !l.isPacked(p.weight) || w[0]%4 != 0 || w.Elements()/w[0]%4 != 0 {
			continue
		}
		if d := l.uniformShape(s, o, p).tuned(); !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	return all
}

// tileStyle is the style whose tiles a product gets: that of the device, unless the uniform
// shader does not take the product.
func (l *lowerer) tileStyle(p shape) Style {
	if p.k%8 != 0 {
		return l.style.withoutUniform()
	}
	return l.style
}
