package fetch

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// childEnv tells the test binary that it is a program which fetches from the mirror named.
const childEnv = "GLIPVK_FETCH_TEST_MIRROR"

func TestMain(m *testing.M) {
	mirror := os.Getenv(childEnv)
	if mirror == "" {
		os.Exit(m.Run())
	}
	item := thing(noise(small))
	if os.Getenv("GLIPVK_FETCH_TEST_WEIGHTS") != "" {
		item = Item{Name: "glip-x", File: "glip_x.pth", Model: "glip-t"}
	}
	o := Options{Folder: "own", Mirror: mirror, Getenv: os.Getenv, trial: trial{block: 4096, pause: func(context.Context, time.Duration) error { return nil }}}
	if _, err := o.Fetch(context.Background(), item); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("done")
	os.Exit(0)
}

// child is the test binary as such a program, in the user's folder.
func (d *desk) child(t *testing.T, mirror string, env ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(), append(env, childEnv+"="+mirror)...)
	return cmd
}

// A program that is killed, wherever it is then, loses nothing that has come.
func TestKilled(t *testing.T) {
	data := noise(small)
	archive, model := checkpoint(t, 8192)
	for name, c := range map[string]struct {
		item Item
		data []byte
		env  string
	}{
		"whole":   {thing(data), data, "GLIPVK_FETCH_TEST_WEIGHTS="},
		"tensors": {weights(archive), archive, "GLIPVK_FETCH_TEST_WEIGHTS=1"},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newDesk(t), newHost(t, c.data, false)
			h.mu.Lock() // the client is another program, which the race detector does not know
			h.twist = func(w http.ResponseWriter, r *http.Request, n int) bool {
				var from, last int
				_, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &last)
				return (err != nil || last-from > 100_000) && trickle(w, r, h, 20_000)
			}
			h.mu.Unlock()
			kept := d.killed(t, h, c.item, c.env)
			h.mu.Lock()
			h.twist = nil
			asked := len(h.asked)
			h.mu.Unlock()
			item := c.item
			item.Bytes, item.Sum = 0, "" // as the child knew it
			found, err := d.narrow(h.URL).Fetch(t.Context(), item)
			if err != nil {
				t.Fatal(err)
			}
			if d.says("anew") {
				t.Errorf("said %q after %q", d.said, h.asked[asked:])
			}
			if found.Tensors {
				sound(t, found.Path, model)
			} else {
				holds(t, found.Path, data)
				if want := fmt.Sprintf("bytes=%d-%d", kept, small-1); h.asked[asked+1] != want {
					t.Errorf("asked for %q, want %s", h.asked[asked:], want)
				}
			}
		})
	}
}

// killed begins to fetch an item twice, kills the program once something more has come, and returns how much has.
func (d *desk) killed(t *testing.T, h *host, i Item, env string) (kept int64) {
	t.Helper()
	part := filepath.Join(d.dir, "own", i.Name, i.File+partEnding)
	for range 2 {
		cmd := d.child(t, h.URL, env)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for begun := time.Now(); time.Since(begun) < 20*time.Second; time.Sleep(time.Millisecond) {
			if info, err := os.Stat(part); err == nil && info.Size() > kept {
				break
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		info, err := os.Stat(part)
		if err != nil || info.Size() <= kept {
			t.Fatalf("nothing more has come than %d bytes: %v", kept, err)
		}
		kept = info.Size()
	}
	return kept
}

// trickle sends some bytes of an answer, and then no more until the client is gone.
func trickle(w http.ResponseWriter, r *http.Request, h *host, n int) bool {
	w.Header().Set("Etag", h.tag)
	slow := &tap{ResponseWriter: w, r: r, left: n}
	http.ServeContent(slow, r, "", time.Time{}, strings.NewReader(string(h.data)))
	return true
}

type tap struct {
	http.ResponseWriter
	r    *http.Request
	left int
}

func (s *tap) Write(p []byte) (int, error) {
	n, err := s.ResponseWriter.Write(p[:min(len(p), s.left)])
	if s.left -= n; n < len(p) && err == nil {
		s.ResponseWriter.(http.Flusher).Flush()
		<-s.r.Context().Done()
		return n, s.r.Context().Err()
	}
	return n, err
}

// A proxy is asked for what is to be fetched.
func TestProxy(t *testing.T) {
	data := noise(small)
	d, h := newDesk(t), newHost(t, data, false)
	out, err := d.child(t, "http://example.invalid/weights", "HTTP_PROXY="+h.URL).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "done") || len(h.asked) != 2 {
		t.Errorf("%s, %v, %d requests", out, err, len(h.asked))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	line := make(chan string, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			first, _ := bufio.NewReader(conn).ReadString('\n')
			fmt.Fprint(conn, "HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
			conn.Close()
			line <- first
		}
	}()
	d = newDesk(t)
	out, err = d.child(t, "https://example.invalid/weights", "HTTPS_PROXY=http://"+listener.Addr().String()).CombinedOutput()
	if got := <-line; err == nil || !strings.HasPrefix(got, "CONNECT example.invalid:443 ") || !strings.Contains(string(out), "Who are you") {
		t.Errorf("the proxy was asked %q; %s, %v", got, out, err)
	}
}
