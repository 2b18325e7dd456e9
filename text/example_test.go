package text_test

import (
	"fmt"

	"github.com/glipvk/glipvk/text"
)

func Example() {
	bert := text.BERT()
	prompt, err := text.List{Names: []string{"person", "hair_drier"}}.Prompt()
	if err != nil {
		fmt.Println(err)
		return
	}
	encoding, err := bert.Encode(prompt.Text)
	if err != nil {
		fmt.Println(err)
		return
	}
	owned, err := encoding.Positive(prompt.Spans())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", prompt.Text)
	fmt.Println(encoding.Truncated(text.MaxTokens).IDs())
	for i, label := range prompt.Labels {
		fmt.Print(label.Name, ":")
		for _, token := range owned[i] {
			fmt.Print(" ", encoding.Tokens[token].Text)
		}
		fmt.Println()
	}
	// Output:
	// "person. hair drier"
	// [101 2711 1012 2606 2852 3771 102]
	// person: person
	// hair_drier: hair dr ##ier
}

func ExampleGround() {
	prompt, err := text.Ground("a café with two t-shirts", text.Entity{Phrase: "Café"}, text.Entity{Span: &text.Span{Begin: 16, End: 24}})
	fmt.Println(prompt.Labels, err)
	_, err = text.Ground("a café", text.Entity{Phrase: "dog"})
	fmt.Println(err)
	// Output:
	// [{Café {2 6}} {t-shirts {16 24}}] <nil>
	// text: entity 0: unusable query: the phrase "dog" does not stand in the sentence "a café"; give its words as they stand there, or a span
}

func ExampleNounPhrases() {
	const sentence = "Bobble heads on top of the shelf"
	entities, err := text.NounPhrases(sentence)
	if err != nil {
		fmt.Println(err)
		return
	}
	prompt, err := text.Ground(sentence, entities...)
	fmt.Println(prompt.Labels, err)
	// Output:
	// [{bobble heads {0 12}} {top {16 19}} {the shelf {23 32}}] <nil>
}
