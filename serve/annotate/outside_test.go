package annotate_test

import (
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/glipvk/glipvk/serve/annotate"
	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/internal/fake"
	"github.com/glipvk/glipvk/serve/oip"
)

// TestOutside serves the protocols at GLIP_FAKE_SERVER until somebody asks for /quit: for clients from outside.
func TestOutside(t *testing.T) {
	at := os.Getenv("GLIP_FAKE_SERVER")
	if at == "" {
		t.Skip("GLIP_FAKE_SERVER names no address at which a fake detector is to be served to clients from outside")
	}
	answerer := &fake.Answerer{Means: api.Info{Classes: []string{"cat"}}, Delay: 20 * time.Millisecond}
	quit := make(chan struct{})
	routes := slices.Concat(oip.Routes(answerer, oip.Options{}), annotate.Routes(answerer, annotate.Options{}), []api.Route{{
		Pattern: "GET /quit", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(quit) }),
	}})
	server := fake.Server(routes)
	listener, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-quit
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}
