package archive

import (
	"math"
	"strings"
	"time"
)

// MaxMessageID is the longest Message-ID by which mail is joined, in bytes. It is
// above what a line of a header holds (RFC 5322 section 2.1.1).
const MaxMessageID = 1000

// Identity is what copies of one mail are told by. The mail is the message of a
// receipt, or the one inside it when a journal delivered it.
type Identity struct {
	// Exact is the SHA-256 of the mail's exact bytes.
	Exact Digest
	// Canonical is the SHA-256 of what copies of the mail have in common, however
	// they came. It is zero for mail without a usable Message-ID, which is joined by
	// its exact bytes only. An entry keeps the first half; the rest is zero there.
	Canonical Digest
	// MessageID is the mail's, without brackets.
	MessageID string
	// Fields is the SHA-256 of Message-ID, From and Date alone; zero when one of them
	// is missing. An entry keeps the first half, when its Join.Match is [MatchMessageID].
	Fields Digest
}

// named tells whether the mail has a Message-ID to find its copies by.
func (i *Identity) named() bool { return i.Canonical != (Digest{}) && i.MessageID != "" }

// Match is how alike two mails are that are joined as one message.
type Match string

// Matches. The empty one stands for MatchContent.
const (
	// MatchContent: their canonical identity is the same.
	MatchContent Match = "content"
	// MatchMessageID: their Message-ID, From and Date are the same. What they contain
	// may differ, as when a server writes the mail anew; their entries tell.
	MatchMessageID Match = "message-id"
)

// Join is the policy of joining of a source as it was when a receipt came in.
type Join struct {
	// Window is how far apart copies may arrive that are not the same byte by byte, in
	// whole seconds; what is beyond is cut off. 0 joins exact copies only.
	Window time.Duration
	Match  Match
}

// Reason says why an entry belongs to the message of an earlier one.
type Reason string

// Reasons. The empty one is that of the first entry of a message.
const (
	// ReasonResend: the same bytes came again by the same source, from the same sender
	// and to the same recipients, as after a reply that was lost.
	ReasonResend Reason = "resend"
	// ReasonExact: the bytes of the mail are the same.
	ReasonExact Reason = "exact"
	// ReasonContent: the canonical identity is the same, within the window.
	ReasonContent Reason = "content"
	// ReasonMessageID: Message-ID, From and Date are the same, within the window.
	ReasonMessageID Reason = "message-id"
)

// identity gives what an entry keeps of a receipt's identity and policy of joining.
// No mail is refused for what is told of it: what cannot be used is left out.
func (r *Receipt) identity() (*Identity, Join) {
	if r.Identity == nil {
		return nil, Join{}
	}
	id := *r.Identity
	join := Join{Window: max(0, r.Join.Window).Truncate(time.Second), Match: MatchContent}
	if r.Join.Match == MatchMessageID {
		join.Match = MatchMessageID
	}
	if id.Exact == (Digest{}) {
		id.Exact = r.SHA256
	}
	if !id.named() || len(id.MessageID) > MaxMessageID {
		id = Identity{Exact: id.Exact}
	}
	if join.Match != MatchMessageID {
		id.Fields = Digest{}
	}
	clear(id.Canonical[len(half{}):])
	clear(id.Fields[len(half{}):])
	return &id, join
}

// maxWindow is the longest window, in seconds.
const maxWindow = math.MaxInt64 / uint64(time.Second)

// summaryID is the Message-ID that a record leaves out. It is part of the format of
// records.
func summaryID(e *Entry) string { return strings.Trim(e.Summary.MessageID, "<>") }
