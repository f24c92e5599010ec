package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"daybook/archive/message"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var (
	cloneCount = flag.Int("clones", 300, "crash clones to check")
	seed       = flag.Uint64("seed", uint64(time.Now().UnixNano()), "seed of what is random")
)

// acked is what a writer was told is archived.
type acked struct {
	id     uint64
	digest Digest
	sender string
	truth  *message.Truth
	// released tells that the entry was let out of quarantine.
	released bool
	// policy is the file of a policy's text that is kept under digest; nil for a
	// message.
	policy []byte
}

// book is the list that the writers keep.
type book struct {
	mu   sync.Mutex
	list []acked
	most int // that it may hold for now; 0: as many as there come
}

// allow lets the writers add so many: they are not to run away from who checks, for a
// clone costs what it holds.
func (b *book) allow(more int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.most = len(b.list) + more
}

func (b *book) full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.most > 0 && len(b.list) >= b.most
}

func (b *book) add(a acked) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = append(b.list, a)
}

func (b *book) now() []acked {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.list[:len(b.list):len(b.list)]
}

// write appends messages of many sizes until stop is closed.
func (b *book) write(t *testing.T, a *Archive, writer uint64, stop chan struct{}) {
	r := rand.New(rand.NewPCG(*seed, writer))
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		if b.full() {
			time.Sleep(100 * time.Microsecond)
			continue
		}
		size := r.IntN(3000)
		if r.IntN(200) == 0 {
			size = maxPiece + r.IntN(2*maxPiece)
		}
		body := noise(size, r.Uint64())
		one := acked{digest: sha256.Sum256(body), sender: fmt.Sprintf("w%d-%d@example.com", writer, n)}
		receipt := receipt(body, one.sender, "r@example.org")
		receipt.Decision = Decision{Action: ActionArchive, Rule: one.sender}
		receipt.Identity = &Identity{MessageID: fmt.Sprint(r.IntN(50)), Canonical: Digest{1 + byte(r.IntN(3))}}
		receipt.Join.Window = time.Hour
		if r.IntN(2) == 0 {
			one.truth = sampleTruth(one.sender, receipt.Size)
			receipt.Truth = one.truth
		}
		quarantined := r.IntN(4) == 0
		if quarantined {
			receipt.Decision.Action = ActionQuarantine
		}
		e, err := a.Append(context.Background(), receipt)
		if err != nil {
			t.Errorf("append: %v", err)
			return
		}
		one.id = e.ID
		b.add(one)
		if quarantined && r.IntN(2) == 0 {
			if _, err := a.Release(context.Background(), e.ID, "admin", "known"); err != nil {
				t.Errorf("release: %v", err)
			}
			one.released = true
			b.add(one)
		}
		if n%20 == 5 {
			b.keepPolicy(t, a, noise(500+r.IntN(2000), r.Uint64()))
		}
		time.Sleep(time.Duration(r.IntN(1000)) * time.Microsecond)
	}
}

// keepPolicy keeps a policy of two files, one of which is in every policy.
func (b *book) keepPolicy(t *testing.T, a *Archive, text []byte) {
	digest := sha256.Sum256(text)
	files := []PolicyFile{policyFile("main.hcl", text), policyFile("names.txt", []byte("anna\nbob\n"))}
	if _, err := a.KeepPolicy(context.Background(), digest, files, Event{}); err != nil {
		t.Errorf("keep policy: %v", err)
		return
	}
	b.add(acked{digest: digest, policy: text})
}

// The machine loses power, again and again, with some of what was not synced on
// disk and some not: whatever Append said is archived is there.
func TestPowerLossLosesNothingAcknowledged(t *testing.T) {
	t.Logf("seed %d", *seed)
	if testing.Short() {
		*cloneCount = min(*cloneCount, 100)
	}
	r := rand.New(rand.NewPCG(*seed, 0))
	checked := 0
	for done := 0; done < *cloneCount; {
		fs := vfs.NewCrashableMem()
		a := open(t, "data", Options{FS: fs, SegmentSize: 256 << 10})
		b := &book{}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for w := range 4 {
			writer := uint64(done*10 + w + 1)
			wg.Go(func() { b.write(t, a, writer, stop) })
		}
		for i := 0; i < 25 && done < *cloneCount; i++ {
			b.allow(100)
			time.Sleep(time.Duration(r.IntN(8)) * time.Millisecond)
			known := b.now()
			percent := []int{0, 10, 50, 100}[r.IntN(4)]
			clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(*seed, uint64(done)))})
			name := fmt.Sprintf("clone %d, %d %% of what was not synced", done, percent)
			checkClone(t, name, clone, known, done%20 == 0)
			checked += len(known)
			done++
			if t.Failed() {
				t.Errorf("%s failed; again with -seed %d", name, *seed)
				break
			}
		}
		close(stop)
		wg.Wait()
		a.Close()
		if t.Failed() {
			return
		}
	}
	t.Logf("%d clones, %d acknowledged messages looked for", *cloneCount, checked)
	if checked == 0 {
		t.Error("nothing had been acknowledged before any of the crashes")
	}
}

// checkClone opens what a crash left and looks for everything acknowledged.
func checkClone(t *testing.T, name string, fs vfs.FS, known []acked, thorough bool) {
	t.Helper()
	a, err := Open("data", Options{FS: fs, Logger: quiet(), SegmentSize: 256 << 10})
	if err != nil {
		t.Errorf("%s: open: %v", name, err)
		return
	}
	defer func() { a.Close() }()
	for _, d := range a.Damage() {
		t.Errorf("%s: %v", name, d.Error())
	}
	for i, k := range known {
		// All of the last ones, and a sample of those before.
		if !thorough && i < len(known)-20 && i%17 != 0 {
			continue
		}
		if k.policy != nil {
			checkPolicyText(t, name, a, k.digest, "main.hcl", k.policy)
			checkPolicyText(t, name, a, k.digest, "names.txt", []byte("anna\nbob\n"))
			continue
		}
		e, err := a.Entry(k.id)
		if k.released && e.Quarantine != QuarantineNone {
			t.Errorf("%s: entry %d was released, and is in quarantine again: %v", name, k.id, e.Quarantine)
		}
		if err != nil || e.SHA256 != k.digest || e.Envelope.Sender.Address != k.sender || e.Decision.Rule != k.sender {
			t.Errorf("%s: entry %d of %d acknowledged: %v, sender %q", name, k.id, len(known), err, e.Envelope.Sender.Address)
			continue
		}
		if !reflect.DeepEqual(e.Truth, k.truth) {
			t.Errorf("%s: the truth of entry %d is %+v, want %+v", name, k.id, e.Truth, k.truth)
		}
		var b bytes.Buffer
		if err := a.WriteTo(context.Background(), k.id, &b); err != nil || sha256.Sum256(b.Bytes()) != k.digest {
			t.Errorf("%s: the bytes of entry %d: %v", name, k.id, err)
		}
	}
	appendOne(t, a, receipt([]byte("after the crash"), "a@b", "c@d"))
	if !thorough {
		return
	}
	verified(t, a)
	before := dump(t, a)
	a.Close()
	if _, err := Rebuild(context.Background(), "data", Options{FS: fs, Logger: quiet()}, nil, func(d Damage) { t.Errorf("%s: rebuild: %v", name, d.Error()) }); err != nil {
		t.Errorf("%s: rebuild: %v", name, err)
	}
	a = open(t, "data", Options{FS: fs})
	if dump(t, a) != before {
		t.Errorf("%s: the rebuilt catalog differs", name)
	}
}
