// Package archive keeps mail. It is the ledger, which is the truth, and the
// catalog, by which entries are found.
//
// # Promises
//
//   - When [Archive.Append] returns nil, the entry and every byte of its message
//     are on stable storage.
//   - [Archive.WriteTo] gives the bytes that were appended, or an error that
//     names the damage; never other bytes.
//   - Nothing is refused or left out for what a message contains. Copies of a mail are
//     joined, and each keeps its own entry and its own bytes.
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
//	mark      how far the ledger was acknowledged, see mark.go
//
// Messages that are coming in are beside them in spool/, which belongs to the
// daemon and is empty after a start.
//
// # Records
//
// The ledger holds four types of records. A content (type 1) is up to 1 MiB of what
// messages are made of, compressed, addressed by its SHA-256 within a tenant. An entry
// (type 2) is one archived receipt: its facts (envelope, digest, summary, decision and
// the formula by which its message is made) and its text. An event (type 3) is an audit
// record. A dictionary (type 4) is what facts were compressed with. Entries and events
// take sequence numbers from one count. The contents of an entry stand before it.
// Bodies have a version, and every version that was ever written can be read.
//
// # Formula and text
//
// A message is cut into pieces where its parts begin and end, see package recipe.
// Attachments and large parts are contents, decoded where their wire form can be made
// again exactly: the same file in many messages, or on many connections at once, is
// stored once. Small texts, with the structure around them, are the entry's own text.
// Those of 6 KiB and more are addressed by their SHA-256 as well, so that a copy of the
// mail that came another way costs its header only, whenever it comes; a shorter one
// costs next to nothing again as long as the same chain goes on, see below. The formula
// lists the pieces and what they are made of. Signatures in headers are decoded, and
// stand at the end of the text: no compressor makes them smaller, unless the mail comes
// again, and they spoil what one knows of text. The Message-ID and the subject are taken
// from the entry's facts. Before a message is committed it is made
// again from its pieces and compared; one that would not come back is stored as it
// stands.
//
// Texts of a tenant are compressed one after the other in a chain: each with those
// before it at hand, so that what mail repeats costs next to nothing. To read one,
// those before it in its chain are read, at most 4 MiB. Damage in one text takes along
// those behind it in the same chain, which are named; facts, contents and other chains
// are not touched, and [Repair] mends one damaged place of a segment. A chain ends when it
// is full, when one of its entries could not be written, when texts come in another pace
// than the one it was begun in, and with the process. The fewer texts come at a time, and
// the longer they are apart, the better they are compressed.
//
// Facts are compressed by themselves, with S2, so that listings, and the catalog, need
// no texts: with a dictionary that is built in, or with one that was made of facts of the
// tenant's own mail. Such a one stands in the ledger twice, in places apart, as all
// that was compressed with it needs it.
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
// # Messages
//
// A message is the entries that are the same mail. It has the number of its first
// entry, and is compared with by that: by the time of its arrival, its content, its
// policy. An entry that comes in is compared with the messages of its tenant that have
// its Message-ID; one without a usable Message-ID, with those that have its exact
// bytes. It belongs to the first of these that takes it, by the first rule that does:
//
//  1. resend: its exact bytes are those of an entry of the message, and it came by the
//     same source, from the same sender and to the same recipients.
//  2. exact: its exact bytes are those of an entry of the message.
//  3. content: its canonical identity is that of the message, and it came in within
//     the window.
//  4. message-id: its Message-ID, From and Date are those of the message, both came
//     under the policy to be joined by them, and it came in within the window. Its
//     content may differ, which is told.
//
// Rules 1 and 2 look at no time when there is a Message-ID. Without one they hold
// within the window, or ten minutes when that is shorter, for a machine may say the same
// again tomorrow; rule 1 holds at any time when the sender's queue ID is the same. The
// window is the shorter one of the entry's and the message's, its end belongs to it,
// and which of both came in first makes no difference. When several messages would
// take an entry by the same rule, the nearest in time does, and of those the first.
//
// An entry that none takes begins a message. When another has its Message-ID and other
// content, both stay, and an event names them: a forged or reused Message-ID hides
// nothing.
//
// What is compared with is bounded: the latest 16 messages with a Message-ID, and of
// each its first entry's bytes and those of the first 7 entries that differ from it. What
// is beyond is not joined, and not lost. Entries without an identity, as those that are
// older than joining, are messages of their own.
//
// # Quarantine
//
// An entry in quarantine is an entry like any other, with the decision to
// quarantine it. Events end that or confirm it; how it stands now is in the
// catalog only.
//
// # What nothing needs
//
// A content record is an orphan when no entry and no policy is made of the content, as
// an append that failed leaves it, or when another copy counts. [Archive.Compact] drops
// orphans from segments. An event comes first, by which the catalog forgets contents
// that are not used; from then on it is the same with the records and without. Orphans
// are found by reading the whole ledger; [Archive.Append] and the compaction agree on
// what comes in meanwhile, see pins.go. Entries and events are never dropped.
//
// # The catalog
//
// Its keys are in one table, in keys.go. What it holds is a function of the
// ledger's records in their order: no clock, no chance. What it will say of a group is
// worked out while the disk writes that. It is written without being synced, group by
// group after the ledger was synced, together with how far it has come; what a crash
// takes from it is applied again from the ledger.
// Of several content records with the same bytes the last one counts, and of
// several events about an entry's quarantine or a policy the last one as well: nothing
// is looked up in order to apply them. For an entry the messages are looked up that it
// may belong to: the catalog has their numbers, and what the rule compares is read from
// their entries, unless it is remembered. What cannot be read is left out, and the entry
// may begin a message for that, so that no damage there keeps mail out; that is counted,
// and when the archive is opened next the catalog is made anew. So it is when it is of
// another version.
package archive
