package text

import "errors"

var (
	// ErrCaption: the caption, a name or a phrase cannot be used: it is not valid
	// UTF-8, is empty, is not in the sentence, or does not fit a prompt. Correct the
	// query.
	ErrCaption = errors.New("unusable query")

	// ErrVocabulary: the file is no WordPiece vocabulary. Give the vocab.txt that
	// belongs to the checkpoint, one token a line.
	ErrVocabulary = errors.New("not a WordPiece vocabulary")
)
