package cpu

// Gradients lists the operations that training needs besides those of models.
func Gradients() (kinds []string) {
	kinds = append(kinds, "deformconvgradx", "deformconvgradoffset") // of a compiler's steps
	for k := range gradients {
		kinds = append(kinds, k)
	}
	return kinds
}
