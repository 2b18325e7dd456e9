package train

import "github.com/glipvk/glipvk/glip"

// Defaults is the recipe for a mode: that of microsoft/GLIP's fine-tuning on ODinW, from so many pictures of each category or, with
// shots 0, from all. The course lacks data and a folder. Modes that the original has no recipe for have that of [Full]; adapters, of
// the attention of backbone and text, begin at nothing and learn faster. Drop path is that of GLIP-T; GLIP-L was trained with 0.4.
func Defaults(m Mode, shots int) (Options, Course) {
	o := Options{
		Mode: m, Frozen: 2, Clip: 1,
		Recipe:   Recipe{Rate: 1e-4, LanguageRate: 1e-5, Decay: 0.05},
		Schedule: Schedule{Kind: Auto, Patience: 2},
		Random:   glip.Random{DropPath: 0.2, DropBlock: 0.3, Language: 0.1, Tower: 0.1},
	}
	c := Course{Epochs: 200, Repeat: 1, Batch: 4, Stop: 4, Shorts: []int{480, 560, 640, 720, 800}, Long: 1333, Flip: 0.5}
	switch m {
	case Prompt:
		o.Recipe.Rate, o.Recipe.Decay = 0.05, 0.25
	case Adapters:
		o.Recipe.Rate, o.Recipe.LanguageRate = 1e-3, 1e-3
		o.Adapters = LowRank{Globs: []string{"**.qkv", "**.attention.self.*"}, Rank: 8, Alpha: 16}
	}
	if shots > 0 {
		o.Schedule.Patience, c.Stop, c.Repeat = 3, 8, repeats(shots)
	}
	return o, c
}

// repeats is how often a pass shows the pictures of a few-shot selection.
func repeats(shots int) int {
	switch {
	case shots <= 1:
		return 8
	case shots <= 3:
		return 4
	case shots <= 5:
		return 2
	}
	return 1
}
