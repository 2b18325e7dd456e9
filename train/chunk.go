package train

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
)

// chunk are weights that are updated together: some of one block, or of what lies between blocks. Chunks of weights of the
// same sizes, as blocks of one kind have, are updated by one program.
type chunk struct {
	from, to int // the first weight, and the one behind the last
	like     int // the first chunk of the same sizes
}

// chunkElements is about how many weights are updated together at most.
const chunkElements = 16 << 20

// chunked cuts a list of weights.
func chunked(list []glip.Param) (chunks []chunk) {
	elements := 0
	for i, p := range list {
		n := graph.Shape(p.Shape).Elements()
		if elements += n; i == 0 || elements > chunkElements || numbered(p.Name) != numbered(list[i-1].Name) {
			chunks, elements = append(chunks, chunk{from: i}), n
		}
		chunks[len(chunks)-1].to = i + 1
	}
	first := map[string]int{}
	for i := range chunks {
		c := &chunks[i]
		sizes := ""
		for _, p := range list[c.from:c.to] {
			sizes += fmt.Sprint(graph.Shape(p.Shape).Elements(), " ")
		}
		if _, known := first[sizes]; !known {
			first[sizes] = i
		}
		c.like = first[sizes]
	}
	return chunks
}

// numbered is the scope of the block that a weight belongs to ([Blocks]), "" for none.
func numbered(name string) string {
	parts := strings.Split(name, ".")
	for i := 1; i < len(parts); i++ {
		if _, err := strconv.Atoi(parts[i]); err == nil && slices.Contains([]string{"blocks", "layer", "dyhead_tower"}, parts[i-1]) {
			return strings.Join(parts[:i+1], ".")
		}
	}
	return ""
}

// programs is how many different ones update the chunks.
func programs(chunks []chunk) (count int) {
	for i, c := range chunks {
		if c.like == i {
			count++
		}
	}
	return count
}
