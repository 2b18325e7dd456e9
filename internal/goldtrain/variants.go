package goldtrain

import (
	"encoding/json"
	"strings"
	"testing"
)

// Variant is a mistake that was made in the original, and how far it moves numbers: rms of the difference over rms, or
// difference over value of a loss.
type Variant struct {
	Name    string `json:"variant"`
	Case    string // of group modules or optim, or a group
	Module  Moved
	Tiny    Moved `json:"tiny.one"`
	Matches map[string]struct {
		Anchors    int
		Boxes      float64 `json:"box_targets"`
		Centerness float64
	}
	Losses json.RawMessage // of the first three steps, or, by case of group loss, [LossMoved]
	Step1  Moved
	Step3  Moved
	Also   []string `json:"also_trained"` // weights that are trained by mistake
}

// Moved are the tensors that a mistake moves, the farthest of them.
type Moved struct {
	Moved map[string]float64
}

// LossMoved is how far a mistake moves a case of losses.
type LossMoved struct{ Loss, Gradient map[string]float64 }

// Harmless says whether the variant is right, or a difference that no number shows.
func (v Variant) Harmless() bool {
	return strings.HasPrefix(v.Name, "right: ") || strings.Contains(v.Name, "(harmless)")
}

// Variants are those of a file of group variants; a test is skipped where the folder has none.
func Variants(t *testing.T, name string) (list []Variant) {
	t.Helper()
	JSON(t, "variants/"+name+".json", &list)
	return list
}
