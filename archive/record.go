package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"daybook/archive/ledger"
	"daybook/archive/message"

	"github.com/fxamacker/cbor/v2"
)

// Types of ledger records.
const (
	typeContent = 1
	typeEntry   = 2
	typeEvent   = 3
	// typeDictionary is without a number, and yet no compaction may drop it: entries
	// refer to it that the catalog does not list by it. See ownRecord.
	typeDictionary = 4
)

// The versions of the records that are written; all before them are read.
const (
	// recordVersion is that of entries and events. 2 added decisions, quarantine,
	// policies and truths; 3 identities, and entries that have their text apart, with
	// a formula.
	recordVersion  = 3
	contentVersion = 1
	// lastOldEntry is the last version of entries that were CBOR as a whole.
	lastOldEntry = 2
)

// pieceKind says how a piece of a recipe becomes bytes of the message.
type pieceKind uint8

const (
	pieceLiteral pieceKind = 0 // Data is the bytes
	pieceContent pieceKind = 1 // Data is the SHA-256 of a content of the tenant, taken as it is
)

// piece is one piece of a recipe. Further fields may follow in later versions.
type piece struct {
	_    struct{} `cbor:",toarray"`
	Kind pieceKind
	Data []byte
	Size int64 // bytes of the message that it yields
}

// entryRecord is the body of an entry record up to version 2: CBOR, deterministically encoded
// (RFC 8949 section 4.2.1). Texts are byte strings, because mail is not always
// UTF-8. Keys are never given a new meaning.
type entryRecord struct {
	Version  int              `cbor:"1,keyasint"`
	Tenant   string           `cbor:"2,keyasint"`
	Source   string           `cbor:"3,keyasint"`
	Received int64            `cbor:"4,keyasint"` // nanoseconds since 1970 UTC
	Envelope message.Envelope `cbor:"5,keyasint"`
	Summary  message.Summary  `cbor:"6,keyasint"`
	Size     int64            `cbor:"7,keyasint"`
	SHA256   []byte           `cbor:"8,keyasint"`
	Flags    []string         `cbor:"9,keyasint,omitempty"`
	Recipe   []piece          `cbor:"10,keyasint"`
	// From version 2 on.
	Decision *decisionRecord `cbor:"11,keyasint,omitempty"`
	Truth    *truthRecord    `cbor:"12,keyasint,omitempty"`
}

// eventRecord is the body of an event record, encoded like an entry's.
type eventRecord struct {
	Version  int               `cbor:"1,keyasint"`
	Kind     EventKind         `cbor:"2,keyasint"`
	Time     int64             `cbor:"3,keyasint"`
	Tenant   string            `cbor:"4,keyasint,omitempty"`
	Source   string            `cbor:"5,keyasint,omitempty"`
	Text     string            `cbor:"6,keyasint"`
	Envelope *message.Envelope `cbor:"7,keyasint,omitempty"`
	Size     int64             `cbor:"8,keyasint,omitempty"`
	SHA256   []byte            `cbor:"9,keyasint,omitempty"`
	// From version 2 on.
	Decision  *decisionRecord `cbor:"10,keyasint,omitempty"`
	Entry     uint64          `cbor:"11,keyasint,omitempty"`
	Actor     string          `cbor:"12,keyasint,omitempty"`
	MessageID string          `cbor:"13,keyasint,omitempty"`
	Policy    []byte          `cbor:"14,keyasint,omitempty"`
	Files     []fileRecord    `cbor:"15,keyasint,omitempty"`
	Truth     *truthRecord    `cbor:"16,keyasint,omitempty"`
	Flags     []string        `cbor:"17,keyasint,omitempty"`
	// From version 3 on.
	Compaction *compactionRecord `cbor:"18,keyasint,omitempty"`
}

// fileRecord is a file of a policy's text. Its contents belong to no tenant.
type fileRecord struct {
	Name   string  `cbor:"1,keyasint"`
	Size   int64   `cbor:"2,keyasint"`
	SHA256 []byte  `cbor:"3,keyasint"`
	Recipe []piece `cbor:"4,keyasint"`
}

// codec encodes and decodes record bodies. It is safe for concurrent use.
type codec struct {
	enc   cbor.EncMode
	dec   cbor.DecMode
	facts factsPress
}

func newCodec() (codec, error) {
	enc, dec, err := newModes()
	if err != nil {
		return codec{}, err
	}
	facts, err := newFactsPress()
	return codec{enc, dec, facts}, err
}

// newModes gives the ways in which bodies are encoded and decoded.
func newModes() (cbor.EncMode, cbor.DecMode, error) {
	o := cbor.CoreDetEncOptions()
	o.String = cbor.StringToByteString
	enc, err := o.EncMode()
	if err != nil {
		return nil, nil, err
	}
	dec, err := cbor.DecOptions{
		ByteStringToString: cbor.ByteStringToStringAllowed,
		MaxArrayElements:   math.MaxInt32, // a body's length bounds them
		MaxMapPairs:        math.MaxInt32,
		MaxNestedLevels:    16,
		DupMapKey:          cbor.DupMapKeyEnforcedAPF,
	}.DecMode()
	return enc, dec, err
}

func (c codec) decodeEntry(r ledger.Record) (e Entry, err error) {
	switch {
	case len(r.Body) > 0 && r.Body[0] == entryFormat:
		e, err = c.decodeFacts(r.Body, r.Seq)
	case len(r.Body) > 0 && r.Body[0] > entryFormat && r.Body[0] < lastFormat:
		err = checkVersion(int(r.Body[0]), entryFormat)
	default:
		e, err = c.decodeOldEntry(r.Body)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("entry %d: %w", r.Seq, err)
	}
	e.ID = r.Seq
	return e, nil
}

// decodeOldEntry reads an entry of version 1 or 2.
func (c codec) decodeOldEntry(body []byte) (e Entry, err error) {
	var b entryRecord
	if err := c.dec.Unmarshal(body, &b); err != nil {
		return e, err
	}
	if err := checkVersion(b.Version, lastOldEntry); err != nil {
		return e, err
	}
	e = Entry{
		Tenant: b.Tenant, Source: b.Source, Received: time.Unix(0, b.Received).UTC(),
		Envelope: b.Envelope, Summary: b.Summary, Size: b.Size, Flags: b.Flags,
		Truth: b.Truth.truth(),
	}
	if copy(e.SHA256[:], b.SHA256) != len(e.SHA256) {
		return e, fmt.Errorf("its digest has %d bytes", len(b.SHA256))
	}
	e.formula, e.text = oldFormula(b.Recipe)
	d, err := b.Decision.decision()
	if d != nil {
		e.Decision = *d
	}
	return e, err
}

func (c codec) encodeEvent(e *Event) ([]byte, error) {
	b := eventRecord{
		Version: recordVersion, Kind: e.Kind, Time: e.Time.UnixNano(), Tenant: e.Tenant,
		Source: e.Source, Text: e.Text, Envelope: e.Envelope, Size: e.Size, SHA256: e.SHA256.orNil(),
		Decision: newDecisionRecord(e.Decision), Entry: e.Entry, Actor: e.Actor, MessageID: e.MessageID,
		Policy: e.Policy.orNil(), Flags: e.Flags, Compaction: newCompactionRecord(e.Compaction),
	}
	if e.Truth != nil {
		t, _ := fit(e.Truth, e.Size)
		b.Truth = newTruthRecord(t)
	}
	for _, f := range e.Files {
		b.Files = append(b.Files, fileRecord{Name: f.Name, Size: f.Size, SHA256: f.SHA256[:], Recipe: f.recipe})
	}
	return c.enc.Marshal(b)
}

func (c codec) decodeEvent(r ledger.Record) (Event, error) {
	var b eventRecord
	if err := c.dec.Unmarshal(r.Body, &b); err != nil {
		return Event{}, fmt.Errorf("event %d: %w", r.Seq, err)
	}
	if err := checkVersion(b.Version, recordVersion); err != nil {
		return Event{}, fmt.Errorf("event %d: %w", r.Seq, err)
	}
	e := Event{
		ID: r.Seq, Kind: b.Kind, Time: time.Unix(0, b.Time).UTC(), Tenant: b.Tenant, Source: b.Source,
		Text: b.Text, Envelope: b.Envelope, Size: b.Size, Entry: b.Entry, Actor: b.Actor, MessageID: b.MessageID,
		Truth: b.Truth.truth(), Flags: b.Flags,
	}
	copy(e.SHA256[:], b.SHA256)
	var err error
	if e.Decision, err = b.Decision.decision(); err != nil {
		return Event{}, fmt.Errorf("event %d: %w", r.Seq, err)
	}
	if e.Policy, err = digestOf(b.Policy); err != nil {
		return Event{}, fmt.Errorf("event %d: its policy: %w", r.Seq, err)
	}
	if e.Compaction, err = b.Compaction.compaction(); err != nil {
		return Event{}, fmt.Errorf("event %d: %w", r.Seq, err)
	}
	for _, f := range b.Files {
		kept := KeptFile{Name: f.Name, Size: f.Size, recipe: f.Recipe}
		if kept.SHA256, err = digestOf(f.SHA256); err != nil {
			return Event{}, fmt.Errorf("event %d: file %q: %w", r.Seq, f.Name, err)
		}
		e.Files = append(e.Files, kept)
	}
	return e, nil
}

// errNewer: a record is not damaged, but this daybook does not know how it is written.
var errNewer = errors.New("was written by a newer daybook")

// checkVersion gives errNewer for a version behind the newest one. None is 0, so a
// record of that version is damaged.
func checkVersion(v, newest int) error {
	if v > newest {
		return fmt.Errorf("record version %d %w; this one reads up to %d", v, errNewer, newest)
	}
	if v < 1 {
		return fmt.Errorf("there is no record version %d", v)
	}
	return nil
}

// encoding says how the bytes of a content are stored.
type encoding uint8

const (
	storedRaw  encoding = 0
	storedZstd encoding = 1
)

// content is the body of a content record:
//
//	0  1  version, 1
//	1  1  encoding: 0 as they are, 1 zstd (RFC 8878)
//	2  1  length n of the tenant's name
//	3  n  the tenant's name
//	.. 32 SHA-256 of the content's bytes
//	.. 4  their number, big endian
//	.. .. the bytes, encoded
type content struct {
	tenant string
	hash   Digest
	size   uint32
	as     encoding
	data   []byte
}

// contentHead appends the beginning of a content record, up to its data, to b, and has
// room for so many bytes of data behind it.
func contentHead(b []byte, tenant string, hash Digest, size int, as encoding, room int) []byte {
	b = slices.Grow(b, 3+len(tenant)+len(hash)+4+room)
	b = append(b, contentVersion, byte(as), byte(len(tenant)))
	b = append(b, tenant...)
	b = append(b, hash[:]...)
	return binary.BigEndian.AppendUint32(b, uint32(size))
}

var errContent = errors.New("content record is malformed")

// decodeContent reads a content record. Its data is part of b.
func decodeContent(b []byte) (content, error) {
	if len(b) < 3 {
		return content{}, errContent
	}
	if err := checkVersion(int(b[0]), contentVersion); err != nil {
		return content{}, err
	}
	c := content{as: encoding(b[1])}
	n := int(b[2])
	b = b[3:]
	if len(b) < n+len(c.hash)+4 {
		return content{}, errContent
	}
	c.tenant = string(b[:n])
	copy(c.hash[:], b[n:])
	b = b[n+len(c.hash):]
	c.size, c.data = binary.BigEndian.Uint32(b), b[4:]
	return c, nil
}
