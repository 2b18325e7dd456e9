package guard

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/serve/api"
)

// Bounds of a file of tokens.
const (
	maxTokenFile = 1 << 20
	maxTokens    = 1000
	shortToken   = 16 // bytes, below which a token is guessed sooner or later
)

// Tokens are the words by which clients are known. They are kept as their SHA-256. A file has one a line; after a space a
// line may say by what name the token's owner stands in logs ("token-3" of line 3, if it does not); empty lines and
// lines that begin with # are passed over.
type Tokens struct {
	path  string
	given string
	list  atomic.Pointer[[]token]
}

type token struct {
	sum  [sha256.Size]byte
	name string
}

// OpenTokens are those of a file and one that was given by itself, each "" if there is none. Warnings are sentences for
// the log: a file that others can read, a token that is short. Errors name the file and the line, never a token.
func OpenTokens(ctx context.Context, path, given string) (t *Tokens, warnings []string, err error) {
	t = &Tokens{path: path, given: given}
	warnings, err = t.Reload(ctx)
	if err != nil {
		return nil, nil, err
	}
	return t, warnings, nil
}

// Reload reads the file again. Requests under way are judged by the tokens of before; after an error these stay.
func (t *Tokens) Reload(ctx context.Context) (warnings []string, err error) {
	var list []token
	if t.given != "" {
		one, short, err := newToken(t.given, "token")
		if err != nil {
			return nil, fmt.Errorf("GLIP_TOKEN: %w", err)
		}
		if short {
			warnings = append(warnings, fmt.Sprintf("GLIP_TOKEN has less than %d bytes: it can be guessed", shortToken))
		}
		list = append(list, one)
	}
	if t.path != "" {
		of, more, err := readTokens(ctx, t.path)
		if err != nil {
			return nil, err
		}
		list, warnings = append(list, of...), append(warnings, more...)
	}
	if len(list) == 0 {
		return nil, errors.New("there is no token: give --token-file FILE with one a line, or GLIP_TOKEN")
	}
	t.list.Store(&list)
	return warnings, nil
}

// readTokens reads a file of them.
func readTokens(ctx context.Context, path string) (list []token, warnings []string, err error) {
	data, err := file.ReadAll(ctx, path, maxTokenFile)
	if err != nil {
		return nil, nil, fmt.Errorf("--token-file: %w", err)
	}
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode()&0o007 != 0 {
		warnings = append(warnings, fmt.Sprintf("%s can be read by others of this machine: chmod o= %[1]s", path))
	}
	number := 0
	for line := range bytes.Lines(data) {
		number++
		words := strings.Fields(string(line))
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		name := fmt.Sprintf("token-%d", number)
		if len(words) == 2 {
			name = words[1]
		}
		one, short, err := newToken(words[0], name)
		if err == nil && len(words) > 2 {
			err = errors.New("expected a token, and perhaps its owner's name after a space")
		}
		if err == nil && len(list) == maxTokens {
			err = fmt.Errorf("more than %d tokens", maxTokens)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s, line %d: %w", path, number, err)
		}
		if short {
			warnings = append(warnings, fmt.Sprintf("%s, line %d: a token of less than %d bytes can be guessed", path, number, shortToken))
		}
		list = append(list, one)
	}
	if len(list) == 0 {
		return nil, nil, fmt.Errorf("%s has no token: expected one a line", path)
	}
	return list, warnings, nil
}

// newToken hashes a token, which must be such as a header can bring.
func newToken(value, name string) (t token, short bool, err error) {
	for i := range len(value) {
		if value[i] <= ' ' || value[i] > '~' {
			return token{}, false, errors.New("a token is of visible ASCII characters, without spaces")
		}
	}
	if !word(name) || isAddress(name) {
		return token{}, false, errors.New("the name of a token is of at most 64 of A-Z, a-z, 0-9, '.', '_' and '-', and no address")
	}
	return token{sha256.Sum256([]byte(value)), name}, len(value) < shortToken, nil
}

// check is the name of the token that a request brings, or one refusal for all that bring none: which of them was
// missing, malformed or wrong is not told, nor by how long it takes.
func (t *Tokens) check(r *http.Request) (name string, err error) {
	sum := sha256.Sum256([]byte(presented(r.Header["Authorization"])))
	for _, known := range *t.list.Load() {
		if subtle.ConstantTimeCompare(sum[:], known.sum[:]) == 1 {
			name = known.name
		}
	}
	if name == "" {
		return "", api.Refuse(api.Unauthorized, "this server needs a token: send Authorization: Bearer TOKEN, or the token as the password of Basic")
	}
	return name, nil
}

// presented is the token of a header: after Bearer, or as the password of Basic, since Label Studio has nothing else.
// Nothing but the header is looked at: URLs end in logs.
func presented(header []string) string {
	if len(header) != 1 {
		return ""
	}
	scheme, value, _ := strings.Cut(header[0], " ")
	value = strings.TrimLeft(value, " ")
	switch strings.ToLower(scheme) {
	case "bearer":
		return value
	case "basic":
		plain, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return ""
		}
		_, password, _ := strings.Cut(string(plain), ":")
		return password
	}
	return ""
}

// isAddress tells whether a name could be taken for the address of a client without a token.
func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil || name == "unix"
}
