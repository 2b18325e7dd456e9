// Package fetch brings published checkpoints onto this machine, and finds those that are there already.
//
// It knows the published files by name ([Items]), looks for them in its own folder and in those of the hub's
// client, torch.hub and microsoft/GLIP ([Options.Find]), and brings what is nowhere ([Options.Fetch]): what has
// arrived stays after any end of the program, and the next run goes on from there. Where a file is a zip archive
// and its server gives parts of files, only the tensors of the model are brought, without the state of its training.
//
//	item, err := fetch.Lookup("glip-t")
//	if err != nil {
//		return err
//	}
//	found, err := fetch.Options{Getenv: os.Getenv}.Fetch(ctx, item)
//	if err != nil {
//		return err
//	}
//	ckpt, err := loader.Open(found.Path)
//
// A server is not trusted: what it says of a file is compared with what is published, what it sends with what it
// said, a redirect never leaves https, and a token of the hub is sent to the hub alone. Where the caller gives an
// environment ([Options].Getenv), HF_ENDPOINT, HF_TOKEN, HF_HOME and the like, TORCH_HOME, MMENGINE_HOME, XDG_CACHE_HOME,
// HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE are heeded; HTTPS_PROXY and NO_PROXY are in any case.
package fetch

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

var (
	// ErrUnknown: no published file has that name. List them with [Items].
	ErrUnknown = errors.New("no published file is called so")

	// ErrAbsent: the file is not on this machine. Fetch it.
	ErrAbsent = errors.New("not on this machine")

	// ErrOffline: it is not on this machine, and no request may be made. Fetch it where one may, and copy it.
	ErrOffline = errors.New("offline")

	// ErrAddress: there is no address that the file could be fetched from. Name a mirror, or another one.
	ErrAddress = errors.New("no address to fetch from")

	// ErrServer: a server did not give the file; the sentence says what it did instead. Try again, or another mirror.
	ErrServer = errors.New("the file did not arrive")

	// ErrSum: what arrived is not the file that was published. Try again, or another mirror.
	ErrSum = errors.New("not the published file")
)

// Options say where files are kept and how they are brought. The zero value is the default.
type Options struct {
	Folder  string // of what is brought; "" for glipvk/weights in the user's cache folder
	Mirror  string // address of a folder that has the published files under their own names, instead of where they were published
	Offline bool   // make no request; the environment may ask for that too
	Whole   bool   // bring and find whole files alone, as they were published

	// Getenv gives the environment, as os.Getenv does; nil for an empty one.
	Getenv func(name string) string

	// Progress is told how far a stage is, in bytes; nil for nobody. Stages are [Fetching], [Checking] and [Writing].
	Progress func(stage string, done, total int64)

	// Say is told in a sentence what the caller should know; nil for nobody.
	Say func(sentence string)

	// Transport makes the requests; nil for the usual one.
	Transport http.RoundTripper

	trial trial
}

// The stages of bringing a file.
const (
	Fetching = "fetch" // from a server
	Checking = "check" // the SHA-256 of a file that was there
	Writing  = "write" // tensors, where they alone were brought
)

// trial is what tests make smaller; the zero value is what everybody else has.
type trial struct {
	block int64                                      // bytes of a part of an index
	stall time.Duration                              // how long nothing may come
	pause func(context.Context, time.Duration) error // between tries
}

// Found is a file on this machine.
type Found struct {
	Item    Item
	Path    string
	Where   string // in words: whose folder it lies in
	Tensors bool   // the tensors of the model alone, as safetensors
	Checked string // in words: what its bytes were compared with
}

// say tells a sentence.
func (o Options) say(sentence string) {
	if o.Say != nil {
		o.Say(sentence)
	}
}

// progress tells how far a stage is.
func (o Options) progress(stage string, done, total int64) {
	if o.Progress != nil {
		o.Progress(stage, done, total)
	}
}

// folder is where what is brought of an item lies, in a folder of its own.
func (o Options) folder(i Item) (string, error) {
	root, err := o.root()
	return filepath.Join(root, i.Name), err
}

// root is the folder of all items.
func (o Options) root() (string, error) {
	if o.Folder != "" {
		return o.Folder, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", errors.New("fetch: this user has no cache folder (HOME is not set): name a folder to keep files in")
	}
	return filepath.Join(cache, "glipvk", "weights"), nil
}
