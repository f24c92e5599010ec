package archive

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"daybook/archive/message"
	"daybook/archive/recipe"
)

// hardHeader is a header that is hard to take apart.
type hardHeader struct {
	name   string
	header string
	// least is how many bytes of it are decoded at least.
	least int
}

func hardHeaders() []hardHeader {
	sign := base64.StdEncoding.EncodeToString(noise(256, 1))
	long := base64.StdEncoding.EncodeToString(noise(90_000, 2))
	lines := strings.ReplaceAll(strings.TrimSuffix(base64Lines(noise(60_000, 3), 72), "\r\n"), "\r\n", "\r\n ")
	filler := strings.Repeat("X-Filler: "+strings.Repeat("filler ", 10)+"\r\n", 14_000)
	var many strings.Builder
	for n := range 70 {
		fmt.Fprintf(&many, "X-Sig-%d: %s\r\n", n, base64.StdEncoding.EncodeToString(noise(100, uint64(n))))
	}
	mixed := base64.StdEncoding.EncodeToString(noise(256, 5))
	all := []hardHeader{
		{"at the very end", "X-S: " + sign, 256},
		{"at the very end, folded", "X-S: " + sign[:72] + "\r\n\t" + sign[72:], 256},
		{"behind it nothing but a fold", "X-S: " + sign + "\r\n ", 256},
		{"behind it half a line end", "X-S: " + sign + "\r", 256},
		{"folds of blanks alone", "X-S: " + sign[:60] + "\r\n \r\n " + sign[60:] + "\r\n \r\n\t\r\n", 200},
		{"line ends of both kinds", "X-S: " + mixed[:72] + "\r\n " + mixed[72:144] + "\n " + mixed[144:] + "\n", 250},
		{"over a megabyte", filler[:1<<20-1-300] + strings.Repeat("\r\nX-S: "+sign, 4), 0},
		{"200 KB", filler[:200_000] + "\r\nX-S: " + sign, 256},
		{"more than there is room for", "X-S: " + long, 65_000},
		{"as much as there is room for, and more", "X-S: " + lines + "\r\nX-T: " + sign + "\r\n" + many.String(), 60_000},
		{"seventy", many.String(), 6400},
		{"padding at the beginning", "X-S: ==" + sign, 250},
		{"padding inside", "X-S: " + sign[:100] + "==" + sign[102:], 70},
		{"three of padding", "X-S: " + sign + "=", 250},
		{"odd bits", "X-S: " + sign[:len(sign)-3] + "h==", 250},
		{"a word that does not end", "X-S: =?utf-8?B?" + long[:4000], 0},
		{"a word of words", "X-S: =?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(sign)) + "?=\r\n =?utf-8?B?" + sign + "?=", 200},
	}
	for shift := range 4 {
		at := 1<<20 - 1 - len("X-S: ") - 90*shift
		all = append(all, hardHeader{fmt.Sprintf("over a megabyte, %d", shift), filler[:at] + "\r\nX-S: " + sign[:72] + "\r\n " + sign[72:], 0})
	}
	return all
}

// in gives the header at the ends of mails of all kinds.
func (h hardHeader) in() []string {
	inside := "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
	return []string{
		h.header, h.header + "\r\n\r\ntext\r\n", strings.ReplaceAll(h.header+"\r\n\r\ntext\r\n", "\r\n", "\n"),
		inside + h.header, inside + h.header + "\r\n\r\ntext\r\n--b--\r\n", inside + inside + h.header + "\r\n\r\ntext\r\n--b\r\n\r\n" + h.header,
		h.header + "\r\nContent-Type: message/rfc822\r\n\r\n" + h.header + "\r\n\r\n" + strings.Repeat("more text\r\n", 2000),
	}
}

// A mail that has as much as it can of all that is in a text: of a header, of signatures,
// and of small parts.
func TestTextIsBounded(t *testing.T) {
	a := open(t, t.TempDir(), Options{minContent: minContent})
	for _, size := range []int{maxLiteral - 90_000, maxLiteral - 50_000, maxLiteral - 15_000} {
		var b strings.Builder
		b.WriteString("Content-Type: multipart/mixed; boundary=b\r\n")
		for n := range 60 {
			fmt.Fprintf(&b, "X-Sig-%d: %s\r\n", n, base64.StdEncoding.EncodeToString(noise(1000, uint64(n))))
		}
		for n := 0; n < size; n += 100 {
			fmt.Fprintf(&b, "X-Filler-%06d: %s\r\n", n, strings.Repeat("filler ", 12))
		}
		for n := range 12 {
			fmt.Fprintf(&b, "\r\n--b\r\n\r\n%s", strings.Repeat(fmt.Sprintf("part %d of %d\r\n", n, size), 600))
		}
		e, err := a.Entry(appendOne(t, a, receipt([]byte(b.String()), "a@b", "c@d")).ID)
		if err != nil {
			t.Fatal(err)
		}
		if e.text.size > maxElement || e.text.size < maxElement/2 || e.formula.literal+e.formula.random > maxLiteral {
			t.Errorf("%d bytes of filler: a text of %d bytes, %d of them literal and %d random", size, e.text.size, e.formula.literal, e.formula.random)
		}
		if string(body(t, a, e.ID)) != b.String() {
			t.Errorf("%d bytes of filler: other bytes came back", size)
		}
	}
	verified(t, a)
}

// Mail with a header that is hard to take apart comes back, whole and in parts, also
// when it comes again and its segment was compacted, and what stands in it of signatures
// is decoded.
func TestHardHeaders(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{minContent: minContent})
	mails := map[uint64]string{}
	for _, h := range hardHeaders() {
		for i, mail := range h.in() {
			e, err := a.Entry(appendOne(t, a, receipt([]byte(mail), "a@b", "c@d")).ID)
			if err != nil {
				t.Fatalf("%s, mail %d: %v", h.name, i, err)
			}
			mails[e.ID] = mail
			decoded := 0
			for _, p := range e.formula.pieces {
				if p.Form == recipe.FormFolded {
					decoded += p.Stored
				}
			}
			if decoded < h.least {
				t.Errorf("%s, mail %d: %d bytes were decoded", h.name, i, decoded)
			}
			if e.text.size > maxElement {
				t.Errorf("%s, mail %d: a text of %d bytes", h.name, i, e.text.size)
			}
			again, err := a.Entry(appendOne(t, a, receipt([]byte(mail), "a@b", "c@d")).ID)
			if err != nil {
				t.Fatal(err)
			}
			mails[again.ID] = mail
			// Between the two another chain may begin.
			r, err := a.element(again.ID)
			if err != nil || r.start == e.text.start && len(r.data) > 600+len(mail)/64 {
				t.Errorf("%s, mail %d of %d bytes: the text of the second copy takes %d, %v", h.name, i, len(mail), len(r.data), err)
			}
		}
	}
	t.Logf("%d mails", len(mails))
	leave(t, a, "default", noise(5000, 99))
	if r, err := a.Compact(t.Context(), CompactOptions{}, nil); err != nil || r.Records != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	verified(t, a)
	a.Close()
	a = open(t, dir, Options{ReadOnly: true})
	for id, mail := range mails {
		if string(body(t, a, id)) != mail {
			t.Errorf("other bytes came back of entry %d", id)
		}
		inParts(t, a, id, mail)
	}
}

// inParts reads a mail where it likes.
func inParts(t *testing.T, a *Archive, id uint64, mail string) {
	t.Helper()
	r, err := a.Reader(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	chance := rand.New(rand.NewPCG(1, id))
	for range 10 {
		at := chance.IntN(len(mail))
		part := make([]byte, chance.IntN(1000))
		n, _ := r.ReadAt(part, int64(at))
		if want := mail[at:min(at+len(part), len(mail))]; string(part[:n]) != want || r.Err() != nil {
			t.Fatalf("entry %d at byte %d: %q, %v; want %q", id, at, part[:n], r.Err(), want)
		}
	}
}

// Originals that begin and end inside of signatures are written out.
func TestOriginalInSignatures(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	mail := signed(3)
	mail = slices.Concat([]byte("Content-Type: message/rfc822\r\n\r\n"), mail, mail)
	r := receipt(mail, "a@b", "c@d")
	r.Truth = &message.Truth{}
	for at := 0; at+90 < len(mail); at += len(mail) / 90 {
		r.Truth.Originals = append(r.Truth.Originals, message.Original{Start: int64(at), End: int64(at + 90)})
	}
	e := appendOne(t, a, r)
	for n, o := range r.Truth.Originals {
		var b bytes.Buffer
		if err := a.WriteOriginal(t.Context(), e.ID, n, &b); err != nil || !bytes.Equal(b.Bytes(), mail[o.Start:o.End]) {
			t.Errorf("original %d is %q, %v", n, b.Bytes(), err)
		}
	}
}
