package queue_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/glipvk/glipvk/serve/queue"
)

// A server that puts words in capitals: a word is decoded, then computed, in a batch with others of its length.
func Example() {
	q, err := queue.New(queue.Options[string, []byte, string]{
		Batch:   4,
		Prepare: func(_ context.Context, word string) ([]byte, error) { return []byte(word), nil },
		Compute: func(_ context.Context, _ int, batch []queue.Item[string, []byte]) ([]queue.Result[string], error) {
			results := make([]queue.Result[string], len(batch))
			for i, item := range batch {
				results[i].Value = strings.ToUpper(string(item.Prepared))
			}
			return results, nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer q.Close()
	q.Ready()

	ctx := context.Background() // a request's
	place, err := q.Admit(ctx, 9)
	if err != nil {
		fmt.Println(err) // overloaded, before a byte is read
		return
	}
	defer place.Leave()
	// The body is read here, and looked through.
	place.Checked()
	answers, err := place.Do(ctx, queue.Request[string]{Client: "127.0.0.1", Units: []queue.Unit[string]{
		{Job: "cat", Extent: queue.Extent{Width: 3}, Bytes: 3},
		{Job: "whisker", Extent: queue.Extent{Width: 7}, Bytes: 7},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range answers {
		fmt.Println(a.Value)
	}
	// Output:
	// CAT
	// WHISKER
}
