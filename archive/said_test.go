package archive

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"daybook/archive/message"
	"daybook/archive/recipe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/klauspost/compress/zstd"
)

// The Message-ID and the subject are in an entry's facts. The first time that they stand
// in a header they are taken from there, and the mail comes back as it was.
func TestSaidPieces(t *testing.T) {
	const id, subject = "<0123456789abcdef@mail.example.com>", "About the meeting on Thursday"
	long := strings.Repeat("long", 500)
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	for _, c := range []struct {
		name, mail  string
		pieces      string // by their sources, in order: t text, i Message-ID, s subject
		id, subject string // that the text still has; empty: none
	}{
		{"both", "Message-ID: " + id + "\r\nSubject: " + subject + "\r\n\r\nHello\r\n", "titst", "", ""},
		{"the other way round", "Subject: " + subject + "\r\nMessage-ID: " + id + "\r\n\r\n", "tstit", "", ""},
		{"at the end", "Subject: " + subject + "\r\nMessage-ID: " + id, "tsti", "", ""},
		{"named before", "References: " + id + "\r\nMessage-ID: " + id + "\r\n\r\n", "tit", "Message-ID: " + id, ""},
		{"short ones", "Message-ID: <1@x>\r\nSubject: Hello\r\n\r\n", "t", "Message-ID: <1@x>", "Subject: Hello"},
		{"folded", "Message-ID:\r\n " + id + "\r\nSubject: About the\r\n meeting on Thursday\r\n\r\n", "tit", "", "About the\r\n"},
		{"one in the other", "Message-ID: " + id + "\r\nSubject: lost: " + id + "\r\n\r\n", "titst", "", ""},
		{"in the text", "From: a@b\r\n\r\nSubject: " + subject + "\r\n", "t", "", "Subject: " + subject},
		{"longer than a summary keeps", "Subject: " + long + "\r\n\r\n", "tst", "", "long\r\n"},
		{"UTF-8", "Subject: Über das Treffen am Donnerstag\r\n\r\n", "tst", "", "Subject: \r\n"},
		{"no UTF-8", "Subject: \xdcber das Treffen am Donnerstag\r\n\r\n", "t", "", "\xdcber das"},
		{"in another code", "Subject: =?utf-8?q?About_the_meeting_on_Thursday?=\r\n\r\n", "t", "", "=?utf-8?q?"},
	} {
		mail := []byte(c.mail)
		r := receipt(mail, "a@b", "c@d")
		r.Summary = message.Summarize(mail)
		e, err := a.Entry(appendOne(t, a, r).ID)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, p := range e.formula.pieces {
			got.WriteString(map[int]string{text: "t", saidID: "i", saidSubject: "s"}[p.from])
		}
		if !strings.HasPrefix(got.String(), c.pieces) || strings.Count(got.String(), "i") != strings.Count(c.pieces, "i") ||
			strings.Count(got.String(), "s") != strings.Count(c.pieces, "s") {
			t.Errorf("%s: the pieces are %s, want %s", c.name, got.String(), c.pieces)
		}
		text, err := a.text(t.Context(), e.ID, &e.text)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{c.id, c.subject} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: the text is %q, without %q", c.name, text, want)
			}
		}
		if c.id == "" && strings.Contains(c.pieces, "i") && bytes.Contains(text, []byte(id)) ||
			c.subject == "" && bytes.Contains(text, []byte(subject)) {
			t.Errorf("%s: the text is %q", c.name, text)
		}
		if back := body(t, a, e.ID); !bytes.Equal(back, mail) {
			t.Errorf("%s: %q came back", c.name, back)
		}
	}
	verified(t, a)
	remade(t, a, fs)
}

// A formula that takes more than the facts say belongs to a damaged entry.
func TestSaidTooMuch(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	for size, ok := range map[int]bool{20: true, 21: false} {
		e := &Entry{Tenant: "default", Source: "s", Size: int64(size), Summary: message.Summary{Subject: strings.Repeat("s", 20)}}
		e.formula = &formula{pieces: []sourced{{Piece: recipe.Piece{Wire: int64(size), Stored: size}, from: saidSubject}}}
		facts, _, err := c.encodeFacts(e, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.decodeFacts(newEntryRecord(e, facts, nil, nil).Body, 1); (err == nil) != ok {
			t.Errorf("%d bytes of 20: %v", size, err)
		}
	}
}

// Few texts at a time are compressed as well as can be, more fast; and of the best
// compressor there is one.
func TestLevelOfChains(t *testing.T) {
	c := newChains(nil)
	l := c.enter("a")
	begin := func(want zstd.EncoderLevel) *chain {
		t.Helper()
		k, err := c.begin(l)
		if err != nil {
			t.Fatal(err)
		}
		if k.coder.level != want {
			t.Errorf("with %d texts on their way the level is %v, want %v", c.waiting(), k.coder.level, want)
		}
		return k
	}
	few := begin(zstd.SpeedBetterCompression) // for so little it is not worth its memory
	l.chain, l.size = few, minBest-1
	if l.full(1) {
		t.Error("a chain ends before there is enough text for a better one")
	}
	if l.size++; !l.full(1) {
		t.Error("a chain goes on when there is enough text for a better one")
	}
	c.end(few)
	best := begin(zstd.SpeedBestCompression)
	other := begin(zstd.SpeedBetterCompression) // the best one is taken
	c.end(other)
	if c.unfit(best) {
		t.Error("unfit while it is quiet")
	}
	rush(&c.pace, maxBusy)
	if !c.unfit(best) {
		t.Error("the best one goes on in a busy time")
	}
	c.end(best)
	fast := begin(zstd.SpeedDefault)
	for _, k := range c.spare {
		if k.level == zstd.SpeedBestCompression {
			t.Error("the best compressor takes room in a busy time")
		}
	}
	c.end(fast)
	for range paceTexts {
		c.pace.begin(1, time.Now().Add(time.Hour))
	}
	begin(zstd.SpeedBestCompression)
	c.leave(l)
}
