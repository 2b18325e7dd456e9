package remote

// weak takes rules out, in tests alone: the test of a rule shows that its attack succeeds where the rule is not.
type weak struct{ hosts, addresses, pin, redirects, encoding, limit bool }
