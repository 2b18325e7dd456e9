// Package text turns a caption into the tokens that GLIP's text encoder reads,
// and phrases of the caption into the tokens that stand for them.
//
//	bert := text.BERT()
//	prompt, err := text.List{Names: []string{"person", "traffic light"}}.Prompt()
//	encoding, err := bert.Encode(prompt.Text)            // "person. traffic light"
//	owned, err := encoding.Positive(prompt.Spans())      // [][]int{{1}, {3, 4}}
//	ids := encoding.Truncated(text.MaxTokens).IDs()      // 101 2711 1012 4026 2422 102
//
// A caption comes from a list of names ([List], in the form of training and
// evaluation or in that of the demo) or from a sentence with phrases and spans in
// it ([Ground]), which [NounPhrases] finds where nobody names them. Spans count Unicode code points of the caption, begin included,
// end not.
//
// The tokenizer is that of BERT, uncased, as the fast tokenizer of Hugging Face's
// transformers runs it (BertNormalizer, BertPreTokenizer and WordPiece of
// huggingface/tokenizers), which is what microsoft/GLIP uses
// (maskrcnn_benchmark/engine/predictor_glip.py and inference.py). Categories of
// characters are those of the Unicode version that the Go release carries.
//
// The vocabulary of bert-base-uncased is embedded: vocab.txt, Google Research,
// Apache License 2.0, see vocab.LICENSE. [Open] and [Read] take another.
//
// Everything here is safe for several goroutines. Of the project's packages it
// imports only the one that opens files.
package text
