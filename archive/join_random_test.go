package archive

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// anyJoin is a line of a dialogue about few mails, so that most have to do with others.
// Some come again, some in many forms, and some have a Message-ID that many have.
func anyJoin(r *rand.Rand, at int) string {
	line := fmt.Sprintf("%ds tenant=t%d source=%d queue=%d", at, r.IntN(5)/4, r.IntN(2), r.IntN(2))
	line += fmt.Sprintf(" bytes=%d", r.IntN(12+60*r.IntN(2)))
	if r.IntN(8) > 0 {
		line += fmt.Sprintf(" id=%d@x content=%d", r.IntN(4)/2, r.IntN(1+40*r.IntN(2)))
	}
	if r.IntN(3) == 0 {
		line += fmt.Sprintf(" match=message-id fields=%d", r.IntN(9))
	}
	if r.IntN(4) == 0 {
		line += fmt.Sprintf(" window=%ds", r.IntN(300))
	}
	return line
}

// Whatever comes in: the same entries are in the same messages with the earlier ones
// remembered and not, in one group and in many, after a restart, and made anew. There
// are more messages with one Message-ID than are known.
func TestJoinsAtRandom(t *testing.T) {
	t.Logf("seed %d", *seed)
	for i := range 4 {
		r := rand.New(rand.NewPCG(*seed, uint64(i)))
		var lines []string
		at := 0
		for range 200 {
			at += r.IntN(4) * r.IntN(30)
			lines = append(lines, anyJoin(r, at))
		}
		joinDialogue(t, strings.Join(lines, "\n"))
		restarted(t, r, lines)
		if t.Failed() {
			t.Fatalf("run %d; again with -seed %d", i, *seed)
		}
	}
}

// restarted has the receipts of some lines come in with groups of all sizes, and with
// ends, power losses and appends that fail between them, and compares with the catalog
// that is made anew.
func restarted(t *testing.T, r *rand.Rand, lines []string) {
	t.Helper()
	fs, full := vfs.NewCrashableMem(), atomic.Bool{}
	reopen := func() *Archive {
		return open(t, "data", Options{SegmentSize: 16 << 10, FS: errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if full.Load() && op.Kind == errorfs.OpFileWriteAt && strings.HasSuffix(op.Path, ".seg") {
				return syscall.ENOSPC
			}
			return nil
		}))})
	}
	a := reopen()
	for len(lines) > 0 {
		var group []*Receipt
		for range min(len(lines), 1+r.IntN(9)) {
			group = append(group, joinReceipt(t, lines[0]))
			lines = lines[1:]
		}
		switch together(t, a, group); r.IntN(8) {
		case 0:
			a.Close()
			a = reopen()
		case 1:
			clone := fs.CrashClone(vfs.CrashCloneCfg{})
			a.Close()
			fs = clone
			a = reopen()
		case 2:
			want := dump(t, a)
			reading := open(t, "data", Options{FS: fs.CrashClone(vfs.CrashCloneCfg{}), ReadOnly: true})
			if have := dump(t, reading); have != want {
				t.Errorf("for who only reads the catalog is\n%s\nwant\n%s", have, want)
			}
			reading.Close()
		case 3:
			full.Store(true)
			if _, err := a.Append(t.Context(), group[0]); err == nil {
				t.Error("an entry was written to a full disk")
			}
			full.Store(false)
		}
	}
	if n := a.Stats().Doubts; n > 0 {
		t.Errorf("%d doubts", n)
	}
	verified(t, a)
	remade(t, a, fs).Close()
}

// Mail is joined to entries that have to be read, while their segments are compacted,
// and while others look at the same entries.
func TestJoinsWhileCompacting(t *testing.T) {
	const count = 60
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	for i := range count {
		appendOne(t, a, joinReceipt(t, fmt.Sprintf("0s source=gateway id=%d@x content=one bytes=%d", i, i)))
		leave(t, a, "default", noise(2000, uint64(i)))
		if i%4 == 0 {
			rotate(t, a)
		}
	}
	a.Close()
	a = open(t, "data", Options{FS: fs})
	var work sync.WaitGroup
	for _, f := range []func(){
		func() {
			if r, err := a.Compact(t.Context(), CompactOptions{}, nil); err != nil || len(r.Segments) < 10 {
				t.Errorf("%+v, %v", r, err)
			}
		},
		func() {
			if _, err := a.Verify(t.Context(), nil, func(d Damage) { t.Error(d.Error()) }); err != nil {
				t.Error(err)
			}
		},
		func() {
			for i := uint64(1); i <= count; i++ {
				if _, err := a.Explain(t.Context(), i, 0); err != nil {
					t.Error(err)
				}
			}
		},
	} {
		work.Go(f)
	}
	for i := range count {
		e := appendOne(t, a, joinReceipt(t, fmt.Sprintf("1s source=journal id=%d@x content=one bytes=%d+report", i, i)))
		if e.Joined != ReasonContent {
			t.Errorf("%+v", e)
		}
	}
	work.Wait()
	if s := a.Stats(); s.Doubts != 0 || s.Messages != count {
		t.Errorf("%d messages, %d doubts", s.Messages, s.Doubts)
	}
	verified(t, a)
	remade(t, a, fs).Close()
}

// The ledger cannot be read for a while: copies come in as messages of their own, which
// is counted, and at the next opening the catalog is what it would have been.
func TestLedgerThatCannotBeReadForAWhile(t *testing.T) {
	fs, failing := vfs.NewMem(), atomic.Bool{}
	watched := errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if failing.Load() && op.Kind == errorfs.OpFileReadAt && strings.HasSuffix(op.Path, ".seg") {
			return syscall.EIO
		}
		return nil
	}))
	pairs(t, fs, 20).Close()
	a := open(t, "data", Options{FS: watched})
	failing.Store(true)
	for i := range 20 {
		line := fmt.Sprintf("2s source=spare id=%d@x content=one bytes=%d+again", i, i)
		if e := appendOne(t, a, joinReceipt(t, line)); e.Message != e.ID || e.Collides != 0 {
			t.Errorf("%+v", e)
		}
	}
	failing.Store(false)
	if s := a.Stats(); s.Messages != 40 || s.Doubts < 20 {
		t.Errorf("%d messages, %d doubts", s.Messages, s.Doubts)
	}
	a.Close()
	a = open(t, "data", Options{FS: watched})
	if s := a.Stats(); s.Messages != 20 || s.Doubts != 0 {
		t.Errorf("%d messages, %d doubts", s.Messages, s.Doubts)
	}
	checkTotals(t, a)
	verified(t, a)
	remade(t, a, fs).Close()
}
