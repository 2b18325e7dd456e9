package train

// Held is how many pictures' frozen parts are remembered, and their bytes.
func (t *Trainer) Held() (pictures int, bytes int64) {
	if t.front == nil {
		return 0, 0
	}
	return len(t.front.held), t.front.bytes
}

// Clipped is what [Trainer.Step] multiplies gradients with.
var Clipped = clipped
