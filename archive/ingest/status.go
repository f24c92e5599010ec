package ingest

import (
	"errors"
	"sync"
	"time"

	"daybook/policy"
)

// outcome is what became of a message; it is the message of its log line and a
// label of its metric.
type outcome string

const (
	archived    outcome = "archived"
	quarantined outcome = "quarantined" // archived, but listed apart
	skipped     outcome = "skipped"     // as the policy says: there is an event
	tempfailed  outcome = "tempfailed"
	refused     outcome = "refused"     // larger than the advertised SIZE
	passed      outcome = "let through" // without being archived
	aborted     outcome = "aborted"     // by the peer, before its end
)

// kept tells that every tenant's decision about the message was carried out.
func (o outcome) kept() bool { return o == archived || o == quarantined || o == skipped }

// State is how a source fares, in a word.
type State string

// States of a source.
const (
	// StateRunning: messages come in.
	StateRunning State = "running"
	// StateAwaiting: none has come in since the start.
	StateAwaiting State = "awaiting first message"
	// StateDown: none has come in for longer than the policy's inactivity.
	StateDown State = "down"
	// StateSuspended: the policy suspends the source.
	StateSuspended State = "suspended"
	// StateError: the last message could not be archived, for more than want of room in
	// the budget of mail in flight.
	StateError State = "error"
)

// SourceStatus tells how a source fares.
type SourceStatus struct {
	Name string
	// Kind is "milter", "journal", or for a listener without journals "lmtp" or "smtp".
	Kind    string
	Tenants []string
	// Listen are the addresses at which it is found.
	Listen []string
	State  State
	// Last is when the last message was taken; zero when none was.
	Last time.Time
	// Counts are the messages since the start, by outcome: "archived",
	// "quarantined", "skipped", "tempfailed", "refused", "let through", "aborted".
	Counts map[string]uint64
	// Bytes are those of the messages taken.
	Bytes uint64
	// InFlight is the number of messages that are coming in now.
	InFlight int
	// LastError is the last trouble with a message, and LastErrorAt when it was.
	LastError   string
	LastErrorAt time.Time
}

// tally counts the messages of a source.
type tally struct {
	mu       sync.Mutex
	counts   map[outcome]uint64
	bytes    uint64
	inFlight int
	last     time.Time
	err      error
	errAt    time.Time
	failing  bool // the last message could not be archived, for trouble of ours
}

func (t *tally) begin() { t.move(1) }
func (t *tally) end()   { t.move(-1) }

func (t *tally) move(by int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight += by
}

func (t *tally) count(o outcome, size int64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[outcome]uint64{}
	}
	t.counts[o]++
	if o.kept() {
		t.last = time.Now()
		t.bytes += uint64(size)
		t.failing = false
	}
	if err != nil {
		t.err, t.errAt = err, time.Now()
	}
	if o == tempfailed && !errors.Is(err, errBusy) || o == passed {
		t.failing = true
	}
}

// fill adds what was counted to a status.
func (t *tally) fill(st *SourceStatus) {
	t.mu.Lock()
	defer t.mu.Unlock()
	st.Last, st.Bytes, st.InFlight, st.LastErrorAt = t.last, t.bytes, t.inFlight, t.errAt
	st.Counts = map[string]uint64{}
	for o, n := range t.counts {
		st.Counts[string(o)] = n
	}
	if t.err != nil {
		st.LastError = t.err.Error()
	}
	if t.failing {
		st.State = StateError
	}
}

// Status tells how every source of the policy fares: milters, then journals, in the
// policy's order.
func (i *Ingest) Status() []SourceStatus {
	p := i.Policy()
	var list []SourceStatus
	for n := range p.Milters {
		m := &p.Milters[n]
		list = append(list, i.statusOf(&m.Source, KindMilter, []string{m.Name}))
	}
	for n := range p.Journals {
		j := &p.Journals[n]
		kind := KindJournal
		for k := range p.Listeners {
			if p.Listeners[k].Name == j.Name {
				kind = p.Listeners[k].Kind
			}
		}
		list = append(list, i.statusOf(&j.Source, kind, j.Via))
	}
	return list
}

// Kinds of sources; see also [policy.KindLMTP].
const (
	KindMilter  = "milter"
	KindJournal = "journal"
)

func (i *Ingest) statusOf(s *policy.Source, kind string, via []string) SourceStatus {
	st := SourceStatus{Name: s.Name, Kind: kind, Tenants: s.Tenants}
	i.source(s.Name).fill(&st)
	i.mu.Lock()
	for _, name := range via {
		st.Listen = append(st.Listen, i.listens[name])
	}
	i.mu.Unlock()
	since := st.Last
	if since.IsZero() {
		since = i.began
	}
	switch {
	case s.Suspended:
		st.State = StateSuspended
	case st.State == StateError:
	case s.Inactivity > 0 && time.Since(since) > s.Inactivity:
		st.State = StateDown
	case st.Last.IsZero():
		st.State = StateAwaiting
	default:
		st.State = StateRunning
	}
	return st
}
