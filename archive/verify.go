package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2"
)

// VerifyReport counts what Verify has read.
type VerifyReport struct {
	Entries, Events, Contents uint64
	// Bytes are those of the messages that were read and hashed.
	Bytes int64
	// Damage is the number of calls of found.
	Damage int
}

// Verify reads everything there is when it is called: every record of the
// ledger, every message, hashed, and every key of the catalog, compared with
// what the ledger says. Whatever is not as it should be is given to found.
// progress, if not nil, is told of the bytes of the ledger done. The error is
// that of ctx, or one that kept Verify from finishing.
func (a *Archive) Verify(ctx context.Context, progress func(done, total int64), found func(Damage)) (VerifyReport, error) {
	drops := a.drops.Load() // before the catalog is looked at
	from, release := a.catalog.snapshot()
	defer release()
	v := &verifier{
		a: a, ctx: ctx, found: found, progress: progress, from: from, quarantine: map[uint64]QuarantineState{},
		mendable: map[uint32]bool{}, named: map[uint64]bool{}, read: map[string]error{}, policies: map[Digest]uint64{}, tenants: map[string]TenantTotals{},
		held: map[string]held{}, drops: drops, copies: map[string]ledger.Location{},
		past: newPast(a.codec, a.ledger.Read),
	}
	s, err := readState(from)
	if err != nil {
		v.damage(Damage{Reason: err.Error() + "; run `daybook rebuild`"})
	}
	v.end = s.mark
	if err := a.settled(ctx, s.mark); err != nil {
		return v.report, err
	}
	_, v.total = a.ledger.Size()
	var lost []ledger.Damage
	err = a.ledger.Scan(ctx, v.records, func(d ledger.Damage) { lost = append(lost, d) })
	if err != nil {
		return v.report, err
	}
	for _, d := range a.nameDamage(lost) {
		if !v.known(d) {
			v.damage(d)
		}
	}
	if s.doubts > 0 {
		v.damage(Damage{Reason: fmt.Sprintf("while the catalog was brought up to date, what it builds on could not be read %d times: copies may stand as messages of their own, and totals may be wrong; the catalog is made anew when daybook starts again", s.doubts)})
	}
	return v.report, v.catalog()
}

// settled waits until the ledger has come as far as a catalog that was just looked at:
// the ledger's own mark follows a moment after a group was applied. That of an archive
// that is broken does not, and is not waited for long.
func (a *Archive) settled(ctx context.Context, mark ledger.Mark) error {
	for tries := 0; tries < 1000 && a.ledger.Mark().Before(mark.Position); tries++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// verifier is one run of Verify.
type verifier struct {
	a        *Archive
	ctx      context.Context
	found    func(Damage)
	progress func(done, total int64)
	total    int64
	done     int64
	from     pebble.Reader // the catalog as it was when Verify was called
	end      ledger.Mark   // how far it had come
	report   VerifyReport
	mendable map[uint32]bool // segments with damage: whether it can be mended
	named    map[uint64]bool // entries that were reported
	reported []Damage        // of entries, with their place
	keys     uint64
	read     map[string]error // files of policies, by their pieces
	// What the ledger says of quarantine and policies, up to here.
	quarantine map[uint64]QuarantineState
	policies   map[Digest]uint64
	// And of joining.
	tenants    map[string]TenantTotals
	held       map[string]held // what segments hold of contents, by the catalog's keys
	drops      uint64          // how many segments had been given up when Verify was called
	members    uint64
	remembered uint64 // entries and forms in the lists of messages that may be joined
	past       *past
	// And of dictionaries: where their copies stand, by the catalog's keys.
	copies map[string]ledger.Location
}

func (v *verifier) damage(d Damage) {
	if d.Entry != 0 {
		v.named[d.Entry] = true
		v.reported = append(v.reported, d)
	}
	v.report.Damage++
	if v.mends(d.Segment) {
		d.Reason += "; `daybook repair` can mend it"
	}
	v.found(d)
}

// mends tells whether the damage of a segment can be mended. Each is looked at
// once; what keeps that from being known is told with the damage itself.
func (v *verifier) mends(name string) bool {
	number, ok := ledger.SegmentNumber(name)
	if !ok {
		return false
	}
	can, known := v.mendable[number]
	if !known {
		can, _ = v.a.ledger.Mendable(v.ctx, number)
		v.mendable[number] = can
	}
	return can
}

// known tells that a damaged place of the ledger was reported already, with the
// entry that it damages.
func (v *verifier) known(d Damage) bool {
	if d.Entry != 0 {
		return v.named[d.Entry]
	}
	return slices.ContainsFunc(v.reported, func(r Damage) bool {
		return r.Segment == d.Segment && r.Offset < d.Offset+d.Length && d.Offset < r.Offset+r.Length
	})
}

// records checks records of the ledger.
func (v *verifier) records(list []ledger.Record) error {
	for _, r := range list {
		if err := v.ctx.Err(); err != nil {
			return err
		}
		switch r.Type {
		case typeContent:
			v.content(r)
		case typeEntry:
			v.entry(r)
		case typeEvent:
			v.event(r)
		case typeDictionary:
			v.dictionary(r)
		}
		v.done += r.At.End().Offset - r.At.Offset
	}
	if v.progress != nil {
		v.progress(v.done, v.total)
	}
	return nil
}

// content checks that a content record can be read; its bytes are hashed with
// the entries that use it.
func (v *verifier) content(r ledger.Record) {
	v.report.Contents++
	c, err := decodeContent(r.Body)
	if err != nil {
		v.damage(*damaged(0, r.At, err.Error()))
		return
	}
	if !v.end.Before(r.At.End()) {
		key := string(heldKey(r.At.Segment, c.tenant))
		h := v.held[key]
		v.held[key] = held{h.Records + 1, h.Bytes + length(&r)}
	}
}

func (v *verifier) event(r ledger.Record) {
	if r.Seq >= v.end.Seq {
		return
	}
	v.report.Events++
	e, err := v.a.codec.decodeEvent(r)
	if err != nil {
		v.damage(*damaged(r.Seq, r.At, err.Error()))
	}
	v.listed(keyEvent, r)
	switch e.Kind {
	case EventRelease:
		delete(v.quarantine, e.Entry)
	case EventKeep:
		v.quarantine[e.Entry] = QuarantineKept
	case EventPolicy:
		v.policies[e.Policy] = e.ID
		if _, err := policySeq(v.from, e.Policy); err != nil {
			v.damage(*damaged(r.Seq, r.At, err.Error()+"; run `daybook rebuild`"))
		}
		v.policy(&e)
	case EventCompaction:
		v.givenUp(&e, r)
	}
}

// givenUp takes what a compaction says is left, and checks that nothing is found where
// it was given up.
func (v *verifier) givenUp(e *Event, r ledger.Record) {
	if e.Compaction == nil {
		return
	}
	for _, l := range e.Compaction.left {
		v.held[string(heldKey(e.Compaction.Segment, l.Tenant))] = l.held
	}
	for key := range e.Compaction.keys {
		at, _, err := contentPlace(v.from, key)
		if err == nil && !e.Compaction.behind(at) {
			v.damage(*damaged(r.Seq, r.At, "the catalog still finds a content that it gave up; run `daybook rebuild`"))
			return
		}
	}
}

// storedBytes adds to the tenants' totals what the segments hold of their contents.
func (v *verifier) storedBytes() {
	for key, h := range v.held {
		if tenant := key[len(heldKey(0, "")):]; tenant != policyTenant {
			t := v.tenants[tenant]
			t.StoredBytes += h.Bytes
			v.tenants[tenant] = t
		}
	}
}

// entry reads the entry's message through the catalog, as Get would.
func (v *verifier) entry(r ledger.Record) {
	if r.Seq >= v.end.Seq {
		return
	}
	v.report.Entries++
	e, err := v.a.codec.decodeEntry(r)
	if err != nil {
		v.damage(*damaged(r.Seq, r.At, err.Error()))
		return
	}
	if !v.listed(keyEntry, r) {
		return
	}
	v.joining(&e, r)
	if e.Decision.Action == ActionQuarantine {
		v.quarantine[r.Seq] = QuarantineWaiting
		if _, err := quarantine(v.from, r.Seq); err != nil {
			v.damage(*damaged(r.Seq, r.At, err.Error()+"; run `daybook rebuild`"))
		}
	}
	v.originals(&e)
	v.message(&e)
}

// originals checks that the mails inside an entry's message lie within it.
func (v *verifier) originals(e *Entry) {
	if e.Truth == nil {
		return
	}
	for n := range e.Truth.Originals {
		v.unreadable(e.ID, checkOriginal(e, n))
	}
}

// message reads and hashes an entry's message.
func (v *verifier) message(e *Entry) {
	n := &counter{}
	err := v.a.WriteTo(v.ctx, e.ID, n)
	v.unreadable(e.ID, v.whole(n, e.ID, e.Size, err))
}

// policy reads and hashes the files of a policy's text. Most policies share most
// of their files: each is read once, and named in every policy that it damages.
func (v *verifier) policy(e *Event) {
	for i := range e.Files {
		f := &e.Files[i]
		key := recipeKey(f)
		err, known := v.read[key]
		if !known {
			n := &counter{}
			err = v.whole(n, e.ID, f.Size, v.a.writeFile(v.ctx, e.ID, f, n))
			if v.ctx.Err() != nil {
				return
			}
			v.read[key] = err
		}
		v.unreadable(e.ID, inFile(f, err))
	}
}

// whole tells whether what was written is all of it.
func (v *verifier) whole(n *counter, id uint64, size int64, err error) error {
	v.report.Bytes += n.n
	if err == nil && n.n != size {
		return &Damage{Entry: id, Reason: fmt.Sprintf("%d bytes are left of %d", n.n, size)}
	}
	return err
}

// unreadable names an entry or event whose bytes could not be read.
func (v *verifier) unreadable(id uint64, err error) {
	if err == nil || v.ctx.Err() != nil {
		return
	}
	d := &Damage{Reason: err.Error()}
	errors.As(err, &d)
	named := *d
	named.Entry = id
	v.damage(named)
}

// listed checks that the catalog knows where a numbered record stands.
func (v *verifier) listed(kind byte, r ledger.Record) bool {
	at, err := location(v.from, seqKey(kind, r.Seq))
	if err == nil && at == r.At {
		return true
	}
	reason := "the catalog has another place for it"
	if err != nil {
		reason = "catalog: " + err.Error()
	}
	v.damage(*damaged(r.Seq, r.At, reason+"; run `daybook rebuild`"))
	return false
}

// catalog reads the whole catalog, which has Pebble check every block, and
// compares what it holds with the ledger.
func (v *verifier) catalog() error {
	have, err := v.tally()
	if ended := v.ctx.Err(); ended != nil {
		return ended
	}
	if err != nil {
		v.damage(Damage{Reason: catalogError(err).Error() + "; run `daybook rebuild`"})
		return nil
	}
	v.dictionaries(have)
	if v.report.Damage > 0 {
		return nil // what is lost in the ledger is still in the catalog
	}
	index := have.keys[keySender] + have.keys[keyRecipient] + have.keys[keyMessageID]
	if have.keys[keyEntry] != v.report.Entries || have.keys[keyEvent] != v.report.Events || index != v.keys {
		v.damage(Damage{Reason: "the catalog holds what the ledger does not; run `daybook rebuild`"})
	}
	if !maps.Equal(have.quarantine, v.quarantine) {
		v.damage(Damage{Reason: "the catalog has other entries in quarantine than the ledger; run `daybook rebuild`"})
	}
	if have.keys[keyMember] != v.members || have.remembered != v.remembered {
		v.damage(Damage{Reason: "the catalog joins other entries than the ledger; run `daybook rebuild`"})
	}
	if !maps.Equal(have.policies, v.policies) {
		v.damage(Damage{Reason: "the catalog has other policies than the ledger; run `daybook rebuild`"})
	}
	if v.a.drops.Load() != v.drops {
		return nil // records have gone meanwhile which the catalog, as it was, still counts
	}
	v.storedBytes()
	if !maps.Equal(have.held, v.held) {
		v.damage(Damage{Reason: "the catalog has counted other contents than the ledger holds; run `daybook rebuild`"})
	}
	if !maps.Equal(have.tenants, v.tenants) {
		v.damage(Damage{Reason: "the catalog has other totals of tenants than the ledger; run `daybook rebuild`"})
	}
	return nil
}

// tally is what the catalog holds.
type tally struct {
	keys       map[byte]uint64 // how many, by their first byte
	quarantine map[uint64]QuarantineState
	policies   map[Digest]uint64
	tenants    map[string]TenantTotals
	held       map[string]held
	remembered uint64 // see verifier
	copies     map[string]ledger.Location
}

func (v *verifier) tally() (*tally, error) {
	have := &tally{
		keys: map[byte]uint64{}, quarantine: map[uint64]QuarantineState{}, policies: map[Digest]uint64{},
		tenants: map[string]TenantTotals{}, held: map[string]held{}, copies: map[string]ledger.Location{},
	}
	it, err := v.from.NewIter(nil)
	if err != nil {
		return nil, err
	}
	for ok := it.First(); ok && v.ctx.Err() == nil && err == nil; ok = it.Next() {
		err = have.add(it.Key(), it.Value())
	}
	return have, errors.Join(err, it.Error(), it.Close())
}

// add takes one key of the catalog.
func (t *tally) add(key, value []byte) (err error) {
	switch key[0] {
	case keyState, keyContent, keyMember:
	case keyPolicy:
		digest, err := digestOf(key[1:])
		if err != nil || len(value) != 8 {
			return errors.New("the number of a policy's event is damaged")
		}
		t.policies[digest] = keySeq(value)
	case keyQuarantine:
		t.quarantine[keySeq(key)], err = decodeQuarantine(value)
	case keyJoin:
		var r roster
		r, err = decodeRoster(value)
		for i := range r.list {
			t.remembered += uint64(1 + len(r.list[i].forms))
		}
	case keyTime:
		_, err = decodeSpan(value)
	case keyOwn:
		_, err = decodeOwn(value)
	case keyOwnCopy:
		at, rest, ok := decodeLocation(value)
		if !ok || len(rest) > 0 || len(key) != len(ownCopyKey(0, 0)) {
			return errLocation
		}
		t.copies[string(key)] = at
	case keyTenant:
		t.tenants[string(key[1:])], err = decodeTenant(value)
	case keyHeld:
		if len(key) < len(heldKey(0, "")) {
			return errors.New("the key of what a segment holds is damaged")
		}
		t.held[string(key)], err = decodeHeld(value)
	}
	t.keys[key[0]]++
	return err
}

// keyName is what an index finds entries by.
func keyName(prefix byte) string {
	switch prefix {
	case keySender:
		return "sender"
	case keyRecipient:
		return "recipient"
	}
	return "Message-ID"
}

// counter counts what is written to it.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
