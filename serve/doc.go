// Package serve is a GLIP that answers over the network: [Server] has a detector, opened by who runs it, and answers by several protocols at one
// address, each in a package of its own. A question comes through the guard, which asks who sent it (serve/guard), takes a place before its body is
// read and its turn by the queue (serve/queue), and is answered by the detector, which encodes a picture once for all who ask about it:
//
//	network -> guard -> protocol (v1, oip, annotate) -> Server.Answer -> queue -> detector
//
// Protocols know questions and answers alone (serve/api). What may go wrong is a refusal with a code; what is not one is a failure of ours, which the
// log has and no client sees.
package serve
