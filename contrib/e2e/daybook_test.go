package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain builds the program under test once. Its path is handed on in
// DAYBOOK_BIN, which may also name a program from elsewhere.
func TestMain(m *testing.M) {
	if os.Getenv("DAYBOOK_BIN") != "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "daybook-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	bin := filepath.Join(dir, "daybook")
	code := 1
	// As it is shipped, whatever the tests are built with. It may take minutes where
	// nothing of it was built before.
	build := exec.Command("go", "build", "-o", bin, "daybook/cmd/daybook")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %v\n%s", build, err, out)
	} else {
		os.Setenv("DAYBOOK_BIN", bin)
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// daybook is a daemon under test and its archive.
type daybook struct {
	bin, data    string
	config       string // a configuration file, or empty
	milter, lmtp string // as given to --milter and --lmtp
	proc         *process
}

// newDaybook prepares a daemon with an archive of its own; start runs it. An
// address is "tcp", "unix" or "off": the place is chosen here.
func newDaybook(t testing.TB, milter, lmtp string) *daybook {
	t.Helper()
	dir := workDir(t)
	return &daybook{
		bin:    os.Getenv("DAYBOOK_BIN"),
		data:   filepath.Join(dir, "data"),
		milter: listenAddr(t, milter, filepath.Join(dir, "milter.sock")),
		lmtp:   listenAddr(t, lmtp, filepath.Join(dir, "lmtp.sock")),
	}
}

// startDaybook runs a daemon with an archive of its own.
func startDaybook(t testing.TB, milter, lmtp string) *daybook {
	t.Helper()
	d := newDaybook(t, milter, lmtp)
	d.start(t)
	return d
}

func listenAddr(t testing.TB, kind, path string) string {
	switch kind {
	case "tcp":
		return "tcp:127.0.0.1:" + freePort(t)
	case "unix":
		return "unix:" + path
	}
	return kind
}

// start runs the daemon and waits until it says that it is ready.
func (d *daybook) start(t testing.TB) {
	t.Helper()
	argv := []string{d.bin, "serve", "--data", d.data, "--milter", d.milter, "--lmtp", d.lmtp}
	if d.config != "" {
		argv = append(argv, "--config", d.config)
	}
	d.proc = startProcess(t, "daybook serve", argv...)
	eventually(t, 20*time.Second, func() error {
		if !d.proc.running() {
			t.Fatalf("daybook serve ended at once:\n%s", d.proc.output())
		}
		if !d.proc.said("ready") {
			return fmt.Errorf("daybook serve did not say that it is ready:\n%s", d.proc.output())
		}
		return nil
	})
	// Postfix and Sendmail may run as other users.
	for _, addr := range []string{d.milter, d.lmtp} {
		if path, ok := strings.CutPrefix(addr, "unix:"); ok {
			if err := os.Chmod(path, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// stop ends the daemon gracefully.
func (d *daybook) stop(t testing.TB) {
	t.Helper()
	if err := d.proc.stop(); err != nil {
		t.Fatal(err)
	}
}

// socketOf takes a listening address apart, for net.Dial.
func socketOf(addr string) (network, address string) {
	network, address, _ = strings.Cut(addr, ":")
	return network, address
}

// entry is one line of "daybook list --json".
type entry struct {
	ID         entryID
	Tenant     string
	Source     string
	Received   time.Time
	Sender     string
	Recipients []string
	MessageID  string `json:"message_id"`
	Subject    string
	Size       int64
	SHA256     string
	QueueID    string `json:"queue_id"`
	Client     string
	Flags      []string
	User, TLS  string
	Evidence   string

	EnvelopeSender     string   `json:"envelope_sender"`
	EnvelopeRecipients []string `json:"envelope_recipients"`
	Truth              *struct {
		MessageID string `json:"message_id"`
		Originals []struct{ Start, End int64 }
	}
}

// entryID is an entry's id as text, whether it is written as a number or not.
type entryID string

func (id *entryID) UnmarshalJSON(b []byte) error {
	*id = entryID(strings.Trim(string(b), `"`))
	return nil
}

// list returns all entries of the archive in its order.
func (d *daybook) list(t testing.TB) []entry {
	t.Helper()
	out := mustRun(t, d.bin, "list", "--data", d.data, "--entries", "--json")
	var all []entry
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("daybook list: %v in the line %.300q", err, lines.Bytes())
		}
		all = append(all, e)
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("daybook list: %v", err)
	}
	return all
}

// get returns the archived bytes of one entry.
func (d *daybook) get(id entryID) ([]byte, error) {
	return run(d.bin, "get", "--data", d.data, string(id))
}

// getAll returns the archived bytes of entries: of a few by "daybook get", of
// many by "daybook export", which must agree with get.
func (d *daybook) getAll(t testing.TB, entries []entry) map[entryID][]byte {
	t.Helper()
	if len(entries) <= 40 {
		return d.getEach(t, entries)
	}
	dir := filepath.Join(workDir(t), "export")
	mustRun(t, d.bin, "export", "--data", d.data, "--output", dir)
	got := make(map[entryID][]byte, len(entries))
	var sample []entry
	for i, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, string(e.ID)+".eml"))
		if err != nil {
			t.Errorf("daybook export: %v", err)
		}
		got[e.ID] = b
		if i%40 == 0 {
			sample = append(sample, e)
		}
	}
	for id, b := range d.getEach(t, sample) {
		if !bytes.Equal(b, got[id]) {
			t.Errorf("entry %s: daybook get and daybook export give different bytes", id)
		}
	}
	return got
}

// getEach runs "daybook get" for each entry: two at a time while the daemon runs,
// one after the other when it does not, because then each has the archive for
// itself.
func (d *daybook) getEach(t testing.TB, entries []entry) map[entryID][]byte {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := make(map[entryID][]byte, len(entries))
	next := make(chan entryID)
	workers := 1
	if d.proc.running() {
		workers = 2
	}
	for range workers {
		wg.Go(func() {
			for id := range next {
				b, err := d.get(id)
				if err != nil {
					t.Errorf("daybook get: %v", err)
				}
				mu.Lock()
				got[id] = b
				mu.Unlock()
			}
		})
	}
	for _, e := range entries {
		next <- e.ID
	}
	close(next)
	wg.Wait()
	return got
}

// verify asks the archive to check itself.
func (d *daybook) verify(t testing.TB) {
	t.Helper()
	if _, err := run(d.bin, "verify", "--data", d.data); err != nil {
		t.Errorf("the archive does not verify: %v", err)
	}
}

// hexSHA256 is a digest as "daybook list" writes it.
func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
