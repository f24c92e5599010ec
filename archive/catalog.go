package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	iofs "io/fs"
	"maps"
	"strings"
	"syscall"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// state is what the catalog knows of itself.
type state struct {
	mark ledger.Mark
	totals
	// doubts counts what could not be read while records were applied. The catalog is
	// then made anew when the archive is opened next.
	doubts uint64
}

// totals count what the catalog holds, from the beginning on.
type totals struct {
	entries, events, contents uint64
	received                  uint64 // bytes of all entries' messages
	keys                      uint64 // index keys of all entries
	messages                  uint64 // entries that are not joined
}

func (s state) encode() []byte {
	b := []byte{catalogVersion}
	for _, v := range []uint64{
		uint64(s.mark.Segment), uint64(s.mark.Offset), s.mark.Seq, uint64(s.mark.Group),
		s.entries, s.events, s.contents, s.received, s.keys, s.messages, s.doubts,
	} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

// otherVersion is the error for a catalog that another daybook made.
type otherVersion struct {
	version byte
	mark    ledger.Mark // how far it had come
}

func (e *otherVersion) Error() string {
	return fmt.Sprintf("it is of version %d, and this daybook's is %d", e.version, catalogVersion)
}

// decodeState reads a state. In every version the mark stands first, so that one
// of another version tells how far the ledger was acknowledged.
func decodeState(b []byte) (state, error) {
	var v [11]uint64
	if len(b) < 1+8*4 || b[0] == catalogVersion && len(b) != 1+8*len(v) {
		return state{}, errors.New("its state is damaged")
	}
	for i := range min(len(v), (len(b)-1)/8) {
		v[i] = binary.BigEndian.Uint64(b[1+8*i:])
	}
	mark := ledger.Mark{
		Position: ledger.Position{Segment: uint32(v[0]), Offset: int64(v[1])},
		Seq:      v[2], Group: uint32(v[3]),
	}
	if b[0] != catalogVersion {
		return state{}, &otherVersion{b[0], mark}
	}
	t := totals{entries: v[4], events: v[5], contents: v[6], received: v[7], keys: v[8], messages: v[9]}
	return state{mark, t, v[10]}, nil
}

// catalog is the view of the ledger in Pebble. What it holds is a function of
// the ledger's records in their order, and of nothing else.
type catalog struct {
	codec codec
	db    *pebble.DB
	// trouble is what went wrong with db in the background.
	trouble trouble
	// overlay takes the changes instead of db when that is open for reading only.
	overlay *pebble.Batch
	// state, pass, ready and tenants are owned by apply: tenants are the totals that it has
	// looked up, pass is what it has changed and not yet committed, and ready is that as it
	// would be committed.
	state   state
	pass    *pass
	ready   prepared
	tenants map[string]TenantTotals
	// past are the entries that were asked for to join others. It is owned by apply.
	past *past
	// held is what the segment heldIn, the one that records were applied of last, holds
	// of contents. It is owned by apply as well.
	held   map[string]held
	heldIn uint32
	// spans are those that were widened last. It is owned by apply as well.
	spans map[spanName]span
	// unread counts the entries whose dictionary was missing when they were applied, and
	// may yet be in the ledger.
	unread int
	behind int64 // bytes of the ledger that were applied since the catalog was last written out
}

// openCatalog opens the catalog in dir and reads how far it had come. By read it looks
// at records of the ledger that it has applied before.
func openCatalog(dir string, c codec, read func(ledger.Location) (ledger.Record, error), o *pebble.Options) (*catalog, error) {
	t := make(trouble, 1)
	o = t.listen(o)
	db, err := openStore(dir, o)
	if err != nil {
		return nil, catalogError(err)
	}
	k := &catalog{
		codec: c, db: db, trouble: t, tenants: map[string]TenantTotals{}, held: map[string]held{}, past: newPast(c, read),
		spans: map[spanName]span{},
	}
	if o.ReadOnly {
		k.overlay = db.NewIndexedBatch()
	}
	c.facts.own.in(k.reader)
	if k.state, err = readState(db); err != nil {
		db.Close()
		return nil, err
	}
	return k, nil
}

// trouble tells that Pebble has failed at something in the background.
type trouble chan struct{}

// listen gives options that have trouble told of.
func (t trouble) listen(o *pebble.Options) *pebble.Options {
	told := *o
	listener := pebble.EventListener{}
	if o.EventListener != nil {
		listener = *o.EventListener
	}
	before := listener.BackgroundError
	listener.BackgroundError = func(err error) {
		select {
		case t <- struct{}{}:
		default:
		}
		if before != nil {
			before(err)
		}
	}
	told.EventListener = &listener
	return &told
}

// forget leaves out what was told so far.
func (t trouble) forget() {
	select {
	case <-t:
	default:
	}
}

// openStore is pebble.Open, which panics when a disk error meets it at a bad
// moment.
func openStore(dir string, o *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("open: %v", r)
			if cause, ok := r.(error); ok {
				err = fmt.Errorf("open: %w", cause)
			}
		}
	}()
	return pebble.Open(dir, o)
}

// manifestMarker begins the name of the file that names the store's manifest.
const manifestMarker = "marker.manifest."

// storeExists tells whether there is a store in a folder. One that has lost the
// file which names its manifest would open as a new one, and replay a log of the
// old: it is damaged.
func storeExists(fs vfs.FS, dir string) (bool, error) {
	names, err := fs.List(dir)
	if errors.Is(err, iofs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("catalog: %w", err)
	}
	left := false
	for _, name := range names {
		if strings.HasPrefix(name, manifestMarker) {
			return true, nil
		}
		left = left || strings.HasSuffix(name, ".log") || strings.HasSuffix(name, ".sst")
	}
	if left {
		return false, catalogError(errors.New("the file that names its manifest is missing"))
	}
	return false, nil
}

// catalogError tells a catalog that is damaged, with a file missing perhaps, from
// a disk that fails.
func catalogError(err error) error {
	if errno := syscall.Errno(0); errors.As(err, &errno) && errno != syscall.ENOENT {
		return fmt.Errorf("catalog: %w", err)
	}
	return fmt.Errorf("%w: %w", ErrCatalog, err)
}

// reader is what the catalog holds now.
func (k *catalog) reader() pebble.Reader {
	if k.overlay != nil {
		return k.overlay
	}
	return k.db
}

// snapshot is what the catalog holds at this moment, and goes on holding for the
// reader until release is called.
func (k *catalog) snapshot() (_ pebble.Reader, release func()) {
	if k.overlay != nil {
		return k.overlay, func() {}
	}
	s := k.db.NewSnapshot()
	return s, func() { s.Close() }
}

// readState reads how far a catalog has come; a new one has come nowhere.
func readState(from pebble.Reader) (state, error) {
	none := state{mark: ledger.Mark{Seq: 1}}
	v, closer, err := from.Get(stateKey())
	if errors.Is(err, pebble.ErrNotFound) {
		return none, nil
	}
	if err != nil {
		return none, catalogError(err)
	}
	defer closer.Close()
	s, err := decodeState(v)
	if err != nil {
		return none, catalogError(err)
	}
	return s, nil
}

// prepared is a group that can be taken into the catalog.
type prepared struct {
	whole bool
	state state
	batch *pebble.Batch // nil with an overlay, which has it already
}

// prepare reads and computes all that apply needs for a group, and changes nothing. What
// was prepared before and not applied is forgotten.
func (k *catalog) prepare(records []ledger.Record, end ledger.Mark) error {
	k.forget()
	b := k.overlay
	if b == nil {
		b = k.db.NewBatchWithSize(256 * (len(records) + 1))
		k.ready.batch = b
	}
	s := k.state
	s.mark = end
	k.pass = newPass()
	defer k.pass.end()
	for i := range records {
		if err := k.add(b, &records[i], &s); err != nil {
			return err
		}
	}
	if err := errors.Join(k.pass.writeTenants(b), k.pass.writeHeld(b), k.pass.writeSpans(b)); err != nil {
		return err
	}
	if err := b.Set(stateKey(), s.encode(), nil); err != nil {
		return err
	}
	k.ready.state, k.ready.whole = s, true
	return nil
}

// forget lets go of what was prepared.
func (k *catalog) forget() {
	if k.ready.batch != nil {
		k.ready.batch.Close()
	}
	k.ready = prepared{}
}

// apply takes the records of a group into the catalog. They were prepared, or are now.
func (k *catalog) apply(records []ledger.Record, end ledger.Mark) error {
	if !k.ready.whole || k.ready.state.mark != end {
		if err := k.prepare(records, end); err != nil {
			return err
		}
	}
	defer k.forget()
	if k.overlay == nil {
		if err := k.ready.batch.Commit(pebble.NoSync); err != nil {
			return err
		}
	}
	k.state = k.ready.state
	if k.overlay == nil {
		if err := k.writeOut(records); err != nil {
			return err
		}
	}
	maps.Copy(k.tenants, k.pass.tenants)
	k.keepListed()
	k.keepHeld(end.Segment)
	k.keepSpans()
	return nil
}

// maxReplay is about how many bytes of the ledger are read again at most, to apply
// what was not written out when the process ended.
const maxReplay = 256 << 20

// writeOut has the catalog written out in the background when the ledger has come far
// since the last time. What is in it then is a state of the catalog as a whole.
func (k *catalog) writeOut(records []ledger.Record) error {
	for i := range records {
		k.behind += int64(records[i].At.Length)
	}
	if k.behind < maxReplay {
		return nil
	}
	k.behind = 0
	_, err := k.db.AsyncFlush()
	return err
}

// add takes one record into a batch.
func (k *catalog) add(b *pebble.Batch, r *ledger.Record, s *state) error {
	at := encodeLocation(r.At)
	switch r.Type {
	case typeContent:
		return k.addContent(b, r, at, s)
	case typeEntry:
		return k.addEntry(b, r, at, s)
	case typeEvent:
		return k.addEvent(b, r, at, s)
	case typeDictionary:
		return k.addOwn(b, r, at)
	}
	return fmt.Errorf("record type %d %w", r.Type, errNewer)
}

func (k *catalog) addEntry(b *pebble.Batch, r *ledger.Record, at []byte, s *state) error {
	e, err := k.entryOf(r, s)
	if err != nil {
		return err
	}
	s.entries++
	if e == nil {
		return b.Set(seqKey(keyEntry, r.Seq), at, nil)
	}
	e.ID = r.Seq
	s.received += uint64(e.Size)
	j, err := k.join(b, e, s)
	if err != nil {
		return err
	}
	k.count(r, e, j, s)
	if err := b.Set(seqKey(keyEntry, r.Seq), j.appendTo(at), nil); err != nil {
		return err
	}
	if err := k.index(b, e, s); err != nil {
		return err
	}
	if err := addInline(b, e, at, s); err != nil {
		return err
	}
	if e.Decision.Action == ActionQuarantine {
		return b.Set(seqKey(keyQuarantine, r.Seq), []byte{stateWaiting}, nil)
	}
	return nil
}

// index notes by what an entry is found, and the message that it belongs to.
func (k *catalog) index(b *pebble.Batch, e *Entry, s *state) error {
	head := e.Message != e.ID
	if head {
		if err := b.Set(memberKey(e.Message, e.ID), nil, nil); err != nil {
			return err
		}
	}
	at := spanOfTime(e.Received)
	k.cover(e.ID, at, s)
	if head {
		k.cover(e.Message, at, s)
	}
	for _, key := range indexKeys(e) {
		s.keys++
		if err := b.Set(key, nil, nil); err != nil {
			return err
		}
		if !head {
			continue
		}
		if err := b.Set(headKey(key, e.Message), binary.AppendUvarint(nil, e.ID), nil); err != nil {
			return err
		}
	}
	return nil
}

// addInline notes where the contents stand that are in an entry's text.
func addInline(b *pebble.Batch, e *Entry, at []byte, s *state) error {
	for i, c := range e.formula.contents {
		if !c.Inline {
			continue
		}
		s.contents++
		if err := b.Set(contentKey(e.Tenant, c.Hash[:]), appendInline(at, e.formula.inlineAt(i)), nil); err != nil {
			return err
		}
	}
	return nil
}

// addEvent notes an event and what it changes. What was there before is not
// looked at: the last event counts. One that cannot be decoded is there, and changes
// nothing.
func (k *catalog) addEvent(b *pebble.Batch, r *ledger.Record, at []byte, s *state) error {
	s.events++
	if err := b.Set(seqKey(keyEvent, r.Seq), at, nil); err != nil {
		return err
	}
	e, ok := r.Note.(*Event)
	if !ok {
		read, err := k.codec.decodeEvent(*r)
		if err != nil {
			return newer(err)
		}
		e = &read
	}
	switch e.Kind {
	case EventRelease:
		return b.Delete(seqKey(keyQuarantine, e.Entry), nil)
	case EventKeep:
		return b.Set(seqKey(keyQuarantine, e.Entry), []byte{stateKept}, nil)
	case EventPolicy:
		return b.Set(policyKey(e.Policy), seqKey(0, r.Seq)[1:], nil)
	case EventCompaction:
		if e.Compaction != nil {
			return k.giveUp(b, e.Compaction, s)
		}
	}
	return nil
}

// addContent notes where a content stands. Of several with the same bytes the
// last one counts: so the content need not be looked up here, and a copy that comes
// again heals one that was damaged. One that cannot be decoded is not to be found.
func (k *catalog) addContent(b *pebble.Batch, r *ledger.Record, at []byte, s *state) error {
	key, ok := r.Note.([]byte)
	if !ok {
		c, err := decodeContent(r.Body)
		if err != nil {
			return inRecord("content", r, newer(err))
		}
		key = contentKey(c.tenant, c.hash[:])
	}
	k.countContent(r, key, s)
	return b.Set(key, at, nil)
}

// location looks up where a record stands.
func location(from pebble.Reader, key []byte) (ledger.Location, error) {
	v, closer, err := from.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return ledger.Location{}, ErrNotFound
	}
	if err != nil {
		return ledger.Location{}, catalogError(err)
	}
	defer closer.Close()
	at, rest, ok := decodeLocation(v)
	if !ok || len(rest) > 0 && key[0] != keyEntry {
		return at, catalogError(errLocation)
	}
	return at, nil
}

var errLocation = errors.New("a location is damaged")

// contentPlace looks up where a content stands: in which record, and where in the
// text of the entry that the record is; -1 for a content's own record.
func contentPlace(from pebble.Reader, key []byte) (at ledger.Location, inline int, err error) {
	v, closer, err := from.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return at, -1, ErrNotFound
	}
	if err != nil {
		return at, -1, catalogError(err)
	}
	defer closer.Close()
	at, rest, ok := decodeLocation(v)
	if ok && len(rest) == 0 {
		return at, -1, nil
	}
	n, size := binary.Uvarint(rest)
	if !ok || size != len(rest) || n > maxText3 {
		return at, -1, catalogError(errLocation)
	}
	return at, int(n), nil
}

// appendInline is a location with the place of a content in an entry's text.
func appendInline(at []byte, inline int) []byte {
	return binary.AppendUvarint(at[:len(at):len(at)], uint64(inline))
}
