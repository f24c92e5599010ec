package archive

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// signed is mail with a signature of 2048 bits as a server folds it.
func signed(n int) []byte {
	chars := base64.StdEncoding.EncodeToString(noise(256, uint64(n)))
	lines := strings.TrimSuffix(base64Lines(noise(256, uint64(n)), 72), "\r\n")
	return fmt.Appendf(nil, "ARC-Seal: i=1; a=rsa-sha256; d=example.com; b=%s\r\n"+
		"DKIM-Signature: v=1; a=rsa-sha256; d=example.com;\r\n\tb=%s\r\nFrom: a@example.com\r\nSubject: %d\r\n\r\nHello\r\n",
		chars, strings.ReplaceAll(lines, "\r\n", "\r\n\t"), n)
}

// Signatures stand at the end of the text, decoded; the mail is read and verified like any
// other, also when it came again, and when the catalog was made anew.
func TestSignedMail(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{})
	mails := map[uint64][]byte{}
	for n := range 40 {
		mail := signed(n % 30) // some come twice
		e, err := a.Entry(appendOne(t, a, receipt(mail, "a@b", "c@d")).ID)
		if err != nil {
			t.Fatal(err)
		}
		mails[e.ID] = mail
		text, err := a.text(t.Context(), e.ID, &e.text)
		if err != nil {
			t.Fatal(err)
		}
		sign := noise(256, uint64(n%30))
		if e.formula.random != 2*len(sign) || !bytes.HasSuffix(text, append(sign, sign...)) || bytes.Contains(text, []byte("==")) {
			t.Fatalf("entry %d has the text %q, of which %d bytes look random", e.ID, text, e.formula.random)
		}
		if size := len(e.formula.encode()); size > 2*8+2*3+2 {
			t.Errorf("entry %d: the formula takes %d bytes", e.ID, size)
		}
		stored, err := a.element(e.ID)
		if err != nil {
			t.Fatal(err)
		}
		if n >= 30 && len(stored.data) > len(sign)/2 {
			t.Errorf("entry %d: the text of mail that came before takes %d bytes", e.ID, len(stored.data))
		}
	}
	check := func(a *Archive) {
		t.Helper()
		for id, mail := range mails {
			if !bytes.Equal(body(t, a, id), mail) {
				t.Errorf("other bytes came back of entry %d", id)
			}
			r, err := a.Reader(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			for at := 0; at < len(mail); at += 61 {
				part := make([]byte, 100)
				n, err := r.ReadAt(part, int64(at))
				if err != nil && err != io.EOF || !bytes.Equal(part[:n], mail[at:min(at+100, len(mail))]) {
					t.Fatalf("entry %d at byte %d: %q, %v", id, at, part[:n], err)
				}
			}
		}
		verified(t, a)
	}
	check(a)
	a.Close()
	if _, err := Rebuild(t.Context(), dir, Options{Logger: quiet()}, nil, func(d Damage) { t.Error(d) }); err != nil {
		t.Fatalf("rebuild: %v", err)
	}
	check(open(t, dir, Options{}))
}

// A mail of more signatures and text than a text holds comes back.
func TestSignedMailWithALongHeader(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	for _, size := range []int{maxLiteral - 900, maxLiteral - 400, maxLiteral - 100, maxLiteral, maxElement} {
		line := "X-Filler: " + strings.Repeat("filler ", 100) + "\r\n"
		mail := append([]byte(strings.Repeat(line, size/len(line)+1)[len(line)-size%len(line):]), signed(size)...)
		e, err := a.Entry(appendOne(t, a, receipt(mail, "a@b", "c@d")).ID)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(body(t, a, e.ID), mail) {
			t.Errorf("with %d bytes before: other bytes came back", size)
		}
		if e.text.size > maxElement {
			t.Errorf("with %d bytes before: a text of %d bytes", size, e.text.size)
		}
	}
	verified(t, a)
}

// A text that was cut short is damage, and no more.
func TestSignatureThatIsMissing(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	e, err := a.Entry(appendOne(t, a, receipt(signed(1), "a@b", "c@d")).ID)
	if err != nil {
		t.Fatal(err)
	}
	text, err := a.text(t.Context(), e.ID, &e.text)
	if err != nil || len(text) <= e.formula.random {
		t.Fatalf("a text of %d bytes, %v", len(text), err)
	}
	for n := range text {
		s := e.stored()
		s.text = element{as: textRaw, size: n, data: text[:n]}
		err := a.writeStored(t.Context(), s, io.Discard)
		if d := (*Damage)(nil); !errors.As(err, &d) || d.Entry != e.ID {
			t.Errorf("%d bytes of the text are left: %v", n, err)
		}
	}
}
