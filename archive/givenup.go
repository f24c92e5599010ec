package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2"
)

// Compaction is what an event of the kind [EventCompaction] says: contents of a
// segment are given up. From the event on they do not count, whether their records are
// still there or not; so the event comes first, and the segment is rewritten without
// them when it is on stable storage. After a crash between the two, and after an error,
// the records are there and nobody finds them; the next compaction drops them.
type Compaction struct {
	// Segment is the segment that they stand in.
	Segment uint32
	// Records is the number of their records, and Bytes what these take.
	Records uint64
	Bytes   int64

	gone []goneContents
	left []leftContents
	// until is the offset in the segment behind the last record that is dropped: a
	// content that stands there or behind counts on. 0 stands for the segment's end.
	until int64
}

// goneContents are contents of a tenant that nothing refers to. They are not found
// any more, unless there is a record of them behind those that are dropped. Copies that another
// one has superseded are not among them: those are not found anyway.
type goneContents struct {
	Tenant string `cbor:"1,keyasint"`
	Hashes []byte `cbor:"2,keyasint"` // SHA-256, one behind the other
}

// leftContents are the content records that the segment has left.
type leftContents struct {
	Tenant string `cbor:"1,keyasint"`
	held
}

// held counts content records.
type held struct {
	Records uint64 `cbor:"2,keyasint"`
	Bytes   uint64 `cbor:"3,keyasint"` // what they take in the ledger
}

// compactionRecord is a Compaction in an event's record.
type compactionRecord struct {
	Segment uint32         `cbor:"1,keyasint"`
	Records uint64         `cbor:"2,keyasint"`
	Bytes   int64          `cbor:"3,keyasint"`
	Gone    []goneContents `cbor:"4,keyasint,omitempty"`
	Left    []leftContents `cbor:"5,keyasint,omitempty"`
	Until   int64          `cbor:"6,keyasint,omitempty"`
}

func newCompactionRecord(c *Compaction) *compactionRecord {
	if c == nil {
		return nil
	}
	return &compactionRecord{c.Segment, c.Records, c.Bytes, c.gone, c.left, c.until}
}

// compaction gives what a record says, which lists whole digests, and tenants whose
// names fit into a key.
func (r *compactionRecord) compaction() (*Compaction, error) {
	if r == nil {
		return nil, nil
	}
	bad := r.Segment == 0 || r.Until < 0
	for _, g := range r.Gone {
		bad = bad || len(g.Tenant) > MaxName || len(g.Hashes)%len(Digest{}) != 0
	}
	for _, l := range r.Left {
		bad = bad || len(l.Tenant) > MaxName
	}
	if bad {
		return nil, errors.New("what it says of a compaction is malformed")
	}
	return &Compaction{r.Segment, r.Records, r.Bytes, r.Gone, r.Left, r.Until}, nil
}

// keys gives the keys of the contents that are not found any more.
func (c *Compaction) keys(yield func([]byte) bool) {
	for _, g := range c.gone {
		for h := g.Hashes; len(h) > 0; h = h[len(Digest{}):] {
			if !yield(contentKey(g.Tenant, h[:len(Digest{})])) {
				return
			}
		}
	}
}

// behind tells whether a place is behind all that is dropped.
func (c *Compaction) behind(at ledger.Location) bool {
	return at.Segment > c.Segment || at.Segment == c.Segment && c.until > 0 && at.Offset >= c.until
}

// heldKey is the key of what a segment holds of a tenant's contents.
func heldKey(segment uint32, tenant string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{keyHeld}, segment), tenant...)
}

func (h held) encode() []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, h.Records), h.Bytes)
}

func decodeHeld(b []byte) (h held, err error) {
	c := &fields{b: b}
	h.Records, h.Bytes = c.uvarint(math.MaxUint64), c.uvarint(math.MaxUint64)
	if c.bad || len(c.b) > 0 {
		return held{}, errors.New("what a segment holds of a tenant is damaged")
	}
	return h, nil
}

// holding is what a segment holds under a key, as the records so far have left it.
func (k *catalog) holding(key []byte, s *state) held {
	if h, ok := k.pass.held[string(key)]; ok {
		return h
	}
	if h, ok := k.held[string(key)]; ok {
		return h
	}
	v, closer, err := k.reader().Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return held{}
	}
	var h held
	if err == nil {
		h, err = decodeHeld(v)
		closer.Close()
	}
	if err != nil {
		s.doubts++
	}
	return h
}

// countContent counts a content record, whose key is given. Those of the archive's own
// belong to no tenant.
func (k *catalog) countContent(r *ledger.Record, key []byte, s *state) {
	name := string(key[2 : 2+int(key[1])])
	at := heldKey(r.At.Segment, name)
	h := k.holding(at, s)
	k.hold(at, name, h, held{h.Records + 1, h.Bytes + length(r)}, s)
}

// hold notes that a segment holds so much of a tenant's contents, instead of so much.
func (k *catalog) hold(key []byte, tenant string, before, now held, s *state) {
	k.pass.held[string(key)] = now
	s.contents += now.Records - before.Records // which may go down
	if tenant == policyTenant {
		return
	}
	t := k.tenant(tenant, s)
	t.StoredBytes += now.Bytes - before.Bytes
	k.pass.tenants[tenant] = t
}

// keepHeld takes over what a group has changed. Of segments before the current one
// only an event tells, so of those nothing is kept in memory.
func (k *catalog) keepHeld(segment uint32) {
	if k.heldIn != segment {
		k.heldIn, k.held = segment, map[string]held{}
	}
	prefix := string(heldKey(segment, ""))
	maps.DeleteFunc(k.pass.held, func(key string, _ held) bool { return key[:len(prefix)] != prefix })
	maps.Copy(k.held, k.pass.held)
}

// writeHeld writes what has changed.
func (p *pass) writeHeld(b *pebble.Batch) error {
	for key, h := range p.held {
		if err := b.Set([]byte(key), h.encode(), nil); err != nil {
			return err
		}
	}
	return nil
}

// giveUp applies a compaction. A content is forgotten when the place where it is found
// lies before the end of what is dropped, in the segment or in one before; and the counts become those of what is left.
// Both come out the same with and without the records that are given up.
func (k *catalog) giveUp(b *pebble.Batch, c *Compaction, s *state) error {
	recent, err := k.recent(b)
	if err != nil {
		return err
	}
	for key := range c.keys {
		if recent[string(key)] {
			continue // a group stands in one segment, which is behind the compacted one
		}
		at, _, err := contentPlace(k.reader(), key)
		switch {
		case errors.Is(err, ErrNotFound):
			continue
		case err != nil:
			s.doubts++
			continue
		case c.behind(at):
			continue
		}
		if err := b.Delete(key, nil); err != nil {
			return err
		}
	}
	for _, l := range c.left {
		key := heldKey(c.Segment, l.Tenant)
		k.hold(key, l.Tenant, k.holding(key, s), l.held, s)
	}
	return nil
}

// recent gives the contents that the group at hand has put into a batch before. They
// cannot be looked up there: only that of an archive open for reading can be read.
func (k *catalog) recent(b *pebble.Batch) (map[string]bool, error) {
	if k.overlay != nil {
		return nil, nil
	}
	keys := map[string]bool{}
	r := b.Reader()
	for {
		_, key, _, ok, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("read the batch: %w", err)
		}
		if !ok {
			return keys, nil
		}
		if len(key) > 0 && key[0] == keyContent {
			keys[string(key)] = true
		}
	}
}
