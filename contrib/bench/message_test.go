package main

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestSetsAreTheSameEveryTime(t *testing.T) {
	for _, kb := range []int{4, 16, 75} {
		one, two := newSet(kb, minSet), newSet(kb, minSet)
		for i := range one {
			if !bytes.Equal(one[i].raw, two[i].raw) {
				t.Errorf("%d KB: message %d differs between two sets", kb, i)
			}
			if i > 0 && bytes.Equal(one[i].raw, one[i-1].raw) {
				t.Errorf("%d KB: messages %d and %d are the same", kb, i-1, i)
			}
		}
	}
}

func TestSetsHaveTheirSize(t *testing.T) {
	for _, kb := range []int{4, 16, 75} {
		for i, m := range newSet(kb, minSet) {
			if n := len(m.raw); n < kb<<10*8/10 || n > kb<<10*12/10 {
				t.Errorf("message %d of %d KB is %d bytes long", i, kb, n)
			}
		}
	}
}

func TestLinesAreThoseOfMail(t *testing.T) {
	const longest = 998 // RFC 5322 section 2.1.1
	dots := 0
	for _, m := range newSet(75, minSet) {
		text := string(m.raw)
		if strings.Count(text, "\n") != strings.Count(text, "\r\n") || strings.Count(text, "\r") != strings.Count(text, "\n") {
			t.Error("a line end is not CRLF")
		}
		for line := range strings.Lines(text) {
			if len(line) > longest {
				t.Errorf("a line is %d bytes long", len(line))
			}
		}
		dots += strings.Count(text, "\r\n.")
	}
	if dots == 0 {
		t.Error("no line of the messages begins with a dot: dot-stuffing costs nothing")
	}
}

// Messages are as hard to compress as mail: a set that is not would flatter whoever
// compresses, and one of nothing but random words would not do it justice.
func TestMessagesCompressLikeMail(t *testing.T) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, kb := range []int{4, 16} {
		const messages, least, most = 500, 0.22, 0.36
		var bodies []byte
		for i, m := range newSet(kb, messages) {
			_, body, _ := bytes.Cut(sending(m, int64(i)), []byte("\r\n\r\n"))
			bodies = append(bodies, body...)
		}
		if got := float64(len(enc.EncodeAll(bodies, nil))) / float64(len(bodies)); got < least || got > most {
			t.Errorf("zstd makes %.3f of the bodies of %d messages of %d KB, want %.2f to %.2f", got, messages, kb, least, most)
		} else {
			t.Logf("%d KB: %.3f", kb, got)
		}
	}
}

// HTML is beside plain text, and says the same.
func TestHTMLSaysWhatIsBesideIt(t *testing.T) {
	beside := 0
	for _, m := range newSet(4, minSet) {
		_, html, ok := strings.Cut(string(m.raw), "<html><body>\r\n")
		if !ok {
			continue
		}
		beside++
		html, _, _ = strings.Cut(html, "</body></html>")
		text := strings.NewReplacer("<br>", "", "&gt;", ">").Replace(html)
		if len(text) < 500 || strings.Count(string(m.raw), text) != 1 || !strings.Contains(html, "<br>") {
			t.Errorf("the text beside it is not %q", text)
		}
	}
	if beside == 0 || beside == minSet {
		t.Errorf("%d of %d messages have HTML", beside, minSet)
	}
}

func TestMessagesAreMIME(t *testing.T) {
	for _, kb := range []int{4, 16, 75} {
		for i, m := range newSet(kb, minSet) {
			if err := checkMIME(m.raw); err != nil {
				t.Errorf("message %d of %d KB: %v", i, kb, err)
			}
		}
	}
}

// checkMIME reads all parts of a message and decodes them.
func checkMIME(raw []byte) error {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return err
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var body io.Reader = p
		if p.Header.Get("Content-Transfer-Encoding") == "base64" {
			body = base64.NewDecoder(base64.StdEncoding, p)
		}
		if _, err := io.Copy(io.Discard, body); err != nil {
			return err
		}
	}
}

func TestTokens(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range []int64{0, 1, 35, 36, 1 << 30, 1 << 60} {
		text := token(n)
		if len(text) != len(stamp) || seen[text] {
			t.Errorf("token %d is %q", n, text)
		}
		seen[text] = true
	}
}

func TestEveryPartOfASendingIsUnique(t *testing.T) {
	for _, m := range newSet(75, minSet) {
		one, two := sending(m, 1), sending(m, 2)
		if len(one) != len(m.raw) || bytes.Contains(one, []byte(stamp)) {
			t.Fatal("the stamps were not replaced")
		}
		a, b := strings.Split(string(one), "\r\n--"), strings.Split(string(two), "\r\n--")
		for i := range len(a) - 1 {
			if a[i] == b[i] {
				t.Errorf("part %d is the same in two sendings", i)
			}
		}
	}
}

// sending is what arrives of one sending of a message.
func sending(m *message, n int64) []byte {
	return bytes.ReplaceAll(m.raw, []byte(stamp), []byte(token(n)))
}
