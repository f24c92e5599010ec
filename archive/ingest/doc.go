// Package ingest is the joint between the ways in and the archive: it takes what a
// milter session or a delivery over LMTP or SMTP hands over, spools it, finds out who
// sent and received it, has the policy decide, does what the decision says, and says
// what the peer is to be answered.
//
// Who sent and received a message is told by its envelope, and for a journal's delivery
// by the report in it, if the policy names the peer; From, To and Cc decide nothing.
// The policy in force when all of a message has arrived judges it, for each tenant
// whose mail it is, and the peer is answered when what it said is on stable storage
// for all of them.
//
// What comes in is told by what makes it the copy of another mail: the identity of the
// message, or of the one original in a journal's report that has nothing else to show.
// The archive joins copies by that, under the source's extended_dedup in the same
// policy; nothing waits for a copy, and none is dropped. Neither a report from a
// peer that is not believed, nor one with a text or a second original in it, nor
// a bounce of plain mail passes for the mail inside.
//
// All messages that are coming in share one budget of bytes, max_in_flight, for what
// they have in memory and in files; see the type budget for who gets what of it.
//
// There is no queue: the sending MTA keeps a message until it is told that the
// message is archived. Trouble of ours is always a temporary reply (4xx), and a
// message is never refused for its content.
package ingest
