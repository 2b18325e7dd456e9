package guard

// weak takes rules out, in tests alone: the test of a rule shows that its attack succeeds where the rule is not.
type weak struct {
	host, origin, types, token, headers bool // the rules 13.2, 13.3, 13.4, 13.12, 13.13
	path, body, close, panics           bool // clean paths, sizes of bodies, closing after chunks, panics
	slow, write, connections, server    bool // 13.14: time-outs and limits of connections
}
