package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
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
)

// recordVersion is the version of the entry and event records that are written.
const recordVersion = 1

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

// entryRecord is the body of an entry record: CBOR, deterministically encoded
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
}

// codec encodes and decodes record bodies. It is safe for concurrent use.
type codec struct {
	enc cbor.EncMode
	dec cbor.DecMode
}

func newCodec() (codec, error) {
	o := cbor.CoreDetEncOptions()
	o.String = cbor.StringToByteString
	enc, err := o.EncMode()
	if err != nil {
		return codec{}, err
	}
	dec, err := cbor.DecOptions{
		ByteStringToString: cbor.ByteStringToStringAllowed,
		MaxArrayElements:   math.MaxInt32, // a body's length bounds them
		MaxMapPairs:        math.MaxInt32,
		MaxNestedLevels:    16,
		DupMapKey:          cbor.DupMapKeyEnforcedAPF,
	}.DecMode()
	return codec{enc, dec}, err
}

func (c codec) encodeEntry(e *Entry) ([]byte, error) {
	return c.enc.Marshal(entryRecord{
		Version: recordVersion, Tenant: e.Tenant, Source: e.Source, Received: e.Received.UnixNano(),
		Envelope: e.Envelope, Summary: e.Summary, Size: e.Size, SHA256: e.SHA256[:],
		Flags: e.Flags, Recipe: e.recipe,
	})
}

func (c codec) decodeEntry(r ledger.Record) (Entry, error) {
	var b entryRecord
	if err := c.dec.Unmarshal(r.Body, &b); err != nil {
		return Entry{}, fmt.Errorf("entry %d: %w", r.Seq, err)
	}
	if err := checkVersion(b.Version); err != nil {
		return Entry{}, fmt.Errorf("entry %d: %w", r.Seq, err)
	}
	e := Entry{
		ID: r.Seq, Tenant: b.Tenant, Source: b.Source, Received: time.Unix(0, b.Received).UTC(),
		Envelope: b.Envelope, Summary: b.Summary, Size: b.Size, Flags: b.Flags, recipe: b.Recipe,
	}
	if copy(e.SHA256[:], b.SHA256) != len(e.SHA256) {
		return Entry{}, fmt.Errorf("entry %d: its digest has %d bytes", r.Seq, len(b.SHA256))
	}
	return e, nil
}

func (c codec) encodeEvent(e *Event) ([]byte, error) {
	b := eventRecord{
		Version: recordVersion, Kind: e.Kind, Time: e.Time.UnixNano(), Tenant: e.Tenant,
		Source: e.Source, Text: e.Text, Envelope: e.Envelope, Size: e.Size,
	}
	if e.SHA256 != (Digest{}) {
		b.SHA256 = e.SHA256[:]
	}
	return c.enc.Marshal(b)
}

func (c codec) decodeEvent(r ledger.Record) (Event, error) {
	var b eventRecord
	if err := c.dec.Unmarshal(r.Body, &b); err != nil {
		return Event{}, fmt.Errorf("event %d: %w", r.Seq, err)
	}
	if err := checkVersion(b.Version); err != nil {
		return Event{}, fmt.Errorf("event %d: %w", r.Seq, err)
	}
	e := Event{
		ID: r.Seq, Kind: b.Kind, Time: time.Unix(0, b.Time).UTC(), Tenant: b.Tenant, Source: b.Source,
		Text: b.Text, Envelope: b.Envelope, Size: b.Size,
	}
	copy(e.SHA256[:], b.SHA256)
	return e, nil
}

func checkVersion(v int) error {
	if v < 1 || v > recordVersion {
		return fmt.Errorf("record version %d was written by a newer daybook; this one reads up to %d", v, recordVersion)
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

// contentHead is the beginning of a content record, up to its data, with room for
// so many bytes of data.
func contentHead(tenant string, hash Digest, size int, as encoding, room int) []byte {
	b := make([]byte, 0, 3+len(tenant)+len(hash)+4+room)
	b = append(b, recordVersion, byte(as), byte(len(tenant)))
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
	if err := checkVersion(int(b[0])); err != nil {
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
