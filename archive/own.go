package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"daybook/archive/dictionary"
	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// A dictionary of an archive's own is trained on the facts of a tenant's entries, and
// is a record of the ledger, of which there are two copies: without it the entries that
// were written with it cannot be read. It has no number, and is never to be dropped
// by a compaction.
//
//	0  1  version: 2; 1 for a dictionary of zstd
//	1  1  purpose: 1 facts
//	2  1  copy, 0 or 1
//	3  4  the dictionary's number, big endian, from dictionary.FirstOwn on
//	7  .. length of the tenant's name, uvarint, and the name
//	.. .. entries that the tenant had when it was trained, uvarint
//	.. .. what it saved on entries that it was not trained on, in 1/1000, uvarint
//	.. .. its length, uvarint
//	.. .. the dictionary, compressed with zstd: words of facts, see wordsDictionary; in
//	      version 1 a dictionary of RFC 8878 section 5, with such words in it
type ownRecord struct {
	version       byte
	purpose, copy byte
	id            uint32
	tenant        string
	entries       uint64
	saving        uint64
	size          int
	data          []byte
}

const (
	ownZstd      = 1
	ownVersion   = 2
	purposeFacts = 1
	ownCopies    = 2
	// maxOwn is the most bytes of a dictionary.
	maxOwn = 64 << 10
	// ownCoders is how many entries are decompressed at the same time with one dictionary
	// of zstd.
	ownCoders = 2
)

func (r *ownRecord) encode() []byte {
	b := []byte{r.version, r.purpose, r.copy}
	b = binary.BigEndian.AppendUint32(b, r.id)
	b = append(binary.AppendUvarint(b, uint64(len(r.tenant))), r.tenant...)
	b = binary.AppendUvarint(b, r.entries)
	b = binary.AppendUvarint(b, r.saving)
	return append(binary.AppendUvarint(b, uint64(r.size)), r.data...)
}

var errOwn = errors.New("a record of a dictionary is malformed")

// decodeOwn reads the record of a dictionary. Its data is part of b.
func decodeOwn(b []byte) (r ownRecord, err error) {
	f := fields{b: b}
	if r.version = f.byte(); r.version > ownVersion {
		return ownRecord{}, checkVersion(int(r.version), ownVersion)
	}
	r.purpose, r.copy = f.byte(), f.byte()
	if id := f.bytes(4); !f.bad {
		r.id = binary.BigEndian.Uint32(id)
	}
	r.tenant = string(f.bytes(f.uvarint(MaxName)))
	r.entries, r.saving = f.uvarint(1<<63-1), f.uvarint(1000)
	r.size = int(f.uvarint(maxOwn))
	r.data = f.b
	if f.bad || r.version == 0 || r.purpose != purposeFacts || r.copy >= ownCopies || r.id < dictionary.FirstOwn || r.tenant == "" {
		return ownRecord{}, errOwn
	}
	return r, nil
}

// ownDictionary is one that is ready for use. It is safe for concurrent use. With what it
// makes ready when it first compresses, it takes up to half a MiB.
type ownDictionary struct {
	id     uint32
	raw    []byte        // as it is in its record
	words  *s2.Dict      // nil: it has too little text for S2
	blocks *zstd.Decoder // of entries that were compressed with zstd; nil: there are none
}

// newOwnDictionary makes one of words of facts.
func newOwnDictionary(id uint32, raw []byte) (*ownDictionary, error) {
	d := &ownDictionary{id: id, raw: raw, words: wordsDictionary(raw)}
	if d.words == nil {
		return nil, fmt.Errorf("dictionary %d: %d bytes are no dictionary for S2", id, len(raw))
	}
	return d, nil
}

// newZstdDictionary makes one of a dictionary of zstd. The text in it serves S2.
func newZstdDictionary(id uint32, raw []byte) (*ownDictionary, error) {
	in, err := zstd.InspectDictionary(raw)
	if err == nil && in.ID() != id {
		err = fmt.Errorf("it says that its number is %d", in.ID())
	}
	if err != nil {
		return nil, fmt.Errorf("dictionary %d: %w", id, err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(ownCoders), zstd.WithDecoderMaxMemory(maxFacts), zstd.WithDecoderDicts(raw))
	if err != nil {
		return nil, fmt.Errorf("dictionary %d: %w", id, err)
	}
	return &ownDictionary{id: id, raw: raw, words: wordsDictionary(in.Content()), blocks: dec}, nil
}

// open makes a dictionary of a record ready for use.
func (r *ownRecord) open(p *zstd.Decoder) (*ownDictionary, error) {
	const behind = 16 // S2 copies what has less room behind it
	raw, err := p.DecodeAll(r.data, make([]byte, 0, r.size+behind))
	if err == nil && len(raw) != r.size {
		err = errors.New("it has another length than it should")
	}
	if err != nil {
		return nil, fmt.Errorf("dictionary %d: %w", r.id, err)
	}
	if r.version == ownZstd {
		return newZstdDictionary(r.id, raw)
	}
	return newOwnDictionary(r.id, raw)
}

// maxOpen is how many of an archive's dictionaries are kept ready.
const maxOpen = 64

// owned gives the dictionaries of an archive by their number. It is safe for concurrent
// use.
type owned struct {
	dec *zstd.Decoder // of the records' data

	mu      sync.Mutex
	catalog func() pebble.Reader
	// ahead are records that the catalog will come to later, by their number.
	ahead map[uint32]ownRecord
	list  []*ownDictionary // the one that was used last comes first
}

func newOwned() (*owned, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxOwn))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &owned{dec: dec}, nil
}

// in says which catalog knows the dictionaries.
func (o *owned) in(catalog func() pebble.Reader) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.catalog, o.list = catalog, nil // another one need not know the same
}

// errNoDictionary: neither of its copies is left.
var errNoDictionary = errors.New("both copies are lost of the dictionary that it was compressed with")

// errLookUp: the catalog does not tell whether it has a dictionary.
var errLookUp = errors.New("a dictionary could not be looked up")

// get gives a dictionary. The error is errNoDictionary when there is none of that
// number that can be used, and errLookUp when that is not known.
func (o *owned) get(id uint32) (*ownDictionary, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.IndexFunc(o.list, func(d *ownDictionary) bool { return d.id == id }); i >= 0 {
		d := o.list[i]
		copy(o.list[1:i+1], o.list[:i])
		o.list[0] = d
		return d, nil
	}
	r, err := o.record(id)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("%w: number %d", errNoDictionary, id)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLookUp, err)
	}
	d, err := r.open(o.dec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoDictionary, err)
	}
	o.list = slices.Insert(o.list[:min(len(o.list), maxOpen-1)], 0, d)
	return d, nil
}

// record looks up the record of a dictionary. o.mu is held.
func (o *owned) record(id uint32) (ownRecord, error) {
	if r, ok := o.ahead[id]; ok {
		return r, nil
	}
	if o.catalog == nil {
		return ownRecord{}, ErrNotFound
	}
	return ownIn(o.catalog(), id)
}

// looked tells whether lookAhead was called: what is missing then is lost.
func (o *owned) looked() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ahead != nil
}

// lookAhead remembers all dictionaries of a catalog, for when its ledger is read again.
func (o *owned) lookAhead(from pebble.Reader) error {
	ahead := map[uint32]ownRecord{}
	for r, err := range owns(from) {
		if err != nil {
			return err
		}
		ahead[r.id] = r
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ahead = ahead
	return nil
}

// owns gives the records of the dictionaries, by number.
func owns(from pebble.Reader) iter.Seq2[ownRecord, error] {
	return func(yield func(ownRecord, error) bool) {
		prefix := []byte{keyOwn}
		it, err := from.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
		if err != nil {
			yield(ownRecord{}, catalogError(err))
			return
		}
		defer it.Close()
		for ok := it.First(); ok; ok = it.Next() {
			r, err := decodeOwn(slices.Clone(it.Value()))
			if err != nil {
				err = catalogError(err)
			}
			if !yield(r, err) {
				return
			}
		}
		if err := it.Error(); err != nil {
			yield(ownRecord{}, catalogError(err))
		}
	}
}

// ownIn gives the record of a dictionary. The error is [ErrNotFound] or [ErrCatalog].
func ownIn(from pebble.Reader, id uint32) (ownRecord, error) {
	v, closer, err := from.Get(ownKey(id))
	if errors.Is(err, pebble.ErrNotFound) {
		return ownRecord{}, ErrNotFound
	}
	if err != nil {
		return ownRecord{}, catalogError(err)
	}
	defer closer.Close()
	r, err := decodeOwn(slices.Clone(v))
	if err != nil {
		return r, catalogError(err)
	}
	return r, nil
}

// newestOwn gives the newest dictionary of a tenant. The error is [ErrNotFound] or
// [ErrCatalog].
func newestOwn(from pebble.Reader, tenant string) (ownRecord, error) {
	v, closer, err := from.Get(newestKey(tenant))
	if errors.Is(err, pebble.ErrNotFound) {
		return ownRecord{}, ErrNotFound
	}
	if err != nil {
		return ownRecord{}, catalogError(err)
	}
	defer closer.Close()
	if len(v) != 4 {
		return ownRecord{}, catalogError(errOwn)
	}
	return ownIn(from, binary.BigEndian.Uint32(v))
}

// addOwn notes a dictionary: its bytes, for what was compressed with it is read while
// the ledger is; where its copies stand; and that it is the tenant's newest one. A copy
// that cannot be used is passed over: it must not take the place of the other.
func (k *catalog) addOwn(b *pebble.Batch, r *ledger.Record, at []byte) error {
	own, err := decodeOwn(r.Body)
	if err == nil {
		_, err = own.open(k.codec.facts.own.dec)
	}
	if err != nil {
		return inRecord("dictionary", r, newer(err))
	}
	if err := b.Set(ownCopyKey(own.id, own.copy), at, nil); err != nil {
		return err
	}
	whole := slices.Clone(r.Body)
	whole[2] = 0 // the same, whichever copy it is
	if err := b.Set(ownKey(own.id), whole, nil); err != nil {
		return err
	}
	if own.copy != 0 {
		return nil
	}
	return b.Set(newestKey(own.tenant), binary.BigEndian.AppendUint32(nil, own.id), nil)
}

// OwnDictionary tells of a dictionary that the archive trained on a tenant's mail.
type OwnDictionary struct {
	// ID is its number, unique within the archive.
	ID     uint32
	Tenant string
	// Bytes is its size.
	Bytes int
	// Entries is how many entries the tenant had when it was trained.
	Entries uint64
	// Saving is what it saved of the facts of entries that it was not trained on, in
	// percent of what they took with the dictionary before.
	Saving float64
	// Copies is how many there are in the ledger; two, as soon as there are some more
	// entries.
	Copies int
}

// OwnDictionaries gives the archive's own dictionaries, by number. The error is
// [ErrCatalog] or [ErrClosed].
func (a *Archive) OwnDictionaries() (list []OwnDictionary, err error) {
	done, err := a.use()
	if err != nil {
		return nil, err
	}
	defer done()
	from := a.catalog.reader()
	for r, err := range owns(from) {
		if err != nil {
			return list, err
		}
		one := OwnDictionary{ID: r.id, Tenant: r.tenant, Bytes: r.size, Entries: r.entries, Saving: float64(r.saving) / 10}
		for n := range byte(ownCopies) {
			if _, err := location(from, ownCopyKey(r.id, n)); err == nil {
				one.Copies++
			}
		}
		list = append(list, one)
	}
	return list, nil
}
