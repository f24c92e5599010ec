package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"daybook/archive"
	"daybook/archive/message"
)

const aMail = "From: a@example.com\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\nSubject: offer\r\nMessage-ID: <offer@example.com>\r\n\r\nthe offer\r\n"

// A mistake of ours in reading a message leaves it without an identity, but not without
// a place in the archive.
func TestMessageThatCannotBeIdentified(t *testing.T) {
	h := newHouse(t, archive.Options{})
	var none []int
	for range 2 {
		h.ingest.identifier = func(context.Context, io.ReaderAt, int64, *message.Structure) (message.Identity, error) {
			return message.Identity{}, fmt.Errorf("never reached: %d", none[3])
		}
		if r := h.send("a@example.com", aMail, "b@x")[0]; r.Code != 250 {
			t.Fatalf("reply %v", r)
		}
		h.ingest.scanner = func(io.ReaderAt, int64) (*message.Structure, error) {
			return nil, fmt.Errorf("never reached: %d", none[3])
		}
	}
	for _, e := range h.entries(t) {
		if e.Identity != nil || e.Joined != "" || !slices.Equal(e.Flags, []string{flagUnidentified}) || h.body(t, e.ID) != aMail {
			t.Errorf("the entry is %+v", e)
		}
	}
	if log := h.log.String(); strings.Count(log, "identifying a message panicked") != 2 {
		t.Errorf("log:\n%s", log)
	}
}

// A message that cannot be looked into is stored as it is.
func TestUndividedMessage(t *testing.T) {
	h := newHouse(t, archive.Options{})
	h.ingest.scanner = func(io.ReaderAt, int64) (*message.Structure, error) { panic("a mistake") }
	for _, text := range []string{"", "x", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + strings.Repeat("eA==\r\n", 1<<20)} {
		d := &delivery{spool: h.ingest.newSpool(0, nil)}
		defer d.spool.close()
		d.spool.Write([]byte(text))
		if err := d.spool.finish(); err != nil {
			t.Fatal(err)
		}
		s, _, err := h.ingest.source("lmtp").identify(context.Background(), d, subject{})
		if want := (message.Range{End: int64(len(text))}); err != nil || s == nil || len(s.Parts) != 1 || s.Parts[0].Body != want {
			t.Errorf("%d bytes: the structure is %+v, error %v", len(text), s, err)
		}
		h.send("a@example.com", text, "b@x")
		if list := h.entries(t); h.body(t, list[len(list)-1].ID) != text {
			t.Errorf("%d bytes do not come back", len(text))
		}
	}
}

// Trouble in reading the spool is ours: the message must come again.
func TestSpoolThatCannotBeRead(t *testing.T) {
	h := newHouse(t, archive.Options{}, reportPolicy)
	h.ingest.identifier = func(context.Context, io.ReaderAt, int64, *message.Structure) (message.Identity, error) {
		return message.Identity{}, errors.New("the disk is gone")
	}
	if r := h.report(aReport)[0]; r.Code != 451 {
		t.Errorf("reply %v", r)
	}
	if n := len(h.entries(t)); n != 0 {
		t.Errorf("%d entries", n)
	}
}

// When an encoded original cannot be read, that is told from an encoding that is
// damaged.
func TestEncodedOriginalThatCannotBeRead(t *testing.T) {
	h := newHouse(t, archive.Options{})
	gone := errors.New("the disk is gone")
	for _, encoding := range []string{"base64", "quoted-printable"} {
		for _, c := range []struct {
			name string
			body io.ReaderAt
			want error
		}{
			{"whole", strings.NewReader("YWJj\r\n"), nil},
			{"damaged", strings.NewReader("YW\x00=\r\n"), nil},
			{"unread", readerAtFunc(func([]byte, int64) (int, error) { return 0, gone }), gone},
		} {
			m, done, err := h.ingest.unpack(&mail{body: c.body, size: 6}, &message.Original{Start: 0, End: 6, Encoding: encoding})
			if (m != nil) != (c.name == "whole") || !errors.Is(err, c.want) {
				t.Errorf("%s %s: mail %v, error %v", encoding, c.name, m, err)
			}
			if err == nil {
				done()
			}
		}
	}
}

type readerAtFunc func(p []byte, offset int64) (int, error)

func (f readerAtFunc) ReadAt(p []byte, offset int64) (int, error) { return f(p, offset) }

// An original is identified alike in memory, in a file, encoded, and by itself.
func TestIdentityOfOriginal(t *testing.T) {
	for _, size := range []int{0, 2 * spoolMemory} {
		text := aMail + strings.Repeat("the same line again\r\n", size/20)
		h := newHouse(t, archive.Options{}, reportPolicy)
		for _, words := range [][]string{nil, {"base64"}} {
			if r := h.report(writeReport("a@example.com", []string{"b@x"}, []string{text}, words))[0]; r.Code != 250 {
				t.Fatalf("reply %v", r)
			}
		}
		capturedAs := lmtpTransaction("plain@journal.example")
		h.ingest.Listener("in", "").Deliver(context.Background(), capturedAs, strings.NewReader(text))
		list := h.entries(t)
		if len(list) != 3 {
			t.Fatalf("%d entries", len(list))
		}
		for _, e := range list {
			if *e.Identity != *list[2].Identity || e.Identity.Exact != list[2].SHA256 || e.Identity.MessageID != "offer@example.com" || e.Message != list[0].ID {
				t.Errorf("%d bytes: entry %d of message %d has the identity %+v, want %+v", len(text), e.ID, e.Message, e.Identity, list[2].Identity)
			}
			if e.Identity.Fields != (archive.Digest{}) {
				t.Errorf("entry %d keeps a digest that its source does not ask for", e.ID)
			}
		}
	}
}

// The policy of joining is that of the policy that judged the message.
func TestJoinOfTheSamePolicy(t *testing.T) {
	h := newHouse(t, archive.Options{})
	body := io.MultiReader(strings.NewReader(aMail), readerFunc(func([]byte) (int, error) {
		h.ingest.SetPolicy(readPolicy(t, `lmtp "lmtp" {
			listen         = "tcp:127.0.0.1:0"
			extended_dedup {
				window = "7m"
				match  = "message-id"
			}
		}`))
		return 0, io.EOF
	}))
	h.lmtp().Deliver(context.Background(), lmtpTransaction("b@x"), body)
	e := h.entries(t)[0]
	if e.Decision.Policy != h.ingest.Policy().Digest || e.Join.Window.String() != "7m0s" || e.Join.Match != archive.MatchMessageID ||
		e.Identity.Fields == (archive.Digest{}) {
		t.Errorf("joined under %+v with %+v", e.Join, e.Identity)
	}
}

func TestJoiningIsLogged(t *testing.T) {
	h := newHouse(t, archive.Options{}, twoTenants)
	captured := func(text string, to ...string) string {
		h.log.Reset()
		h.captured(t, text, "x@elsewhere.example", to)
		return h.log.String()
	}
	other := strings.Replace(aMail, "the offer", "another", 1)
	if log := captured(aMail, "a@acme.example"); strings.Contains(log, "joined") {
		t.Errorf("of a first entry: %s", log)
	}
	if log := captured("Received: by relay\r\n"+aMail, "a@acme.example"); !strings.Contains(log, "message=1 joined=content") {
		t.Errorf("of a copy: %s", log)
	}
	if log := captured(other, "a@acme.example"); !strings.Contains(log, "level=WARN") ||
		!strings.Contains(log, "id=3 message=1 message_id=offer@example.com") || strings.Contains(log, "joined") {
		t.Errorf("of another content: %s", log)
	}
	if log := captured(aMail, "a@acme.example", "b@globex.example"); !strings.Contains(log, "of message 1 for exact") {
		t.Errorf("of a copy for two tenants: %s", log)
	}
}
