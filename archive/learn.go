package archive

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"daybook/archive/dictionary"
	"daybook/archive/ledger"
)

// Bounds of training.
const (
	// maxPupils is how many tenants' facts are sampled at a time.
	maxPupils = 8
	// maxSamples is how many of a tenant's latest facts are kept, of maxSample bytes at
	// most.
	maxSamples = 384
	maxSample  = 2 << 10
	// minSamples is what a dictionary is trained on at least, and how many of the
	// samples try it and do not train it.
	minSamples = 128
	trySamples = 64
	// minSaving is what a dictionary must save to be kept, in 1/1000.
	minSaving = 30
	// copiesApart is how many numbers lie between the two copies of a dictionary at
	// least, so that one damaged place does not take both.
	copiesApart = 64
)

// nextTraining is the number of a tenant's entries at which a dictionary is trained
// when the last one was at so many.
func nextTraining(last uint64) uint64 {
	const regularly = 131072
	for _, n := range [...]uint64{256, 2048, 16384, regularly} {
		if last < n {
			return n
		}
	}
	return (last/regularly + 1) * regularly
}

// school trains dictionaries on the facts of entries, in the background. Nothing waits
// for it, and no trouble of its own is trouble of the mail.
type school struct {
	a        *Archive
	teaching sync.Mutex // held from training a dictionary to putting it to use

	mu     sync.Mutex
	clock  uint64
	pupils map[string]*pupil
	ended  bool
	work   sync.WaitGroup
	busy   bool // one dictionary is trained or written at a time
}

// pupil is a tenant whose facts are sampled.
type pupil struct {
	used    uint64
	entries uint64 // of the tenant, about
	next    uint64 // number of entries at which to train
	samples [][]byte
	at      int // the sample that is replaced next
	own     *ownDictionary
	// copy is the second copy of own, which is due when the ledger is at the number
	// due; nil when it is written.
	copy *ownRecord
	due  uint64
}

func newSchool(a *Archive) *school { return &school{a: a, pupils: map[string]*pupil{}} }

// dictionary gives the one with which the facts of a tenant's next entry are compressed;
// nil for the one that is built in.
func (s *school) dictionary(tenant string) *ownDictionary {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pupil(tenant).own
}

// pupil gives a tenant's, which takes the place of the one that was used longest ago.
// s.mu is held.
func (s *school) pupil(tenant string) *pupil {
	s.clock++
	p := s.pupils[tenant]
	if p == nil {
		if len(s.pupils) >= maxPupils {
			s.evict()
		}
		p = s.enrol(tenant)
		s.pupils[tenant] = p
	}
	p.used = s.clock
	return p
}

func (s *school) evict() {
	oldest := ""
	for tenant, p := range s.pupils {
		if oldest == "" || p.used < s.pupils[oldest].used {
			oldest = tenant
		}
	}
	delete(s.pupils, oldest)
}

// enrol looks up how far a tenant has come. What cannot be looked up is not there.
func (s *school) enrol(tenant string) *pupil {
	from := s.a.catalog.reader()
	p := &pupil{}
	if t, err := tenantIn(from, tenant); err == nil {
		p.entries = t.Entries
	}
	p.next = nextTraining(0)
	r, err := newestOwn(from, tenant)
	if err != nil {
		return p
	}
	p.next = nextTraining(r.entries)
	if r.version == ownZstd { // it has too little text to be much use to S2
		p.next = p.entries + maxSamples
	}
	if !s.copied(r.id) {
		r.copy = 1
		p.copy, p.due = &r, s.copyDue(r.id)
	}
	if p.own, err = s.a.codec.facts.own.get(r.id); err != nil {
		p.own = nil
	}
	return p
}

// copied tells whether a dictionary has its second copy, as far as the catalog tells.
func (s *school) copied(id uint32) bool {
	_, err := location(s.a.catalog.reader(), ownCopyKey(id, 1))
	return !errors.Is(err, ErrNotFound)
}

// copyDue gives the number at which a dictionary's second copy is due. It counts from
// the first copy and not from now: a tenant may come and go many times. When the first
// copy cannot be read, the second one is due at once.
func (s *school) copyDue(id uint32) uint64 {
	at, err := location(s.a.catalog.reader(), ownCopyKey(id, 0))
	if err != nil {
		return 0
	}
	r, err := s.a.ledger.Read(at)
	if err != nil {
		return 0
	}
	return r.Seq + copiesApart
}

// sample takes the words of the facts of a tenant's entry, and sees to what is due.
func (s *school) sample(tenant string, words []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pupil(tenant)
	p.entries++
	if len(words) <= maxSample {
		if len(p.samples) < maxSamples {
			p.samples = append(p.samples, words)
		} else {
			p.samples[p.at] = words
			p.at = (p.at + 1) % maxSamples
		}
	}
	switch {
	case s.busy || s.ended:
	case p.copy != nil && s.a.ledger.Mark().Seq >= p.due:
		record := p.copy
		p.copy = nil
		s.start(func() { s.secondCopy(tenant, record) })
	case p.entries >= p.next && len(p.samples) >= minSamples:
		p.next = nextTraining(p.entries)
		lesson := newLesson(tenant, p)
		s.start(func() { s.report(tenant, s.teach(lesson)) })
	}
}

// start has something done in the background. s.mu is held.
func (s *school) start(do func()) {
	s.busy = true
	s.work.Go(func() {
		if done, err := s.a.use(); err == nil {
			do()
			done()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.busy = false
	})
}

// end waits for what is under way, which takes no more than a second or so, and begins
// nothing more.
func (s *school) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.work.Wait()
}

// lesson is what one dictionary is trained on. It shares samples, which nobody changes.
type lesson struct {
	tenant  string
	entries uint64
	samples [][]byte // in the order in which they came
	own     *ownDictionary
}

func newLesson(tenant string, p *pupil) *lesson {
	l := &lesson{tenant: tenant, entries: p.entries, own: p.own}
	l.samples = append(append(l.samples, p.samples[p.at:]...), p.samples[:p.at]...)
	return l
}

var (
	errNoBetter  = errors.New("it would save too little")
	errFewFacts  = errors.New("there are too few entries to train on")
	errNoNumbers = errors.New("there is no number left for it")
)

// teach trains a dictionary, and puts it to use once it is durable. Before that the one
// before it gets its second copy, if it has none.
func (s *school) teach(l *lesson) error {
	s.teaching.Lock()
	defer s.teaching.Unlock()
	own, saving, err := s.train(l)
	if err != nil {
		return err
	}
	if due := s.due(l.tenant); due != nil {
		if err := s.write(due); err != nil {
			s.putBack(l.tenant, due)
			return err
		}
	}
	r := &ownRecord{version: ownVersion, purpose: purposeFacts, id: own.id, tenant: l.tenant, entries: l.entries, saving: saving, size: len(own.raw)}
	r.data = s.a.press.enc.EncodeAll(own.raw, nil)
	back, err := r.open(s.a.codec.facts.own.dec)
	if err != nil {
		return err
	}
	if err := s.write(r); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	second := *r
	second.copy = 1
	p := s.pupil(l.tenant)
	p.own, p.copy, p.due, p.next = back, &second, s.a.ledger.Mark().Seq+copiesApart, nextTraining(l.entries)
	return nil
}

// train makes a dictionary of samples, and tells what it saves on others, in 1/1000.
func (s *school) train(l *lesson) (own *ownDictionary, saving uint64, err error) {
	if len(l.samples) < minSamples {
		return nil, 0, errFewFacts
	}
	id, err := s.number()
	if err != nil {
		return nil, 0, err
	}
	known, other := l.samples[:len(l.samples)-trySamples], l.samples[len(l.samples)-trySamples:]
	if own, err = newOwnDictionary(id, latest(known, ownSize(l.entries))); err != nil {
		return nil, 0, err
	}
	before, after := 0, 0
	for _, words := range other {
		before += len(s.a.codec.facts.pack(l.own, false, nil, words))
		after += len(s.a.codec.facts.pack(own, false, nil, words))
	}
	if after*1000 > before*(1000-minSaving) {
		return nil, 0, errNoBetter
	}
	return own, uint64((before - after) * 1000 / before), nil
}

// ownSize gives the most bytes of a dictionary for a tenant with so many entries. More
// text saves more of each entry that comes, and more of the three places where the
// dictionary itself is kept: there must be many until the next one.
func ownSize(entries uint64) int {
	if entries < 2048 {
		return maxOwn / 2
	}
	return maxOwn
}

// latest puts the last ones of samples together, of size bytes at most, in their order.
func latest(samples [][]byte, size int) []byte {
	first, n := len(samples), 0
	for first > 0 && n+len(samples[first-1]) <= size {
		first--
		n += len(samples[first])
	}
	return slices.Concat(samples[first:]...)
}

// number gives a dictionary a number that no other one of the archive has. It is drawn:
// one whose records are all lost still has entries that refer to it.
func (s *school) number() (uint32, error) {
	const numbers = 1<<21 - dictionary.FirstOwn // they take three bytes in each entry
	from := s.a.catalog.reader()
	for range 100 {
		id := dictionary.FirstOwn + rand.Uint32N(numbers)
		if _, err := ownIn(from, id); errors.Is(err, ErrNotFound) {
			return id, nil
		}
	}
	return 0, errNoNumbers
}

// write appends one copy of a dictionary, durably. The archive is in use.
func (s *school) write(r *ownRecord) error {
	if err := s.a.space.check(); err != nil {
		return err
	}
	return s.a.write(context.Background(), []ledger.Record{{Type: typeDictionary, Body: r.encode()}})
}

// due takes the second copy that a tenant's dictionary has not got yet.
func (s *school) due(tenant string) *ownRecord {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pupil(tenant)
	r := p.copy
	p.copy = nil
	return r
}

// secondCopy writes what is due, unless that was done while the tenant was away.
func (s *school) secondCopy(tenant string, r *ownRecord) {
	if s.copied(r.id) {
		return
	}
	if err := s.write(r); err != nil {
		s.report(tenant, err)
		s.putBack(tenant, r)
	}
}

// putBack has a second copy that could not be written be due again later.
func (s *school) putBack(tenant string, r *ownRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.pupils[tenant]; p != nil && p.copy == nil && (p.own == nil || p.own.id == r.id) {
		p.copy, p.due = r, s.a.ledger.Mark().Seq+copiesApart
	}
}

// Train trains a dictionary on the latest entries of a tenant now, and puts it to use
// when it saves enough; else, or when there is too little to train on, the error says
// so. It is one of the disk, ctx's or [ErrClosed] otherwise.
func (a *Archive) Train(ctx context.Context, tenant string) error {
	done, err := a.use()
	if err != nil {
		return err
	}
	defer done()
	l, err := a.lesson(ctx, tenant)
	if err != nil {
		return err
	}
	if err := a.school.teach(l); err != nil {
		return fmt.Errorf("train a dictionary for %s: %w", tenant, err)
	}
	return nil
}

// lesson reads the latest entries of a tenant; of other tenants' entries it passes over
// a bounded number.
func (a *Archive) lesson(ctx context.Context, tenant string) (*lesson, error) {
	const maxLooked = 100 * maxSamples
	from, looked := a.catalog.reader(), 0
	l := &lesson{tenant: tenant, own: a.school.dictionary(tenant)}
	if t, err := tenantIn(from, tenant); err == nil {
		l.entries = t.Entries
	}
	for id, err := range scan(ctx, from, []byte{keyEntry}, Query{Reverse: true}) {
		if err != nil {
			return nil, err
		}
		if looked++; looked > maxLooked || len(l.samples) == maxSamples {
			break
		}
		e, err := a.recorded(from, id)
		if err != nil || e.Tenant != tenant {
			continue
		}
		words, err := a.codec.enc.Marshal(newFactsRecord(&e))
		if err == nil && len(words) <= maxSample {
			l.samples = append(l.samples, words)
		}
	}
	slices.Reverse(l.samples)
	return l, nil
}

// report tells of what came of training.
func (s *school) report(tenant string, err error) {
	switch {
	case err == nil:
		s.a.log.Debug("a dictionary was trained", "tenant", tenant)
	case errors.Is(err, errNoBetter), errors.Is(err, ErrClosed):
		s.a.log.Debug("a dictionary was trained in vain", "tenant", tenant, "error", err)
	default:
		s.a.log.Warn("a dictionary could not be trained; the mail is compressed less", "tenant", tenant, "error", err)
	}
}
