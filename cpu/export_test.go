package cpu

// Gradients lists the operations that training needs besides those of models.
func Gradients() (kinds []string) {
	for k := range gradients {
		kinds = append(kinds, k)
	}
	return kinds
}
