package e2e

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEximLMTP lets Exim send a copy of every message to Daybook by LMTP. The
// archived bytes are those that the true recipients are delivered, and the envelope
// is the one that Exim was given.
func TestEximLMTP(t *testing.T) {
	needExim(t)
	d, port, _ := eximDaybook(t)
	x := startExim(t, eximSnippet(t, "daybook.lmtp", "8024", port))
	sent := x.sender().sendAll(t, allMessages(t))
	x.deliverAll(t)
	checkArchiveBy(t, d, byEximID(), x.wants(t, sent))
}

// TestEximSMTP lets Exim send the copies to a journal address by SMTP: they are what
// the true recipients are delivered, below the two fields with the envelope.
func TestEximSMTP(t *testing.T) {
	needExim(t)
	d, _, port := eximDaybook(t)
	x := startExim(t, eximSnippet(t, "daybook.smtp", "8025", port))
	sent := x.sender().sendAll(t, allMessages(t))
	x.deliverAll(t)
	wants := x.wants(t, sent)
	if journals := x.sink.deliveries(); len(journals) != len(sent) {
		t.Errorf("the sink has %d deliveries, want %d: copies belong to Daybook alone", len(journals), len(sent))
	}
	checkEximCopies(t, d, wants)
}

// checkEximCopies compares the copies at the journal address with the mail.
func checkEximCopies(t *testing.T, d *daybook, wants []want) {
	t.Helper()
	entries := d.list(t)
	archived := d.getAll(t, entries)
	byID := map[string][]byte{}
	for _, data := range archived {
		byID[eximIDOf(data)] = data
	}
	var found []string
	for _, w := range wants {
		data := byID[eximIDOf(w.data)]
		env, mail, err := eximEnvelope(data)
		if err != nil {
			found = append(found, fmt.Sprintf("message %q: %v", w.name, err))
			continue
		}
		to := slices.Sorted(slices.Values(w.env.to))
		slices.Sort(env.to)
		if env.from != w.env.from || !slices.Equal(env.to, to) {
			found = append(found, fmt.Sprintf("message %q: the copy's fields say %q, want %q", w.name, env, w.env))
		}
		found = append(found, compareBytes(w.name, mail, w.data)...)
	}
	report(t, found)
	if len(entries) != len(wants) {
		t.Errorf("the archive has %d entries, want %d", len(entries), len(wants))
	}
	d.verify(t)
}

var eximFields = regexp.MustCompile(`^Return-path: <([^>]*)>\r\nEnvelope-to: ([^\r]*(?:\r\n [^\r]*)*)\r\n`)

// eximEnvelope takes the two fields with the envelope away from a copy.
func eximEnvelope(data []byte) (envelope, []byte, error) {
	m := eximFields.FindSubmatch(data)
	if m == nil {
		return envelope{}, nil, fmt.Errorf("the copy does not begin with Return-path and Envelope-to: %.300q", data)
	}
	env := envelope{from: string(m[1])}
	for to := range strings.SplitSeq(string(m[2]), ",") {
		env.to = append(env.to, strings.TrimSpace(to))
	}
	return env, data[len(m[0]):], nil
}

// TestEximOutage: while Daybook is away mail is delivered without delay, and once
// only; the copies wait in Exim's queue, and no sender hears of it.
func TestEximOutage(t *testing.T) {
	needExim(t)
	d, lmtp, smtp := eximDaybook(t)
	for _, c := range []struct{ file, port, by string }{{"daybook.lmtp", "8024", lmtp}, {"daybook.smtp", "8025", smtp}} {
		t.Run(c.file, func(t *testing.T) {
			x := startExim(t, eximSnippet(t, c.file, c.port, c.by))
			before := len(d.list(t))
			d.stop(t)
			sent := x.sender().sendAll(t, oddMessages()[:12])
			x.deliver(t)
			x.deliver(t)
			if n, want := x.queued(t), fmt.Sprint(len(sent)); n != want {
				t.Errorf("%s messages wait in the queue, want %s", n, want)
			}
			d.start(t)
			x.deliverAll(t)
			if got := len(d.list(t)) - before; got != len(sent) {
				t.Errorf("the archive has %d new entries, want %d", got, len(sent))
			}
			if got := len(x.sink.deliveries()); got != len(sent) {
				t.Errorf("the sink has %d deliveries, want %d: mail twice, or bounces", got, len(sent))
			}
		})
	}
}

// TestEximAliases: a copy is for the recipients that the client gave, blind copies
// included, and there is one, whatever the aliases among them lead to.
func TestEximAliases(t *testing.T) {
	needExim(t)
	d, lmtp, smtp := eximDaybook(t)
	env := envelope{from: "a@example.org", to: []string{"team@example.net", "hidden@example.org"}}
	for _, c := range []struct{ file, port, by string }{{"daybook.lmtp", "8024", lmtp}, {"daybook.smtp", "8025", smtp}} {
		t.Run(c.file, func(t *testing.T) {
			x := startExim(t, eximSnippet(t, c.file, c.port, c.by))
			before := len(d.list(t))
			conn, err := openDialogue("tcp", x.addr(), false)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.close()
			if r, err := conn.deliver(env, []byte(head("aliases")+"\r\nbody\r\n")); err != nil || !r.ok() {
				t.Fatalf("%v, %v", r, err)
			}
			x.deliverAll(t)
			entries := d.list(t)[before:]
			if len(entries) != 1 {
				t.Fatalf("%d copies, want one: %+v", len(entries), entries)
			}
			got := envelope{entries[0].Sender, entries[0].Recipients}
			if c.file == "daybook.smtp" {
				if got, _, err = eximEnvelope(d.getEach(t, entries)[entries[0].ID]); err != nil {
					t.Fatal(err)
				}
			}
			out := mustRun(t, d.bin, "list", "--data", d.data, "--entries", "--json", "--recipient", env.to[1])
			if !bytes.Contains(out, []byte(`{"id":`+string(entries[0].ID)+`,`)) {
				t.Errorf("the copy is not found by the blind recipient: %s", out)
			}
			if slices.Sort(got.to); got.from != env.from || !slices.Equal(got.to, slices.Sorted(slices.Values(env.to))) {
				t.Errorf("the copy says %q, want %q", got, env)
			}
			checkAliases(t, x)
		})
	}
}

// checkAliases compares what the sink was delivered with where the aliases lead.
func checkAliases(t *testing.T, x *exim) {
	t.Helper()
	var to []string
	for _, m := range x.sink.deliveries() {
		to = append(to, m.env.to...)
	}
	slices.Sort(to)
	if want := []string{"hidden@example.org", "one@example.net", "two@example.net"}; !slices.Equal(to, want) {
		t.Errorf("the mail was delivered to %q, want %q", to, want)
	}
}

// TestEximRefusal: a copy that Daybook refuses for good goes to the postmaster of
// Exim, whole, and neither to the sender nor to the recipients.
func TestEximRefusal(t *testing.T) {
	needExim(t)
	_, _, port := eximDaybook(t)
	s := eximSnippet(t, "daybook.smtp", "8025", port)
	s["routers"] = strings.ReplaceAll(s["routers"], "exim-n5yjw4cvplrvgrm4xotx2@", "wrong@")
	x := startExim(t, s)
	sent := x.sender().sendAll(t, messages{{"refused", []byte(head("refused") + "\r\nthe body\r\n")}})
	x.deliver(t)
	x.deliver(t) // the bounce, whose own copy is refused as well
	var bounces []delivery
	for _, m := range x.sink.deliveries() {
		if !slices.Contains(m.env.to, sent[0].env.to[0]) {
			bounces = append(bounces, m)
		}
	}
	// The copy of the bounce bounces as well, and so on for as long as Exim's queue is run.
	elsewhere := func(m delivery) bool {
		return m.env.from != "" || !slices.Equal(m.env.to, []string{"postmaster@exim.example.org"})
	}
	if len(bounces) == 0 || slices.ContainsFunc(bounces, elsewhere) {
		t.Fatalf("the bounces are %q, want them to go to the postmaster", bounces)
	}
	if b := bounces[0].data; !bytes.Contains(b, []byte("the body\r\n")) || bytes.Contains(b, []byte("wrong@journal")) {
		t.Errorf("the bounce lacks the mail or tells the journal address:\n%s", b)
	}
}

// wants are the messages as the sink was delivered them, under the envelopes as they
// were sent.
func (x *exim) wants(t *testing.T, sent []accepted) []want {
	t.Helper()
	delivered := map[string]delivery{}
	for _, m := range x.sink.deliveries() {
		delivered[eximIDOf(m.data)] = m
	}
	var wants []want
	for _, m := range sent {
		got, ok := delivered[m.queueID]
		if !ok {
			t.Errorf("message %q (%s) was not delivered", m.name, m.queueID)
			continue
		}
		wants = append(wants, want{name: m.name, env: m.env, data: got.data})
	}
	return wants
}
