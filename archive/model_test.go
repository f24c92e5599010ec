package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"daybook/archive/message"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var modelRuns = flag.Int("models", 20, "random sequences of operations to try")

// model is what an archive must hold, kept in the simplest way.
type model struct {
	bodies     map[uint64][]byte
	order      []uint64
	quarantine map[uint64]QuarantineState
	policies   map[Digest][]byte
	truths     map[uint64]*message.Truth
	mails      map[uint64]*modelMail
}

// modelMail is what the model knows of a mail that has an identity.
type modelMail struct {
	id, content, bytes int
	minute             int
	head               uint64
}

// modelRun is an archive, its model, and chance.
type modelRun struct {
	t     *testing.T
	r     *rand.Rand
	fs    *vfs.MemFS
	a     *Archive
	model model
	next  uint64
}

// Random sequences of what can happen to an archive leave it with what a list in
// memory would have.
func TestAgainstAModel(t *testing.T) {
	t.Logf("seed %d", *seed)
	if testing.Short() {
		*modelRuns = min(*modelRuns, 10)
	}
	for i := range *modelRuns {
		m := &modelRun{
			t: t, r: rand.New(rand.NewPCG(*seed, uint64(i))), fs: vfs.NewCrashableMem(),
			model: model{map[uint64][]byte{}, nil, map[uint64]QuarantineState{}, map[Digest][]byte{}, map[uint64]*message.Truth{}, map[uint64]*modelMail{}}, next: 1,
		}
		m.open()
		var done []string
		for range 30 {
			done = append(done, m.step())
			if t.Failed() {
				break
			}
		}
		m.compare()
		m.a.Close()
		if t.Failed() {
			t.Fatalf("run %d did %v; again with -seed %d", i, done, *seed)
		}
	}
}

func (m *modelRun) open() {
	m.t.Helper()
	a, err := Open("data", Options{FS: m.fs, Logger: quiet(), SegmentSize: 8 << 10})
	if err != nil {
		m.t.Fatalf("open: %v", err)
	}
	m.a = a
	for _, d := range a.Damage() {
		m.t.Errorf("open: %v", d.Error())
	}
}

// step does one thing, and gives its name.
func (m *modelRun) step() string {
	switch m.r.IntN(13) {
	case 0, 1, 2:
		m.deliver(noise(m.r.IntN(6000), m.r.Uint64()))
		return "deliver"
	case 3:
		if len(m.model.order) > 0 {
			m.deliver(m.model.bodies[m.model.order[m.r.IntN(len(m.model.order))]])
		}
		return "resend"
	case 4:
		if _, err := m.a.AppendEvent(context.Background(), Event{Kind: EventGap, Text: "x"}); err != nil {
			m.t.Errorf("event: %v", err)
		}
		m.next++
		return "event"
	case 5:
		m.a.Close()
		m.open()
		return "restart"
	case 6:
		m.powerLoss()
		return "power loss"
	case 7:
		before := dump(m.t, m.a)
		m.a.Close()
		if _, err := Rebuild(context.Background(), "data", Options{FS: m.fs, Logger: quiet()}, nil, func(d Damage) { m.t.Errorf("rebuild: %v", d.Error()) }); err != nil {
			m.t.Errorf("rebuild: %v", err)
		}
		m.open()
		if m.next > 1 && dump(m.t, m.a) != before {
			m.t.Error("the rebuilt catalog differs")
		}
		return "rebuild"
	case 8, 9:
		return m.judge()
	case 10:
		m.keepPolicy()
		return "policy"
	case 11:
		return m.compact()
	}
	m.compare()
	return "compare"
}

func (m *modelRun) deliver(body []byte) {
	r := receipt(body, fmt.Sprintf("s%d@x", m.next), "r@y")
	r.Decision = Decision{Action: ActionArchive, Tags: []string{fmt.Sprint("tag", m.next%3)}}
	if m.r.IntN(3) == 0 {
		r.Decision.Action = ActionQuarantine
		m.model.quarantine[m.next] = QuarantineWaiting
	}
	if m.r.IntN(2) == 0 {
		r.Truth = sampleTruth(fmt.Sprint("t", m.next%4), r.Size)
		m.model.truths[m.next] = r.Truth
	}
	var mail *modelMail
	if m.r.IntN(4) > 0 {
		mail = &modelMail{id: m.r.IntN(3), content: m.r.IntN(2), minute: m.r.IntN(15)}
		mail.bytes = 10*mail.content + m.r.IntN(3)
		r.Received = r.Received.Add(time.Duration(mail.minute) * time.Minute)
		r.Identity = &Identity{MessageID: fmt.Sprint(mail.id), Canonical: Digest{1 + byte(mail.content)}, Exact: Digest{1 + byte(mail.bytes)}}
		r.Join.Window = 10 * time.Minute
	}
	e := appendOne(m.t, m.a, r)
	if e.ID != m.next {
		m.t.Errorf("an entry has number %d, want %d", e.ID, m.next)
	}
	m.next++
	m.join(e, mail)
	m.model.bodies[e.ID] = body
	m.model.order = append(m.model.order, e.ID)
}

// join finds the message of a mail in the simplest way: by the bytes of any mail before,
// and else by the content of the nearest that began a message.
func (m *modelRun) join(e Entry, mail *modelMail) {
	m.t.Helper()
	if mail == nil {
		if e.Message != e.ID || e.Collides != 0 {
			m.t.Errorf("nothing is known of entry %d, and it is in message %d, or collides with %d", e.ID, e.Message, e.Collides)
		}
		return
	}
	collides, best, apart := uint64(0), uint64(0), 0
	for _, exact := range []bool{true, false} {
		for _, id := range m.model.order {
			other := m.model.mails[id]
			if other == nil || other.id != mail.id || best != 0 && exact && m.model.mails[best].head == other.head {
				continue
			}
			first := m.model.mails[other.head]
			d := max(first.minute-mail.minute, mail.minute-first.minute)
			like := exact && other.bytes == mail.bytes || !exact && other.head == id && other.content == mail.content && d <= 10
			if like && (best == 0 || d < apart) {
				best, apart = id, d
			}
			if !exact && other.head == id && other.content != mail.content {
				collides = id
			}
		}
		if best != 0 {
			break
		}
	}
	mail.head = e.ID
	if best != 0 {
		mail.head, collides = m.model.mails[best].head, 0
	}
	if e.Message != mail.head || e.Collides != collides {
		m.t.Errorf("entry %d is in message %d and collides with %d; want %d and %d", e.ID, e.Message, e.Collides, mail.head, collides)
	}
	if collides != 0 {
		m.next++ // of the event
	}
	m.model.mails[e.ID] = mail
}

// judge releases or keeps an entry, which may not be in quarantine.
func (m *modelRun) judge() string {
	if len(m.model.order) == 0 {
		return "nothing"
	}
	id := m.model.order[m.r.IntN(len(m.model.order))]
	name, do, then := "keep", m.a.Keep, QuarantineKept
	if m.r.IntN(2) == 0 {
		name, do, then = "release", m.a.Release, QuarantineNone
	}
	e, err := do(context.Background(), id, "admin", "why not")
	if m.model.quarantine[id] == QuarantineNone {
		if !errors.Is(err, ErrNotQuarantined) {
			m.t.Errorf("%s of entry %d, which is not in quarantine: %v", name, id, err)
		}
		return name + " in vain"
	}
	if err != nil || e.ID != m.next || e.Entry != id || e.Actor != "admin" {
		m.t.Errorf("%s of entry %d: %+v, %v", name, id, e, err)
	}
	m.next++
	m.model.quarantine[id] = then
	return name
}

func (m *modelRun) keepPolicy() {
	text := bytes.Repeat([]byte{byte(m.r.IntN(5))}, 100) // often one that was kept before
	digest := Digest(sha256.Sum256(text))
	e, err := m.a.KeepPolicy(context.Background(), digest, []PolicyFile{policyFile("x", text)}, Event{Text: "loaded"})
	if err != nil || e.ID != m.next {
		m.t.Errorf("policy: number %d, %v; want %d", e.ID, err, m.next)
	}
	m.next++
	m.model.policies[digest] = text
}

// compact drops contents of which nothing is made, some of which may come again, and
// copies of others.
func (m *modelRun) compact() string {
	for range m.r.IntN(3) {
		leave(m.t, m.a, "default", noise(3000, uint64(m.r.IntN(5))))
		leave(m.t, m.a, policyTenant, bytes.Repeat([]byte{byte(m.r.IntN(5))}, 100))
	}
	left, _ := orphans(m.t, m.a)
	r := compact(m.t, m.a)
	if r.Records != uint64(len(left)) || r.Unsure || r.Busy != 0 || r.Guarded != 0 {
		m.t.Errorf("compact: %+v, of %d orphans", r, len(left))
	}
	m.next += uint64(len(r.Segments)) // an event each
	return fmt.Sprint("compact ", r.Records)
}

// powerLoss goes on with what is on the disk, while the old archive is let go.
func (m *modelRun) powerLoss() {
	clone := m.fs.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: m.r.IntN(101), RNG: rand.New(rand.NewPCG(m.r.Uint64(), 1)),
	})
	m.a.Close()
	m.fs = clone
	m.open()
}

func (m *modelRun) compare() {
	m.t.Helper()
	got := numbers(list(m.t, m.a, Query{}))
	if fmt.Sprint(got) != fmt.Sprint(m.model.order) {
		m.t.Errorf("the archive has the entries %v, want %v", got, m.model.order)
		return
	}
	m.compareDecisions()
	m.compareTruths()
	m.compareMessages()
	for id, want := range m.model.bodies {
		if e, err := m.a.Entry(id); err != nil || e.Quarantine != m.model.quarantine[id] || e.Envelope.Sender.Address != fmt.Sprintf("s%d@x", id) {
			m.t.Errorf("entry %d: %v, sender %q, quarantine %q", id, err, e.Envelope.Sender.Address, e.Quarantine)
		}
		if !bytes.Equal(body(m.t, m.a, id), want) {
			m.t.Errorf("entry %d has other bytes", id)
		}
	}
	verified(m.t, m.a)
}

// compareMessages compares which entries are in which message, and what is found of
// messages.
func (m *modelRun) compareMessages() {
	m.t.Helper()
	heads := map[uint64]int{}
	visible := map[uint64]int{}
	var want, wanted []uint64
	for _, id := range m.model.order {
		head := id
		if mail := m.model.mails[id]; mail != nil {
			head = mail.head
		}
		if heads[head]++; head == id {
			want = append(want, id)
		}
		if m.model.quarantine[id] == QuarantineNone {
			visible[head]++
		}
	}
	for _, id := range want {
		if visible[id] > 0 {
			wanted = append(wanted, id)
		}
	}
	for _, c := range []struct {
		q     Query
		want  []uint64
		count map[uint64]int
	}{{Query{}, want, heads}, {Query{Quarantine: QuarantineWithout}, wanted, heads}} {
		var got []uint64
		for one, err := range m.a.Messages(context.Background(), c.q) {
			if err != nil || one.Entries != c.count[one.ID] {
				m.t.Errorf("message %d has %d entries, %v; want %d", one.ID, one.Entries, err, c.count[one.ID])
			}
			got = append(got, one.ID)
		}
		if !slices.Equal(got, c.want) {
			m.t.Errorf("%+v gives the messages %v, want %v", c.q, got, c.want)
		}
	}
	// Every entry's own sender finds its message, and no other.
	for _, id := range m.model.order {
		e, err := m.a.Entry(id)
		if err != nil {
			m.t.Error(err)
		}
		n := 0
		for one, err := range m.a.Messages(context.Background(), Query{Sender: e.Envelope.Sender.Address}) {
			if n++; err != nil || one.ID != e.Message {
				m.t.Errorf("%s finds message %d, %v; want %d", e.Envelope.Sender.Address, one.ID, err, e.Message)
			}
		}
		if n != 1 {
			m.t.Errorf("%s finds %d messages", e.Envelope.Sender.Address, n)
		}
	}
}

// compareTruths compares who is said to have sent and received what, and the bytes.
func (m *modelRun) compareTruths() {
	m.t.Helper()
	var told []uint64
	for _, id := range m.model.order {
		e, err := m.a.Entry(id)
		want := m.model.truths[id]
		if err != nil || !reflect.DeepEqual(e.Truth, want) {
			m.t.Errorf("entry %d: truth %+v, %v; want %+v", id, e.Truth, err, want)
		}
		if want == nil {
			continue
		}
		if id%4 == 1 {
			told = append(told, id)
		}
		if o := want.Originals[0]; !bytes.Equal(original(m.t, m.a, id, 0), m.model.bodies[id][o.Start:o.End]) {
			m.t.Errorf("entry %d: its original has other bytes", id)
		}
	}
	for _, q := range []Query{{Sender: "t1-boss@example.com"}, {Recipient: "t1-list@example.org"}, {MessageID: "t1@inside"}} {
		if got := numbers(list(m.t, m.a, q)); !slices.Equal(got, told) {
			m.t.Errorf("%+v gives %v, want %v", q, got, told)
		}
	}
}

// compareDecisions compares quarantine, tags and policies.
func (m *modelRun) compareDecisions() {
	m.t.Helper()
	var only, without, tagged []uint64
	waiting := uint64(0)
	for _, id := range m.model.order {
		switch m.model.quarantine[id] {
		case QuarantineNone:
			without = append(without, id)
		case QuarantineWaiting:
			waiting++
			fallthrough
		default:
			only = append(only, id)
		}
		if id%3 == 1 {
			tagged = append(tagged, id)
		}
	}
	for _, c := range []struct {
		q    Query
		want []uint64
	}{{Query{Quarantine: QuarantineOnly}, only}, {Query{Quarantine: QuarantineWithout}, without}, {Query{Tag: "tag1"}, tagged}} {
		if got := numbers(list(m.t, m.a, c.q)); !slices.Equal(got, c.want) {
			m.t.Errorf("%+v gives %v, want %v", c.q, got, c.want)
		}
	}
	if got := m.a.Stats().Waiting; got != waiting {
		m.t.Errorf("%d entries wait in quarantine, want %d", got, waiting)
	}
	for digest, want := range m.model.policies {
		checkPolicyText(m.t, "model", m.a, digest, "x", want)
	}
}
