package difftest

import "strings"

// Variant is a deliberately wrong model, and how far it moves values of a case.
type Variant struct {
	ID      string              `json:"id"`
	About   string              `json:"about"`
	Refused string              `json:"refused,omitempty"` // the variant cannot run the case at all
	Outputs map[string]Distance `json:"outputs"`           // by tap name; 0 where the case cannot tell
}

// Precision reports whether the variant is coarser arithmetic, not a mistake.
func (v Variant) Precision() bool { return strings.HasPrefix(v.About, "precision") }

// Variants reads variants.json: for each case that has them, the variants.
func (s *Set) Variants() (map[string][]Variant, error) {
	var file struct {
		Cases []struct {
			Case     string    `json:"case"`
			Variants []Variant `json:"variants"`
		} `json:"cases"`
	}
	if err := readJSON(s.Dir, "variants.json", &file); err != nil {
		return nil, err
	}
	variants := map[string][]Variant{}
	for _, c := range file.Cases {
		variants[c.Case] = c.Variants
	}
	return variants, nil
}
