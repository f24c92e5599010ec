// Package archive keeps mail. It is the ledger, which is the truth, and the
// catalog, by which entries are found.
//
// # Promises
//
//   - When [Archive.Append] returns nil, the entry and every byte of its message
//     are on stable storage.
//   - [Archive.WriteTo] gives the bytes that were appended, or an error that
//     names the damage; never other bytes.
//   - Nothing is refused, joined or left out for what a message contains.
//   - [Archive.WriteOriginal] gives the bytes of a mail inside a journal's delivery,
//     and [Archive.WriteTo] those of the delivery, which is what was archived.
//   - What was decided about a message, and by which words of which policy, is
//     part of its entry, or of the event that tells of a message left out.
//   - The catalog can be deleted: it is made anew from the ledger, and holds the
//     same.
//
// # The folder
//
//	LOCK      held by the process that has the archive open
//	ledger/   segments of the ledger, see package ledger
//	catalog/  a Pebble store; catalog.new and catalog.old while it is made anew
//
// Messages that are coming in are beside them in spool/, which belongs to the
// daemon and is empty after a start.
//
// # Records
//
// The ledger holds three types of records. A content (type 1) is up to 1 MiB of
// a message, compressed, addressed by its SHA-256 within a tenant. An entry
// (type 2) is one archived receipt: envelope, digest, summary and recipe; the
// recipe lists the pieces that make up the message. Its facts are compressed by
// themselves, with a dictionary that is built in. An event (type 3) is an audit
// record. Entries and events take sequence numbers from one count. The contents
// of an entry stand before it. Bodies have a version, and every version that was
// ever written can be read.
//
// The text of every policy is kept in the same way: its files are contents of the
// archive's own, under no tenant, and an event lists them with their recipes. A
// content that the archive has, and can read, is not written again for a policy.
//
// # Truth
//
// The envelope of a journal's delivery is about the delivery. Who sent and received
// the mail inside, and where it stands among the bytes, is the entry's truth, and
// part of its record. An entry without one is plain mail: its envelope is the truth.
// An entry is found by its envelope and by its truth.
//
// # Quarantine
//
// An entry in quarantine is an entry like any other, with the decision to
// quarantine it. Events end that or confirm it; how it stands now is in the
// catalog only.
//
// # The catalog
//
// Its keys are in one table, in keys.go. What it holds is a function of the
// ledger's records in their order: no clock, no chance. It is written without
// being synced, group by group after the ledger was synced, together with how
// far it has come; what a crash takes from it is applied again from the ledger.
// Of several content records with the same bytes the last one counts, and of
// several events about an entry's quarantine or a policy the last one as well:
// nothing is looked up in order to apply a record. A catalog of another version is
// replaced when the archive is opened.
package archive
