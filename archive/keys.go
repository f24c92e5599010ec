package archive

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"daybook/archive/ledger"
)

// catalogVersion is raised whenever the table below changes; a catalog of
// another version is made anew by Open.
const catalogVersion = 7

// The catalog's keys. Integers are big endian, so that keys sort by them. hash is
// the first 8 bytes of a SHA-256; two texts may share it, so what is found under
// one is compared with the entry.
//
//	key                                     value
//	state                                   how far the ledger was applied, and totals
//	entry    seq:8                          location of the entry's record; when it is joined
//	                                        or collides, the head's number, and why
//	event    seq:8                          location of the event's record
//	content  len:1 tenant sha256:32         location of the last record with it; of an
//	                                        entry's, and where in the entry's text; none
//	                                        when it was given up since
//	sender   hash(address):8 seq:8          -
//	recipient hash(address):8 seq:8         -
//	msgid    hash(Message-ID):8 seq:8       -
//	time     level:1 place:8                first and last time of arrival of the entries in a
//	                                        span of numbers, nanoseconds:8 each, see spans.go
//	quarantine seq:8                        state of the entry: 0 waiting, 1 kept
//	policy   sha256:32                      seq:8 of the last event that kept its text
//	join     hash(tenant, Message-ID or     numbers of the latest messages with it, and of
//	         digest):8                      their exact forms, see roster.encode
//	member   head:8 seq:8                   -
//	tenant   name                           totals of the tenant, see TenantTotals
//	held     segment:4 tenant               content records of the tenant in the segment,
//	                                        and their bytes
//	own      number:4                       body of the last record of a dictionary, see ownRecord
//	own copy number:4 copy:1                location of the last record of that copy
//	newest   tenant                         number:4 of the tenant's newest dictionary
//
// Senders, recipients and Message-IDs are those of the envelope and the header, and
// those of the truth. A message has the number of its first entry, the head. Under
// sender, recipient and msgid a joined entry stands twice: with its own number, and with
// the head's, where the value is the number of the last entry that put it there. So
// messages are found in the order of their numbers.
const (
	keyOwn        = 'D'
	keyOwnCopy    = 'd'
	keyNewest     = 'i'
	keyState      = 'A'
	keyEntry      = 'e'
	keyEvent      = 'v'
	keyContent    = 'c'
	keySender     = 's'
	keyRecipient  = 'r'
	keyMessageID  = 'm'
	keyTime       = 't'
	keyQuarantine = 'q'
	keyPolicy     = 'p'
	keyJoin       = 'j'
	keyMember     = 'g'
	keyTenant     = 'n'
	keyHeld       = 'h'
)

func stateKey() []byte { return []byte{keyState} }

func seqKey(prefix byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefix}, seq)
}

// keySeq is the sequence number at the end of a key.
func keySeq(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

func contentKey(tenant string, hash []byte) []byte {
	b := make([]byte, 0, 2+len(tenant)+len(hash))
	b = append(b, keyContent, byte(len(tenant)))
	b = append(b, tenant...)
	return append(b, hash...)
}

func memberKey(head, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(seqKey(keyMember, head), seq)
}

func tenantKey(tenant string) []byte { return append([]byte{keyTenant}, tenant...) }

func ownKey(id uint32) []byte { return binary.BigEndian.AppendUint32([]byte{keyOwn}, id) }

func ownCopyKey(id uint32, n byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{keyOwnCopy}, id), n)
}

func newestKey(tenant string) []byte { return append([]byte{keyNewest}, tenant...) }

func policyKey(digest Digest) []byte { return append([]byte{keyPolicy}, digest[:]...) }

// textPrefix is the key of a text in an index, without the sequence number.
func textPrefix(prefix byte, text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return append([]byte{prefix}, sum[:8]...)
}

// foldAddress makes addresses that differ in case alike. Local parts may be
// case-sensitive (RFC 5321 section 2.4), yet nobody who searches wants that.
func foldAddress(a string) string { return strings.ToLower(a) }

// bareID is a Message-ID without its angle brackets, so that it is found with and
// without them.
func bareID(id string) string { return strings.Trim(id, "<>") }

// indexKeys are the keys under which an entry is found, apart from its number and its
// time.
func indexKeys(e *Entry) [][]byte {
	seen := make(map[string]bool, len(e.Envelope.Recipients)+3)
	var keys [][]byte
	add := func(prefix []byte) {
		if key := binary.BigEndian.AppendUint64(prefix, e.ID); !seen[string(key)] {
			seen[string(key)] = true
			keys = append(keys, key)
		}
	}
	for a := range e.senders() {
		add(textPrefix(keySender, foldAddress(a)))
	}
	for a := range e.recipients() {
		add(textPrefix(keyRecipient, foldAddress(a)))
	}
	for id := range e.messageIDs() {
		add(textPrefix(keyMessageID, bareID(id)))
	}
	return keys
}

// headKey is an index key of a joined entry as it stands under the head's number.
func headKey(key []byte, head uint64) []byte {
	return binary.BigEndian.AppendUint64(slices.Clone(key[:len(key)-8]), head)
}

// prefixEnd is the first key behind all that begin with prefix.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

func encodeLocation(at ledger.Location) []byte {
	b := binary.AppendUvarint(nil, uint64(at.Segment))
	b = binary.AppendUvarint(b, uint64(at.Offset))
	return binary.AppendUvarint(b, uint64(at.Length))
}

// decodeLocation reads a location, and gives what stands behind it.
func decodeLocation(b []byte) (_ ledger.Location, rest []byte, ok bool) {
	var n [3]uint64
	for i := range n {
		v, size := binary.Uvarint(b)
		if size <= 0 {
			return ledger.Location{}, nil, false
		}
		n[i], b = v, b[size:]
	}
	return ledger.Location{Segment: uint32(n[0]), Offset: int64(n[1]), Length: uint32(n[2])}, b, true
}
