package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"time"

	"daybook/archive/message"

	"github.com/cespare/xxhash/v2"
)

// Digest is a SHA-256: of a message's exact bytes, as a rule.
type Digest [32]byte

// String gives the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Receipt is what a mouth hands over for archiving: one message as it came in
// by one transaction.
type Receipt struct {
	// Tenant and Source name whose mail this is and which configured way in it
	// took. Both are required, and at most [MaxName] bytes long.
	Tenant, Source string
	// Received is when the last byte arrived.
	Received time.Time
	Envelope message.Envelope
	// Body reads the message's exact bytes, Size of them with the digest SHA256.
	// It is read only until Append returns. One that is in memory may have the
	// method Bytes, which gives all of them, and saves a copy.
	Body   io.ReaderAt
	Size   int64
	SHA256 Digest
	// XXH64 is another checksum of the bytes, by which Append sees in a tenth of the time
	// that what it has stored is what came in. 0 for none: then the digest is made again.
	XXH64 uint64
	// Summary is what was read of the header, for listings.
	Summary message.Summary
	// Structure is where the parts of the message stand; nil has Append look itself.
	Structure *message.Structure
	// Flags name what was odd about the receipt, one word each.
	Flags []string
	// Decision is the policy's; its action is to archive or to quarantine.
	Decision Decision
	// Truth says who sent and received the mail inside a journal's delivery; nil for
	// plain mail, whose envelope is the truth. It is not changed. Of one that is out
	// of all bounds the entry keeps what it can, and has the flag [FlagTruthCut].
	Truth *message.Truth
	// Identity is what the mail's copies are told by; nil when it is not known, and
	// then the entry is never joined with another. Join is the source's policy about
	// that.
	Identity *Identity
	Join     Join
}

// check gives what is to be written the bytes of the body again, and then tells whether
// they are those that came in.
func (r *Receipt) check() (sum io.Writer, same func() bool) {
	if r.XXH64 != 0 {
		quick := xxhash.New()
		return quick, func() bool { return quick.Sum64() == r.XXH64 }
	}
	whole := sha256.New()
	return whole, func() bool { return Digest(whole.Sum(nil)) == r.SHA256 }
}

// Entry is one archived receipt. It is a value: changing it changes nothing.
type Entry struct {
	// ID is the entry's sequence number, its place in the ledger, from 1.
	ID       uint64
	Tenant   string
	Source   string
	Received time.Time
	Envelope message.Envelope
	Summary  message.Summary
	Size     int64
	SHA256   Digest
	Flags    []string
	// Decision is what was decided when the entry came in; zero in entries that
	// are older than policies.
	Decision Decision
	// Truth says who sent and received the mail inside a journal's delivery; nil
	// where the envelope is the truth. See [Entry.Sender] and [Entry.Recipients].
	Truth *message.Truth
	// Quarantine is how the entry stands now, as against what was decided. It is
	// no part of the entry's record.
	Quarantine QuarantineState
	// Identity and Join are the receipt's, within bounds; nil and zero in entries that
	// are older than joining.
	Identity *Identity
	Join     Join
	// Message is the number of the message that the entry belongs to, which is that of
	// its first entry, and Joined says why it belongs to it; empty in the first one.
	// Differs tells that its content is not that of the first entry. Collides is the
	// number of the latest message before that has the same Message-ID and another
	// content, when this entry is the first of its own; 0 for none. They follow from
	// the entries before, and are no part of the entry's record.
	Message  uint64
	Joined   Reason
	Differs  bool
	Collides uint64

	formula *formula
	text    element
}

// Event is an audit record: something that happened to the archive, as opposed
// to a message that came in.
type Event struct {
	// ID is the event's sequence number; entries and events share one count.
	ID   uint64
	Kind EventKind
	Time time.Time
	// Tenant and Source are set where the event concerns one.
	Tenant, Source string
	// Text says what happened, in one line.
	Text string
	// Envelope, Size and SHA256 describe the message concerned, as far as known.
	Envelope *message.Envelope
	Size     int64
	SHA256   Digest
	// MessageID is that message's, as in its summary; empty when it is not known.
	MessageID string
	// Truth says who sent and received the mail inside that message, and Flags what was
	// odd about it, as in an [Entry].
	Truth *message.Truth
	Flags []string
	// Decision is the policy's about that message; nil when there was none.
	Decision *Decision
	// Entry is the number of the entry concerned, and Actor who caused the event;
	// 0 and empty where there is none.
	Entry uint64
	Actor string
	// Policy and Files are the digest of a policy and the files of its text, in an
	// event of the kind [EventPolicy].
	Policy Digest
	Files  []KeptFile
	// Compaction is what was given up, in an event of the kind [EventCompaction].
	Compaction *Compaction
}

// EventKind says what sort of thing happened.
type EventKind string

// Kinds of events.
const (
	// EventGap: mail went past the archive because it could not be archived and
	// its source is set to let mail through.
	EventGap EventKind = "gap"
	// EventRecovered: after an unclean end, an unfinished tail of the ledger was
	// left out.
	EventRecovered EventKind = "recovered"
	// EventDamage: part of the ledger that had been acknowledged cannot be read.
	EventDamage EventKind = "damage"
	// EventSkip: a message was not archived, for the policy said so. The event has
	// the decision.
	EventSkip EventKind = "skip"
	// EventRelease: an entry was let out of quarantine.
	EventRelease EventKind = "release"
	// EventKeep: somebody confirmed that an entry stays in quarantine.
	EventKeep EventKind = "keep"
	// EventPolicy: a policy became active; its text is kept.
	EventPolicy EventKind = "policy"
	// EventCollision: an entry has the Message-ID of an earlier message and another
	// content. It stays a message of its own.
	EventCollision EventKind = "collision"
	// EventCompaction: contents that nothing needs were given up, to have their space
	// back.
	EventCompaction EventKind = "compaction"
)

// MaxName is the longest name of a tenant or source, in bytes.
const MaxName = 128
