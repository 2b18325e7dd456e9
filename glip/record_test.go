package glip_test

import (
	"testing"

	"github.com/glipvk/glipvk/glip"
)

func TestX(t *testing.T) {
	cfg, err := glip.Preset("glip-t")
	if err != nil {
		t.Fatal(err)
	}
	g, err := glip.Record(cfg, glip.Grounding{Height: 800, Width: 1344, Tokens: 20, Labels: 4})
	if err != nil {
		t.Fatal(err)
	}
	c := g.Count()
	t.Log(len(g.Nodes), c.Parameters, float64(c.MultiplyAdds)/1e9)
}
