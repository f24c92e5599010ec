package e2e

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var kills = flag.Int("kills", 100, "how often the daemon is killed under load")

// acknowledged is a message for which the daemon has said 250.
type acknowledged struct {
	id     uint64
	sha256 string
	env    envelope
}

// ledgerOfAcks is what the clients write down while the daemon lives.
type ledgerOfAcks struct {
	mu   sync.Mutex
	list []acknowledged
	odd  []string // replies that are neither 250 nor 4xx
	next int
}

// TestKilledUnderLoadLosesNothing kills the daemon, with SIGKILL, while clients
// send as fast as they can, and starts it again on the same archive: every
// message that was acknowledged is there, with its envelope and its bytes.
func TestKilledUnderLoadLosesNothing(t *testing.T) {
	rounds := *kills
	if testing.Short() {
		rounds = min(rounds, 5)
	}
	d := newDaybook(t, "off", "tcp")
	acks := &ledgerOfAcks{}
	checked := 0
	var slowest time.Duration
	d.start(t)
	for round := range rounds {
		acks.load(t, d, 8, time.Duration(100+mathrand.IntN(300))*time.Millisecond)
		began := time.Now()
		d.start(t)
		slowest = max(slowest, time.Since(began))
		if checked = acks.check(t, d, checked); t.Failed() {
			t.Fatalf("after kill %d", round+1)
		}
	}
	d.stop(t)
	d.verify(t)
	acks.check(t, d, 0)
	for _, r := range acks.odd {
		t.Errorf("a message was answered %s", r)
	}
	t.Logf("%d kills, %d messages acknowledged, 0 missing; ready again after at most %v", rounds, len(acks.list), slowest)
}

// fewest is how many messages are acknowledged at least before the daemon is killed.
const fewest = 10

// load sends on several connections, and kills the daemon in the midst of it.
func (a *ledgerOfAcks) load(t *testing.T, d *daybook, connections int, length time.Duration) {
	t.Helper()
	before := a.count()
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() { a.client(d.lmtp) })
	}
	time.Sleep(length)
	eventually(t, time.Minute, func() error {
		if n := a.count() - before; n < fewest {
			return fmt.Errorf("only %d messages were acknowledged: there is no load", n)
		}
		return nil
	})
	d.proc.kill()
	wg.Wait()
}

func (a *ledgerOfAcks) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.list)
}

// client sends messages until its connection breaks.
func (a *ledgerOfAcks) client(addr string) {
	network, address := socketOf(addr)
	c, err := openDialogue(network, address, true)
	if err != nil {
		return
	}
	defer c.conn.Close()
	for {
		env, msg := a.message()
		r, err := c.deliver(env, msg)
		if err != nil {
			return
		}
		id, archived := strings.CutPrefix(r.text, "2.0.0 archived as ")
		n, err := strconv.ParseUint(id, 10, 64)
		a.mu.Lock()
		if r.code == 250 && archived && err == nil {
			a.list = append(a.list, acknowledged{n, hexSHA256(msg), env})
		} else if r.code/100 != 4 {
			a.odd = append(a.odd, r.String())
		}
		a.mu.Unlock()
	}
}

// message makes a message that no other is like, of up to 60 KB, now and then of
// some megabytes.
func (a *ledgerOfAcks) message() (envelope, []byte) {
	a.mu.Lock()
	a.next++
	n := a.next
	a.mu.Unlock()
	size := mathrand.IntN(20_000)
	if n%100 == 0 {
		size = 1_000_000 + mathrand.IntN(2_000_000)
	}
	noise := make([]byte, size)
	rand.Read(noise)
	msg := fmt.Appendf(nil, "Message-ID: <%d@kill.example>\r\nSubject: message %d\r\n\r\n%x\r\n", n, n, noise)
	return envelope{fmt.Sprintf("s%d@example.com", n), []string{fmt.Sprintf("r%d@example.org", n), "all@example.org"}}, msg
}

// check looks for the messages from the given place of the list on, and gives the
// place for the next time.
func (a *ledgerOfAcks) check(t *testing.T, d *daybook, from int) int {
	t.Helper()
	if len(a.list) == from {
		return from
	}
	first := a.list[from].id
	for _, k := range a.list[from:] {
		first = min(first, k.id)
	}
	out := mustRun(t, d.bin, "list", "--data", d.data, "--entries", "--json", "--after", strconv.FormatUint(first-1, 10))
	have := map[entryID]entry{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		have[e.ID] = e
	}
	for i, k := range a.list[from:] {
		id := entryID(strconv.FormatUint(k.id, 10))
		e, ok := have[id]
		switch {
		case !ok:
			t.Errorf("entry %s was acknowledged and is missing", id)
		case e.SHA256 != k.sha256 || e.Sender != k.env.from || strings.Join(e.Recipients, " ") != strings.Join(k.env.to, " "):
			t.Errorf("entry %s is another message: %+v", id, e)
		case i%200 == 0:
			if b, err := d.get(id); err != nil || hexSHA256(b) != k.sha256 {
				t.Errorf("the bytes of entry %s: %v", id, err)
			}
		}
	}
	return len(a.list)
}
