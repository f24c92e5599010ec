package archive

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var modelRuns = flag.Int("models", 50, "random sequences of operations to try")

// model is what an archive must hold, kept in the simplest way.
type model struct {
	bodies map[uint64][]byte
	order  []uint64
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
			model: model{bodies: map[uint64][]byte{}}, next: 1,
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
	switch m.r.IntN(9) {
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
		m.a.Close()
		if _, err := Rebuild(context.Background(), "data", Options{FS: m.fs, Logger: quiet()}, nil, func(d Damage) { m.t.Errorf("rebuild: %v", d.Error()) }); err != nil {
			m.t.Errorf("rebuild: %v", err)
		}
		m.open()
		return "rebuild"
	}
	m.compare()
	return "compare"
}

func (m *modelRun) deliver(body []byte) {
	e := appendOne(m.t, m.a, receipt(body, fmt.Sprintf("s%d@x", m.next), "r@y"))
	if e.ID != m.next {
		m.t.Errorf("an entry has number %d, want %d", e.ID, m.next)
	}
	m.next++
	m.model.bodies[e.ID] = body
	m.model.order = append(m.model.order, e.ID)
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
	for id, want := range m.model.bodies {
		if e, err := m.a.Entry(id); err != nil || e.Envelope.Sender.Address != fmt.Sprintf("s%d@x", id) {
			m.t.Errorf("entry %d: %v, sender %q", id, err, e.Envelope.Sender.Address)
		}
		if !bytes.Equal(body(m.t, m.a, id), want) {
			m.t.Errorf("entry %d has other bytes", id)
		}
	}
	verified(m.t, m.a)
}
