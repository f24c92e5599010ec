package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"daybook/archive"
	"daybook/lmtp"
	"daybook/milter"
	"daybook/policy"

	"github.com/prometheus/client_golang/prometheus"
)

// house is an archive with an Ingest in front of it.
type house struct {
	archive *archive.Archive
	ingest  *Ingest
	log     *bytes.Buffer
}

func newHouse(t testing.TB, o archive.Options, lines ...string) *house {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	a, err := archive.Open(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	log := &bytes.Buffer{}
	i := New(Config{
		Archive: a, Policy: readPolicy(t, lines...), SpoolDir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	return &house{a, i, log}
}

// readPolicy gives the policy of some lines, which are added to those for a milter
// and an LMTP listener, both called after their kind, unless there are such.
func readPolicy(t testing.TB, lines ...string) *policy.Policy {
	t.Helper()
	text := strings.Join(lines, "\n") + "\n"
	if !strings.Contains(text, "milter \"") {
		text += "milter \"milter\" { listen = \"tcp:127.0.0.1:0\" }\n"
	}
	if !strings.Contains(text, "lmtp \"") && !strings.Contains(text, "smtp \"") {
		text += "lmtp \"lmtp\" { listen = \"tcp:127.0.0.1:0\" }\n"
	}
	path := filepath.Join(t.TempDir(), "policy.hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (h *house) lmtp() lmtp.Handler     { return h.ingest.Listener("lmtp", "tcp:127.0.0.1:24") }
func (h *house) milter() milter.Session { return h.ingest.Milter("milter", "tcp:127.0.0.1:25")() }

// status gives the status of a source.
func (h *house) status(t *testing.T, name string) SourceStatus {
	t.Helper()
	for _, st := range h.ingest.Status() {
		if st.Name == name {
			return st
		}
	}
	t.Fatalf("no source %q", name)
	return SourceStatus{}
}

func (h *house) events(t *testing.T) []archive.Event {
	t.Helper()
	var list []archive.Event
	for e, err := range h.archive.Events(context.Background(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

func (h *house) entries(t *testing.T) []archive.Entry {
	t.Helper()
	var list []archive.Entry
	for e, err := range h.archive.List(context.Background(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

func (h *house) body(t *testing.T, id uint64) string {
	t.Helper()
	var b bytes.Buffer
	if err := h.archive.WriteTo(context.Background(), id, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func lmtpTransaction(recipients ...string) *lmtp.Envelope {
	e := &lmtp.Envelope{
		Sender: lmtp.Path{Address: "a@example.com", Args: []string{"BODY=8BITMIME"}},
		Client: "[2001:db8::1]:1234", Helo: "mx", Protocol: "LMTPS", TLSVersion: "TLS 1.3", TLSCipher: "X",
	}
	for _, r := range recipients {
		e.Recipients = append(e.Recipients, lmtp.Path{Address: r})
	}
	return e
}

func TestLMTPDelivery(t *testing.T) {
	h := newHouse(t, archive.Options{})
	handler := h.lmtp()
	for _, size := range []int{0, 100, spoolMemory, spoolMemory + 1, 3_000_000} {
		msg := "Subject: x\r\n\r\n" + strings.Repeat("y", size)
		replies := handler.Deliver(context.Background(), lmtpTransaction("b@example.org", "b@example.org", "c@example.org"), strings.NewReader(msg))
		if len(replies) != 3 || replies[0].Code != 250 || replies[0] != replies[2] {
			t.Fatalf("%d bytes: replies %v", size, replies)
		}
		list := h.entries(t)
		e := list[len(list)-1]
		if got := h.body(t, e.ID); got != msg {
			t.Errorf("%d bytes: %d others came back", len(msg), len(got))
		}
		if e.Envelope.Client.Address != "2001:db8::1" || len(e.Envelope.Recipients) != 3 || e.Envelope.Sender.Args[0] != "BODY=8BITMIME" {
			t.Errorf("the envelope is %+v", e.Envelope)
		}
	}
}

// Nobody but the peer is to blame for these; still it is never told 5xx for its
// content, and nothing half-there is archived.
func TestLMTPTroubleOnTheWay(t *testing.T) {
	for _, c := range []struct {
		name string
		body io.Reader
		code int
		what outcome
	}{
		{"cut off", iotest.ErrReader(io.ErrUnexpectedEOF), 451, aborted},
		{"given up", iotest.ErrReader(lmtp.ErrAborted), 451, aborted},
		{"over SIZE", iotest.ErrReader(lmtp.ErrTooLarge), 552, refused},
		{"something unknown", iotest.ErrReader(errors.New("unknown")), 451, tempfailed},
	} {
		h := newHouse(t, archive.Options{})
		replies := h.lmtp().Deliver(context.Background(), lmtpTransaction("b@x"),
			io.MultiReader(strings.NewReader("Subject: half"), c.body))
		if replies[0].Code != c.code {
			t.Errorf("%s: reply %v, want %d", c.name, replies[0], c.code)
		}
		if n := len(h.entries(t)); n != 0 {
			t.Errorf("%s: %d entries were made of half a message", c.name, n)
		}
		if st := h.status(t, "lmtp"); st.Counts[string(c.what)] != 1 || st.InFlight != 0 {
			t.Errorf("%s: status %+v", c.name, st)
		}
	}
}

func TestOurOwnTroubleIsTemporary(t *testing.T) {
	for _, c := range []struct {
		name string
		h    *house
		spool,
		reply string
	}{
		{"disk below the floor", newHouse(t, archive.Options{MinFree: 1 << 62}), "", "452 4.3.1"},
		{"archive closed", newHouse(t, archive.Options{}), "", "451 4.3.2"},
		{"no spool", newHouse(t, archive.Options{}), "/nonexistent", "451 4.3.0"},
	} {
		if c.name == "archive closed" {
			c.h.archive.Close()
		}
		if c.spool != "" {
			c.h.ingest.spool = c.spool
		}
		msg := strings.Repeat("x", 2*spoolMemory)
		r := c.h.lmtp().Deliver(context.Background(), lmtpTransaction("b@x"), strings.NewReader(msg))[0]
		got := fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, r.Text)
		if !strings.HasPrefix(got, c.reply) {
			t.Errorf("%s: LMTP is answered %q, want %s", c.name, got, c.reply)
		}
		v := capture(c.h.milter(), msg)
		if v.Action != milter.TempFail || !strings.HasPrefix(v.Reply, c.reply) {
			t.Errorf("%s: the milter says %v %q, want %s", c.name, v.Action, v.Reply, c.reply)
		}
	}
}

// capture runs one message through a session as an MTA would.
func capture(s milter.Session, body string) milter.Verdict {
	return captureFor(s, body, "b@example.org")
}

func captureFor(s milter.Session, body string, recipients ...string) milter.Verdict {
	ctx := context.Background()
	c := &milter.Connection{Host: "mx.example.com", Address: netip.MustParseAddr("192.0.2.7"), Helo: "mx", ExactHeaders: true}
	t := &milter.Transaction{Connection: c, Number: 1, Sender: milter.Path{Address: "a@example.com"}}
	s.Connect(ctx, c)
	s.Helo(ctx, c)
	s.Mail(ctx, t)
	for _, r := range recipients {
		t.Recipients = append(t.Recipients, milter.Path{Address: r})
		s.Rcpt(ctx, t)
	}
	s.Header([]byte("Subject:\tone\r\n"))
	s.EndOfHeaders()
	s.Body([]byte(body))
	return s.EndOfMessage(ctx, t)
}

func TestMilterCapture(t *testing.T) {
	h := newHouse(t, archive.Options{})
	s := h.milter()
	for range 2 {
		if v := capture(s, "body\r\n"); v.Action != milter.Continue {
			t.Fatalf("verdict %v", v)
		}
	}
	s.Mail(context.Background(), &milter.Transaction{Connection: &milter.Connection{}})
	s.Header([]byte("Subject: given up\r\n"))
	s.Abort()
	s.Close()
	list := h.entries(t)
	if len(list) != 2 {
		t.Fatalf("%d entries, want 2", len(list))
	}
	if got, want := h.body(t, list[1].ID), "Subject:\tone\r\n\r\nbody\r\n"; got != want {
		t.Errorf("archived %q, want %q", got, want)
	}
	if c := list[0].Envelope.Client; c.Address != "192.0.2.7" || c.Name != "mx.example.com" {
		t.Errorf("client %+v", c)
	}
	if st := h.status(t, "milter"); st.Counts["archived"] != 2 || st.Counts["aborted"] != 1 || st.InFlight != 0 || st.Last.IsZero() {
		t.Errorf("status %+v", st)
	}
	if log := h.log.String(); strings.Count(log, "msg=archived") != 2 || !strings.Contains(log, "recipients=[b@example.org]") {
		t.Errorf("log:\n%s", log)
	}
}

func TestInexactHeadersAreFlagged(t *testing.T) {
	h := newHouse(t, archive.Options{})
	s := h.milter()
	tr := &milter.Transaction{Connection: &milter.Connection{}, Recipients: []milter.Path{{Address: "b@x"}}}
	s.Mail(context.Background(), tr)
	s.EndOfHeaders()
	s.EndOfMessage(context.Background(), tr)
	if e := h.entries(t)[0]; len(e.Flags) != 1 || e.Flags[0] != respaced {
		t.Errorf("flags %v", e.Flags)
	}
}

// With on_failure = "accept" mail passes, and the gap stands in the archive.
func TestGap(t *testing.T) {
	h := newHouse(t, archive.Options{MinFree: 1 << 62}, `milter "milter" {
		listen     = "tcp:127.0.0.1:0"
		on_failure = "accept"
	}`)
	v := capture(h.milter(), "body")
	if v.Action == milter.TempFail {
		t.Errorf("the mail was held up: %v", v)
	}
	gaps := h.events(t)
	if len(gaps) != 1 || gaps[0].Kind != archive.EventGap || gaps[0].Envelope.Sender.Address != "a@example.com" || gaps[0].SHA256 == (archive.Digest{}) {
		t.Errorf("events %+v", gaps)
	}
	if st := h.status(t, "milter"); st.State != StateError || st.Counts["let through"] != 1 || st.LastError == "" {
		t.Errorf("status %+v", st)
	}
}

func TestMessageOverTheLimitOfAMilter(t *testing.T) {
	h := newHouse(t, archive.Options{}, `milter "milter" {
		listen      = "tcp:127.0.0.1:0"
		max_message = 1000
	}`)
	if v := capture(h.milter(), strings.Repeat("x", 1000)); v.Action != milter.TempFail || v.Reply[0] != '4' {
		t.Errorf("verdict %v %q", v.Action, v.Reply)
	}
}

func TestEveryReplyIsTemporaryOrPositive(t *testing.T) {
	for _, err := range []error{nil, archive.ErrNoSpace, archive.ErrClosed, errTooLarge, errSuspended, errBusy, context.Canceled, errors.New("unknown")} {
		if r := replyTo([]record{{id: 7}}, err); (r.code == 250) != (err == nil) || r.code != 250 && r.code/100 != 4 {
			t.Errorf("%v is answered %v", err, r)
		}
	}
}

func TestSpoolLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	s := newSpool(dir, 0, func() error { return nil }, &rooms{})
	if _, err := s.Write(make([]byte, 5*spoolMemory)); err != nil {
		t.Fatal(err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) > 0 {
		t.Errorf("the spool has the files %v, which a crash would leave there", names)
	}
	s.close()
}

func TestMetricsCanBeRegistered(t *testing.T) {
	h := newHouse(t, archive.Options{})
	h.lmtp().Deliver(context.Background(), lmtpTransaction("b@x"), strings.NewReader("x"))
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(h.ingest.Collectors()...)
	r.MustRegister(h.archive.Collectors()...)
	families, err := r.Gather()
	if err != nil || len(families) < 10 {
		t.Errorf("%d metrics, error %v", len(families), err)
	}
}
