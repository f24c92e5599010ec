// Package ingest is the joint between the ways in and the archive: it takes what
// a milter session or an LMTP delivery hands over, spools it, has it archived,
// and says what the peer is to be answered.
//
// There is no queue: the sending MTA keeps a message until it is told that the
// message is archived. Trouble of ours is always a temporary reply (4xx), and a
// message is never refused for its content.
package ingest
