package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// A program says what it was built from, as far as it was told.
func TestVersion(t *testing.T) {
	info := &debug.BuildInfo{Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123abc"}, {Key: "vcs.time", Value: "2026-11-28T01:02:03Z"}, {Key: "vcs.modified", Value: "true"},
	}}
	info.Main.Version = "v1.2.3"
	var text bytes.Buffer
	if err := newStamp(info).print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"glip v1.2.3\n", "0123abc and changes, 2026-11-28", "Go        go1.", "platform  ", "shaders   " + shadersHash()} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, text.String())
		}
	}
	if v := newStamp(nil); v.Version != "(devel)" || v.Commit != "unknown" || len(v.Shaders) != 64 {
		t.Errorf("of a program that was told nothing: %+v", v)
	}
	o := glip(t, "version", "--json")
	var v stamp
	if err := json.Unmarshal([]byte(o.stdout), &v); err != nil || o.code != 0 || v.Shaders != shadersHash() || !strings.Contains(v.Platform, "/") {
		t.Errorf("exit status %d, %v, %s", o.code, err, o.stdout)
	}
}

// Every command has a page, which has its flags and the date that was asked for.
func TestMan(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "951782400") // the 29th of February 2000
	dir := filepath.Join(t.TempDir(), "man1")
	if o := glip(t, "man", "--out", dir); o.code != 0 || !strings.Contains(o.stdout, dir) {
		t.Fatalf("exit status %d, %s", o.code, o.stderr)
	}
	for page, want := range map[string]string{
		"glip.1": "glip-detect", "glip-detect.1": "uint8 [H, W, 3] (red,\ngreen, blue)", "glip-features.1": "--out-indices", "glip-completion-bash.1": "bash",
		"glip-inspect.1": "CHECKPOINT", "glip-version.1": "--json", "glip-man.1": "--out",
	} {
		text := strings.ReplaceAll(string(read(t, dir, page)), `\-`, "-")
		if !strings.Contains(text, want) || !strings.Contains(text, "Feb 2000") {
			t.Errorf("%s lacks %q or its date:\n%.300s", page, want, text)
		}
	}
	again := t.TempDir()
	if o := glip(t, "man", "--out", again); o.code != 0 || !bytes.Equal(read(t, dir, "glip-detect.1"), read(t, again, "glip-detect.1")) {
		t.Errorf("made again, a page is another: exit status %d", o.code)
	}
	blocked := filepath.Join(dir, "glip.1")
	for _, args := range [][]string{{"man", "--out", blocked}, {"man", "more"}} {
		if o := glip(t, args...); o.code != 2 {
			t.Errorf("%v: exit status %d, %s", args, o.code, o.stderr)
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if o := glip(t, "man", "--out", dir); o.code != 2 || !strings.Contains(o.stderr, "seconds since 1970") {
		t.Errorf("exit status %d, %s", o.code, o.stderr)
	}
	if _, err := os.Stat(blocked); err != nil {
		t.Error(err)
	}
	if date, err := pageDate("", "2026-11-28T01:02:03Z"); err != nil || date.Month() != time.November {
		t.Errorf("the commit's date: %v, %v", date, err)
	}
}
