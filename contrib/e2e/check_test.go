package e2e

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// want is one message that must be in the archive, once.
type want struct {
	name    string
	env     envelope
	data    []byte
	queueID string // when known
	client  string // the client's IP address, when known
}

// envelopeFor makes the envelope of message number i. The first recipient
// belongs to this message alone, so that its entry can be found by it. Every
// third message has three recipients, every seventh the null reverse-path.
func envelopeFor(i int) envelope {
	env := envelope{fmt.Sprintf("sender%d@example.org", i), []string{fmt.Sprintf("m%d@example.net", i)}}
	if i%3 == 0 {
		env.to = append(env.to, "second@example.net", "Third.Person@Example.COM")
	}
	if i%7 == 0 {
		env.from = ""
	}
	return env
}

// keys tell which entry is which message: an entry and the wanted message that
// it should be have the same key.
type keys struct {
	entry func(e entry, archived []byte) string
	want  func(w want) string
}

// byRecipient knows messages by the first recipient, as envelopeFor gives it.
func byRecipient() keys {
	return keys{
		entry: func(e entry, _ []byte) string {
			if len(e.Recipients) == 0 {
				return "none"
			}
			return e.Recipients[0]
		},
		want: func(w want) string { return w.env.to[0] },
	}
}

// checkArchive compares the whole archive with what must be in it: each wanted
// message once, with its envelope and exact bytes, and nothing else.
func checkArchive(t *testing.T, d *daybook, wants []want) {
	t.Helper()
	checkArchiveBy(t, d, byRecipient(), wants)
}

// checkArchiveBy is checkArchive for messages that are known by another key.
func checkArchiveBy(t *testing.T, d *daybook, by keys, wants []want) {
	t.Helper()
	entries := d.list(t)
	archived := d.getAll(t, entries)
	var found []string
	index := map[string]entry{}
	for _, e := range entries {
		key := by.entry(e, archived[e.ID])
		if old, ok := index[key]; ok {
			found = append(found, fmt.Sprintf("entries %s and %s are the same message, %s", old.ID, e.ID, key))
		}
		index[key] = e
	}
	for _, w := range wants {
		e, ok := index[by.want(w)]
		if !ok {
			found = append(found, fmt.Sprintf("message %q (%s) is not in the archive", w.name, by.want(w)))
			continue
		}
		found = append(found, compareEntry(e, w)...)
		found = append(found, compareBytes(w.name, archived[e.ID], w.data)...)
	}
	report(t, found)
	if len(entries) != len(wants) {
		t.Errorf("the archive has %d entries, want %d", len(entries), len(wants))
	}
	d.verify(t)
	t.Logf("%d messages compared, %d differences", len(wants), len(found))
}

// report fails the test with what was found, shortened where it is long.
func report(t *testing.T, found []string) {
	t.Helper()
	const most = 20
	for i, f := range found {
		if i == most {
			t.Errorf("and %d more", len(found)-most)
			return
		}
		t.Error(f)
	}
}

// compareEntry compares what "daybook list" says of a message.
func compareEntry(e entry, w want) (found []string) {
	differ := func(what string, got, want any) {
		found = append(found, fmt.Sprintf("message %q: %s %q, want %q", w.name, what, fmt.Sprint(got), fmt.Sprint(want)))
	}
	if e.Sender != w.env.from {
		differ("sender", e.Sender, w.env.from)
	}
	if !slices.Equal(e.Recipients, w.env.to) {
		differ("recipients", e.Recipients, w.env.to)
	}
	if e.Size != int64(len(w.data)) {
		differ("size", e.Size, len(w.data))
	}
	if sum := hexSHA256(w.data); e.SHA256 != sum {
		differ("sha256", e.SHA256, sum)
	}
	if w.queueID != "" && e.QueueID != w.queueID {
		differ("queue id", e.QueueID, w.queueID)
	}
	if w.client != "" && !isClient(e.Client, w.client) {
		differ("client", e.Client, w.client)
	}
	if e.Received.IsZero() || e.Source == "" || e.Tenant == "" || e.ID == "" {
		differ("received, source, tenant or id missing", e, "all of them")
	}
	return found
}

// compareBytes names the first difference of archived and expected bytes.
func compareBytes(name string, got, want []byte) []string {
	if bytes.Equal(got, want) {
		return nil
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	return []string{fmt.Sprintf("message %q: archived %d bytes, want %d; they differ from byte %d on:\n got  %s\n want %s",
		name, len(got), len(want), at, around(got, at), around(want, at))}
}

func around(b []byte, at int) string {
	from, to := max(0, at-30), min(len(b), at+50)
	return fmt.Sprintf("%q", b[from:to])
}

// isClient tells whether the recorded client has this IP address. It may be
// followed by a port or by a name in brackets.
func isClient(got, want string) bool {
	got, _, _ = strings.Cut(got, " ")
	if ap, err := netip.ParseAddrPort(got); err == nil {
		got = ap.Addr().String()
	}
	return strings.Trim(got, "[]") == want
}
