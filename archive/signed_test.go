package archive

import (
	"bytes"
	"encoding/base64"
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

// A signature stands in the formula, decoded, and not in the text; the mail is read and
// verified like any other, also after it was joined and when the catalog is made anew.
func TestSignedMail(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{})
	mails := map[uint64][]byte{}
	for n := range 40 {
		mail := signed(n % 30) // some come twice
		e := appendOne(t, a, receipt(mail, "a@b", "c@d"))
		mails[e.ID] = mail
		folded, numbers := 0, e.formula.encode()
		for _, p := range e.formula.pieces {
			if p.from == own {
				folded++
			}
		}
		if folded != 2 || !bytes.Contains(numbers, noise(256, uint64(n%30))) || e.text.size > 300 {
			t.Fatalf("entry %d: %d signatures in the formula, a text of %d bytes", e.ID, folded, e.text.size)
		}
		if len(numbers) > 2*(256+8)+2*3+8 {
			t.Errorf("entry %d: the formula takes %d bytes", e.ID, len(numbers))
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

// A signature whose stored bytes were changed is damage, and its neighbours are not.
func TestSignatureThatIsDamaged(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	e := appendOne(t, a, receipt(signed(1), "a@b", "c@d"))
	for i, p := range e.formula.pieces {
		if p.from != own {
			continue
		}
		s := *e.stored()
		f := *s.formula
		f.pieces = bytesChanged(f.pieces, i)
		s.formula = &f
		err := a.writeStored(t.Context(), &s, io.Discard)
		if d, ok := err.(*Damage); !ok || d.Entry != e.ID {
			t.Errorf("piece %d was changed: %v", i, err)
		}
	}
}

// bytesChanged gives pieces one of which has another byte of its own.
func bytesChanged(pieces []sourced, i int) []sourced {
	pieces = append([]sourced(nil), pieces...)
	pieces[i].own = bytes.Clone(pieces[i].own)
	pieces[i].own[0] ^= 1
	return pieces
}
