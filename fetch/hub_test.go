package fetch

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hub is an item of the hub with this content.
func hub(data []byte) Item {
	i := thing(data)
	i.at = hubGLIP
	i.onto = []hubFolder{{"models", hubGLIP, ""}}
	return i
}

// trusting lets a client trust the test's servers, which share a certificate.
func trusting(o Options, h *host) Options {
	o.Transport = h.Client().Transport
	return o
}

// The hub is told who asks, and sends on to another host, which is not.
func TestHub(t *testing.T) {
	data := noise(small)
	d, store, front := newDesk(t), newHost(t, data, true), newHost(t, nil, true)
	front.twist = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		w.Header().Set("X-Repo-Commit", "66ee3ae9a3b8cee0cf78f10ef5fc9a3725db02a1")
		w.Header().Set("X-Linked-Etag", `"`+sumOf(data)+`"`)
		http.Redirect(w, r, strings.Replace(store.URL, "127.0.0.1", "localhost", 1)+"/signed?key=secret", http.StatusFound)
		return true
	}
	t.Setenv("HF_ENDPOINT", front.URL+"/")
	t.Setenv("HF_HOME", filepath.Join(d.dir, "hf"))
	if err := errors.Join(os.MkdirAll(filepath.Join(d.dir, "hf"), 0o700), os.WriteFile(filepath.Join(d.dir, "hf", "token"), []byte("mine\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	o := trusting(d.options(""), front)
	o.Transport.(*http.Transport).TLSClientConfig.ServerName = "example.com" // of the certificate, which does not know localhost
	found, err := o.Fetch(t.Context(), hub(data))
	if err != nil {
		t.Fatal(err)
	}
	holds(t, found.Path, data)
	for n, head := range front.heads {
		if got := head.Get("Authorization"); got != "Bearer mine" {
			t.Errorf("request %d of the hub has %q", n, got)
		}
	}
	for n, head := range store.heads {
		if got := head.Get("Authorization"); got != "" {
			t.Errorf("request %d of the store has %q", n, got)
		}
	}
	if len(front.heads) != 2 || len(store.heads) != 2 {
		t.Errorf("%d and %d requests, want 2 and 2", len(front.heads), len(store.heads))
	}

	// A file that is another one than was published is not brought; a signature is not printed.
	item := hub(data)
	item.Name, item.Sum = "other", strings.Repeat("0", 64)
	if _, err := o.Fetch(t.Context(), item); !errors.Is(err, ErrSum) || !strings.Contains(err.Error(), "the hub says") || store.sent > small+2 {
		t.Errorf("%v after %d bytes", err, store.sent)
	}
	item.Sum = sumOf(data)
	store.twist = func(w http.ResponseWriter, _ *http.Request, _ int) bool { w.WriteHeader(404); return true }
	if _, err := o.Fetch(t.Context(), item); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "/GLIPModel/GLIP/resolve/main/thing.json: ") {
		t.Errorf("%v", err)
	}
}

// A token is not for mirrors, nor sent without TLS.
func TestToken(t *testing.T) {
	for _, secret := range []bool{true, false} {
		d, h := newDesk(t), newHost(t, noise(100), secret)
		t.Setenv("HF_TOKEN", "mine")
		if _, err := trusting(d.options(h.URL), h).Fetch(t.Context(), thing(h.data)); err != nil {
			t.Fatal(err)
		}
		if got := h.heads[0].Get("Authorization"); got != "" {
			t.Errorf("a mirror is told %q", got)
		}
	}
	d := newDesk(t)
	if got := environment(os.Getenv).token(t.Context()); got != "" {
		t.Errorf("of nobody: %q", got)
	}
	path := filepath.Join(d.dir, "a token")
	if err := os.WriteFile(path, []byte(" x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HF_TOKEN_PATH", "~/a token")
	if got := environment(os.Getenv).token(t.Context()); got != "x" {
		t.Errorf("of a file: %q", got)
	}
}

func TestRedirects(t *testing.T) {
	data := noise(100)
	secret, open := newHost(t, data, true), newHost(t, data, false)
	to := func(where string) func(http.ResponseWriter, *http.Request, int) bool {
		return func(w http.ResponseWriter, r *http.Request, _ int) bool {
			http.Redirect(w, r, where, http.StatusFound)
			return true
		}
	}
	for name, c := range map[string]struct {
		secret bool
		to     string
		says   string // "" where it is followed
	}{
		"https to http":    {true, open.URL + "/x?key=secret", "sends on to " + open.URL + "/x, and https is not left"},
		"https to https":   {true, secret.URL + "/x", ""},
		"http to http":     {false, open.URL + "/x", ""},
		"http to https":    {false, secret.URL + "/x", ""},
		"https to a file":  {true, "file:///etc/passwd", "https is not left"},
		"http to a file":   {false, "file:///etc/passwd", "file:///etc/passwd"},
		"round and round":  {true, "/thing.json", "sends on more than 10 times"},
		"http round":       {false, "/thing.json", "sends on more than 10 times"},
		"https to nothing": {true, "https://127.0.0.1:1/x", "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newDesk(t), newHost(t, data, c.secret)
			h.twist = to(c.to)
			found, err := trusting(d.options(h.URL), secret).Fetch(t.Context(), thing(data))
			if c.says == "" && err != nil || c.says != "" && (!errors.Is(err, ErrServer) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("%+v, %v; want %q", found, err, c.says)
			}
		})
	}
	// From https to http by way of https is no way either.
	d, first, second := newDesk(t), newHost(t, data, false), newHost(t, data, true)
	first.twist, second.twist = to(second.URL), to(open.URL)
	if _, err := trusting(d.options(first.URL), secret).Fetch(t.Context(), thing(data)); err == nil || !strings.Contains(err.Error(), "https is not left") {
		t.Errorf("%v", err)
	}
	// A certificate that nobody vouches for is no reason to try again.
	d = newDesk(t)
	if _, err := d.options(secret.URL).Fetch(t.Context(), thing(data)); !errors.Is(err, ErrServer) || len(d.waits) > 0 || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v after %d tries", err, len(d.waits)+1)
	}
}

// Every row of the published files.
func TestItems(t *testing.T) {
	newDesk(t)
	want := map[string]string{ // file: where it is asked for, or nothing
		"glip_a_tiny_o365.pth": hubEndpoint + "/GLIPModel/GLIP/resolve/main/glip_a_tiny_o365.pth", "glip_tiny_model_o365.pth": "", "glip_tiny_model_o365_goldg.pth": "",
		"glip_tiny_model_o365_goldg_lvisbest.pth": "", "glip_tiny_model_o365_goldg_cc_sbu.pth": "", "glip_tiny_model_o365_goldg_cc_sbu_lvisbest.pth": "",
		"glip_large_model.pth": "", "lvis_od_val.json": hubEndpoint + "/GLIPModel/GLIP/resolve/main/lvis_od_val.json", "glip_large_model_lvisbest.pth": "", "glip_a_tiny_o365_knowledge.pth": "",
		"glip_tiny_a_mmdet-b3654169.pth": mmdetection + "glip_tiny_a_mmdet-b3654169.pth", "glip_tiny_b_mmdet-6dfbd102.pth": "", "glip_tiny_c_mmdet-2fc427dd.pth": "",
		"glip_tiny_mmdet-c24ce662.pth": "", "glip_l_mmdet-abfe026b.pth": "",
		"glip_atss_swin-t_a_fpn_dyhead_16xb2_ms-2x_funtune_coco_20230914_180419-e6addd96.pth": mmdetection + "glip_atss_swin-t_a_fpn_dyhead_16xb2_ms-2x_funtune_coco/glip_atss_swin-t_a_fpn_dyhead_16xb2_ms-2x_funtune_coco_20230914_180419-e6addd96.pth",
		"glip_atss_swin-t_b_fpn_dyhead_16xb2_ms-2x_funtune_coco_20230916_163538-650323ba.pth": "", "glip_atss_swin-t_c_fpn_dyhead_16xb2_ms-2x_funtune_coco_20230914_182935-4ba3fc3b.pth": "",
		"glip_atss_swin-t_fpn_dyhead_16xb2_ms-2x_funtune_coco_20230914_224410-ba97be24.pth": "", "glip_atss_swin-l_fpn_dyhead_16xb2_ms-2x_funtune_coco_20230910_100800-e9be4274.pth": "",
		"glip_atss_swin-t_a_fpn_dyhead_16xb2_ms-2x_funtune_coco_20230908_091856-39f01d03.pth": "", "glip_atss_swin-t_b_fpn_dyhead_16xb2_ms-2x_funtune_coco_20230909_175354-e0c0c6d7.pth": "",
		"glip_atss_swin-t_c_fpn_dyhead_16xb2_ms-2x_funtune_coco_20230909_175543-5fcb4b97.pth": "", "glip_atss_swin-t_fpn_dyhead_16xb2_ms-2x_funtune_coco_20230910_125111-ad1025a0.pth": "",
		"swin-t_glip-pre_3rdparty_20230413-d85813b5.pth": mmpretrain + "swin-t_glip-pre_3rdparty_20230413-d85813b5.pth", "swin-l_glip-pre_3rdparty_384px_20230413-04b198e8.pth": "",
		"swin_tiny_patch4_window7_224.pth": swinStorage + "swin_tiny_patch4_window7_224.pth", "swin_large_patch4_window12_384_22k.pth": "",
	}
	names := map[string]bool{}
	for _, i := range Items() {
		address, ok := want[i.File]
		if !ok || names[i.Name] {
			t.Errorf("%s, %s: not published, or twice there", i.Name, i.File)
		}
		delete(want, i.File)
		names[i.Name] = true
		if u, err := i.address("", hubEndpoint); i.at != "" && (err != nil || u.Scheme != "https" || address != "" && u.String() != address) {
			t.Errorf("%s: %v, %v; want %s", i.Name, u, err, address)
		}
		if n := len(i.Sum); n != 0 && n != 8 && n != 64 || i.Licence == "" || i.Title == "" || i.onHub() && n != 64 {
			t.Errorf("%+v", i)
		}
		if n := len(i.Sum); n == 8 && !strings.HasSuffix(i.File, "-"+i.Sum+".pth") {
			t.Errorf("%s does not carry %s", i.File, i.Sum)
		}
		for _, name := range []string{i.Name, i.File, strings.ToUpper(strings.ReplaceAll(i.Name, "-", "_"))} {
			if got, err := Lookup(name); err != nil || got.Name != i.Name {
				t.Errorf("%s: %v, %v", name, got.Name, err)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	if _, err := Lookup("glip-x"); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "glip-t-a, ") {
		t.Errorf("%v", err)
	}
}

func TestAddresses(t *testing.T) {
	d := newDesk(t)
	dead, err := Lookup("glip-l-lvis")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		item                   Item
		mirror, endpoint, says string
	}{
		{dead, "", "", "409"},
		{thing(nil), "example.org", "", "mirror"},
		{thing(nil), "ftp://example.org", "", "mirror"},
		{thing(nil), "https://example.org/?x=1", "", "mirror"},
		{thing(nil), "https://", "", "mirror"},
		{thing(nil), "http://%zz", "", "mirror"},
		{hub(nil), "", "http://hub.example.org", "HF_ENDPOINT"},
		{hub(nil), "", "hub.example.org", "HF_ENDPOINT"},
	} {
		t.Setenv("HF_ENDPOINT", c.endpoint)
		if _, err := d.options(c.mirror).Fetch(t.Context(), c.item); !errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q, %q: %v", c.mirror, c.endpoint, err)
		}
	}
	for mirror, want := range map[string]string{"http://a/b": "http://a/b/thing.json", "https://a:1/": "https://a:1/thing.json"} {
		if u, err := thing(nil).address(mirror, ""); err != nil || u.String() != want {
			t.Errorf("%s: %v, %v", mirror, u, err)
		}
	}
	if u, err := dead.address("https://a", ""); err != nil || u.String() != "https://a/glip_large_model_lvisbest.pth" {
		t.Errorf("%v, %v", u, err)
	}
	if got := shown(&url.URL{Scheme: "https", Host: "a", Path: "/b", RawQuery: "key=1", User: url.UserPassword("u", "p")}); got != "https://a/b" {
		t.Error(got)
	}
}
