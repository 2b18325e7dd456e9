package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"
)

// Body reads the whole body of a request, of so many bytes at most. Memory for it is taken once where its length is said.
// Errors are refusals.
func Body(r *http.Request, most int64) ([]byte, error) {
	var body []byte
	var err error
	switch {
	case r.ContentLength > most:
		err = &http.MaxBytesError{Limit: most}
	case r.ContentLength >= 0:
		body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(r.Body, body)
	default:
		body, err = io.ReadAll(io.LimitReader(r.Body, most+1))
		if int64(len(body)) > most {
			err = &http.MaxBytesError{Limit: most}
		}
	}
	if err != nil {
		return nil, unread(r.Context(), err)
	}
	return body, nil
}

// unread is why a body could not be read, as a refusal.
func unread(ctx context.Context, err error) error {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	if long, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return Refuse(TooLarge, "the body is longer than the %d bytes that are taken (--max-body)", long.Limit)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Refuse(Slow, "the body did not come in time")
	case ctx.Err() != nil:
		return Refuse(Cancelled, "the client left while its body was read")
	}
	return &Refusal{Code: BadRequest, Text: "the body ends early", Cause: err}
}

// Base64 is what a text is the base64 of (RFC 4648, either alphabet, with padding or without, behind "data:...;base64,"
// or not), put where the text was.
func Base64(text []byte) ([]byte, error) {
	if bytes.HasPrefix(text, []byte("data:")) {
		head, _, ok := bytes.Cut(text[:min(len(text), 256)], []byte(","))
		if !ok || !bytes.HasSuffix(head, []byte(";base64")) {
			return nil, errors.New("a data: URL is not in base64")
		}
		text = text[len(head)+1:]
	}
	text = bytes.TrimRight(text, "\r\n")
	for range 2 {
		text = bytes.TrimSuffix(text, []byte("="))
	}
	encoding := base64.RawStdEncoding
	if bytes.IndexByte(text, '-') >= 0 || bytes.IndexByte(text, '_') >= 0 {
		encoding = base64.RawURLEncoding
	}
	// What is written has been read: a decoder reads into a buffer of its own, and four bytes become three.
	n, err := io.ReadFull(base64.NewDecoder(encoding, bytes.NewReader(text)), text)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.New("it is no base64")
	}
	return text[:n:n], nil
}

// Cut is a text of a client as far as it is repeated to it: 64 bytes of whole characters.
func Cut(s string) string { return CutTo(s, 64) }

// CutTo is so many bytes of a text at most, in whole characters, with "..." behind what was cut. What is no text in it becomes U+FFFD.
func CutTo(s string, most int) string {
	if len(s) <= most {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.ToValidUTF8(s[:cut], "\uFFFD") + "..."
}
