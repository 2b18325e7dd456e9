// Package guard stands between the network and the server's routes. Every request, of HTTP/1 and HTTP/2, REST, gRPC and
// the page, passes one [Guard]: it asks whom the request was meant for, which site sent it, who it is from, what it
// brings and how fast, before a route reads a byte. What it refuses is said in the words of the protocol that asked.
//
//	g, err := guard.New(guard.Options{Listen: address, Tokens: tokens})
//	g.Handle(guard.Route{Pattern: "GET /v2/health/live", Open: true, Handler: live})
//	g.Handle(guard.Route{Pattern: "POST /v1/detect", Types: guard.JSON | guard.Multipart, Handler: detect})
//	err = g.Server().Serve(g.Limit(listener))
//
// The caller is a stranger, also on localhost: any page in the user's browser can send requests there. The package knows
// neither detector nor queue; of ours it imports serve/api and the way to open files. Routes use its reader of forms, which
// bounds sizes before memory is taken; that of JSON is serve/api's.
package guard
