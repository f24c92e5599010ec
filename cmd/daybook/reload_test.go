package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"daybook/archive"
	"daybook/policy"
)

// writeTagging writes a policy that tags every message with its name.
func writeTagging(t *testing.T, name, socket string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".hcl")
	text := fmt.Sprintf(`
lmtp "lmtp" { listen = "unix:%s" }
rule "all" {
  when   = true
  action = "archive"
  tags   = ["%s"]
}
`, socket, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// swapping is the policy of a daemon whose configuration another file takes the place
// of, again and again.
type swapping struct {
	paths  [2]string
	server policy.Server
	now    atomic.Int64
}

func (s *swapping) load() (*policy.Policy, error) {
	pol, err := policy.Load(s.paths[s.now.Load()%2])
	if err == nil {
		pol.Server = s.server
	}
	return pol, err
}

// sendAll delivers messages over several connections at a time until end is called.
// Sent counts those that were acknowledged, by connection.
func sendAll(t *testing.T, socket string, connections int) (sent []int, end func()) {
	t.Helper()
	var sending sync.WaitGroup
	var over atomic.Bool
	sent = make([]int, connections)
	for n := range connections {
		sending.Go(func() {
			for !over.Load() {
				text := fmt.Sprintf("Message-ID: <%d.%d@example.com>\r\n\r\n", n, sent[n])
				if err := deliver(socket, "a@example.com", []string{"b@example.org"}, text); err != nil {
					t.Errorf("message %d of connection %d: %v", sent[n], n, err)
					return
				}
				sent[n]++
			}
		})
	}
	return sent, func() {
		over.Store(true)
		sending.Wait()
	}
}

// Under load, each message is judged by exactly one policy: it has the digest and the
// tag of the same one, whose text is kept, and none is lost.
func TestReloadUnderLoad(t *testing.T) {
	reloads, connections := 1000, 4
	if testing.Short() {
		reloads = 50
	}
	start := testPolicy(t)
	socket := start.Listeners[0].Listen.Address
	s := &swapping{paths: [2]string{writeTagging(t, "one", socket), writeTagging(t, "two", socket)}, server: start.Server}
	pol, err := s.load()
	if err != nil {
		t.Fatal(err)
	}
	d, err := startDaemon(t.Context(), pol, slog.New(slog.DiscardHandler), s.load)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx, nil) }()

	sent, end := sendAll(t, socket, connections)
	for range reloads {
		s.now.Add(1)
		if r, err := d.reload(ctx, "test"); err != nil || !r.Changed {
			t.Errorf("reload: %+v, %v", r, err)
		}
	}
	end()
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	checkReloads(t, start.Server.Data, s.paths, sent, reloads)
}

// checkReloads looks at what is in the archive.
func checkReloads(t *testing.T, data string, paths [2]string, sent []int, reloads int) {
	a, err := archive.Open(data, archive.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	tags := make(map[archive.Digest]string)
	for i, tag := range []string{"one", "two"} {
		pol, err := policy.Load(paths[i])
		if err != nil {
			t.Fatal(err)
		}
		tags[pol.Digest] = tag
		checkKept(t, a, pol.Digest, paths[i])
	}
	found := make(map[string]bool)
	byTag := make(map[string]int)
	for e, err := range a.List(t.Context(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		found[e.Summary.MessageID] = true
		want, known := tags[e.Decision.Policy]
		if !known || !slices.Equal(e.Decision.Tags, []string{want}) {
			t.Errorf("entry %d has the policy %v and the tags %q", e.ID, e.Decision.Policy, e.Decision.Tags)
		}
		byTag[want]++
	}
	for n, count := range sent {
		for i := range count {
			if id := fmt.Sprintf("<%d.%d@example.com>", n, i); !found[id] {
				t.Errorf("%s was acknowledged and is lost", id)
			}
		}
	}
	if byTag["one"] == 0 || byTag["two"] == 0 {
		t.Errorf("one of the policies judged nothing: %v", byTag)
	}
	t.Logf("%d reloads, %v messages", reloads, byTag)
	checkChanges(t, a, reloads)
}

// checkChanges looks for one event for each change, and one for the start.
func checkChanges(t *testing.T, a *archive.Archive, reloads int) {
	t.Helper()
	var last archive.Digest
	changes := 0
	for e, err := range a.Policies(t.Context(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Policy == last {
			t.Errorf("event %d changes nothing", e.ID)
		}
		last = e.Policy
		changes++
	}
	if changes != reloads+1 {
		t.Errorf("%d events tell of %d changes and the start", changes, reloads)
	}
}

// checkKept compares the text that the archive has kept with the file.
func checkKept(t *testing.T, a *archive.Archive, digest archive.Digest, path string) {
	t.Helper()
	kept, err := a.Policy(digest)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := kept.WriteFile(t.Context(), filepath.Base(path), &got); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the text of %s was kept as %q, %v", path, got.Bytes(), err)
	}
}

// A disk that is too full does not keep a daemon from starting. The text of its policy
// is kept when there is room, and before that of a later one.
func TestPolicyIsKeptWhenThereIsRoom(t *testing.T) {
	pol := testPolicy(t)
	var log syncBuffer
	d, err := startDaemon(t.Context(), pol, slog.New(slog.NewTextHandler(&log, nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.abandon()
	count := func() (n int) {
		for _, err := range d.archive.Policies(t.Context(), archive.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	if n := count(); n != 1 || d.unkept {
		t.Fatalf("%d policies are kept at the start", n)
	}
	d.unkept = true
	d.keepLater(t.Context())
	if n := count(); n != 2 || d.unkept {
		t.Errorf("%d policies are kept in the end:\n%s", n, log.String())
	}
	d.unkept, d.pol = true, &policy.Policy{Files: []policy.File{{Name: "gone.hcl", Path: "gone.hcl", Size: 1}}}
	d.keepLater(t.Context())
	if !d.unkept || !strings.Contains(log.String(), "deferred until the policy is reloaded") {
		t.Errorf("a text that is gone is tried for ever, or forgotten:\n%s", log.String())
	}
}
