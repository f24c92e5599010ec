package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"daybook/archive/message"
)

// TestSamePieces has one large file at other places in other messages and in other
// lines: the pieces of it are the same.
func TestSamePieces(t *testing.T) {
	data := fileBytes(5<<20 + 1)
	attach := func(width int, end, name string) string {
		return "Content-Type: application/zip; name=" + name + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
			string(inLines(data, width, end))
	}
	binary := "Content-Type: application/zip\r\nContent-Transfer-Encoding: binary\r\n\r\n" + string(data)
	messages := map[string][]byte{
		"76 columns":             partMail("b", "\r\nshort", attach(76, "\r\n", "a.zip")),
		"60 columns":             partMail("b", "\r\nanother text, "+strings.Repeat("longer ", 1999), attach(60, "\r\n", "b.zip")),
		"61 columns, LF":         partMail("b", attach(61, "\n", "c.zip")+"\n\n", "\r\nshort"),
		"one line":               partMail("b", attach(1<<30, "", "d.zip")),
		"no part of another":     leafMail("application/zip", "base64", inLines(data, 76, "\r\n")),
		"in a message in it":     partMail("c", "Content-Type: message/rfc822\r\n\r\n"+string(partMail("b", attach(100, "\r\n", "e")))),
		"not encoded":            partMail("b", binary, "\r\nx"),
		"not encoded, elsewhere": partMail("b", "\r\nx", binary),
	}
	for name, raw := range messages {
		left := data
		for _, p := range take(t, raw) {
			if p.Role != RolePart || len(left) == 0 {
				continue
			}
			n := min(MaxStored, len(left))
			if !bytes.Equal(p.stored, left[:n]) {
				t.Errorf("%s: a piece of %d bytes is not the next %d of the file", name, p.Stored, n)
				break
			}
			if len(p.Layout) > 8 {
				t.Errorf("%s: layout %v", name, p.Layout)
			}
			left = left[n:]
		}
		if len(left) > 0 {
			t.Errorf("%s: %d bytes of the file are missing", name, len(left))
		}
	}
}

// TestLargeQuoted has quoted-printable of several pieces: the text is stored as it was,
// and layouts stay short.
func TestLargeQuoted(t *testing.T) {
	for name, line := range map[string]string{
		"few escapes":  "Grüße aus München, 100 % = alles. The quick brown fox jumps over it all day long.\r\n",
		"only escapes": "üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü",
	} {
		text := bytes.Repeat([]byte(line), 3<<20/len(line))
		var got []byte
		for i, p := range take(t, partMail("b", "Content-Transfer-Encoding: quoted-printable\r\n\r\n"+string(quotedBy(text, encoder{most: 75})))) {
			if p.Role != RolePart {
				continue
			}
			if got = append(got, p.stored...); p.Form != FormQuoted || len(p.Layout) > 6 {
				t.Errorf("%s: piece %d has the form %d and the layout %v", name, i, p.Form, p.Layout)
			}
			if name == "few escapes" && len(got) < len(text) && p.Stored != MaxStored {
				t.Errorf("%s: piece %d has %d bytes", name, i, p.Stored)
			}
		}
		if !bytes.Equal(got, text) {
			t.Errorf("%s: %d bytes stored instead of %d, or others", name, len(got), len(text))
		}
	}
}

// TestAfterFooter has base64 again behind a footer: what is behind it stays raw, and is
// not tried again and again.
func TestAfterFooter(t *testing.T) {
	body := string(inLines(fileBytes(100), 76, "\n")) + "\nFooter\n" + string(inLines(fileBytes(3<<20), 76, "\n"))
	var forms []Form
	for _, p := range take(t, partMail("b", "Content-Transfer-Encoding: base64\r\n\r\n"+body)) {
		if p.Role != RoleHeader {
			forms = append(forms, p.Form)
		}
	}
	if !slices.Equal(forms[:2], []Form{FormRaw, FormBase64}) || slices.Contains(forms[2:], FormBase64) {
		t.Errorf("forms %v", forms)
	}
}

// groups gives the stored bytes of each group of text, and what stands between them.
func groups(got []took) (text []string, roles string) {
	last := -1
	for _, p := range got {
		if p.Role != RoleText {
			roles += map[Role]string{RoleHeader: "H", RolePart: "P"}[p.Role]
			continue
		}
		if p.Group != last {
			last = p.Group
			text = append(text, "")
			roles += fmt.Sprint(p.Group)
		}
		text[len(text)-1] += string(p.stored)
	}
	return text, roles
}

// TestSameText has a message as it was and in a journal report, where line ends at its
// end may be more or fewer: the group of its text is the same.
func TestSameText(t *testing.T) {
	quoted := quotedBy(bytes.Repeat([]byte("Schöne Grüße aus München\r\n"), 20), encoder{most: 75})
	for name, body := range map[string]string{
		"plain":     "Content-Type: text/plain\r\n\r\nHello,\r\n\r\nthis is it.",
		"quoted":    "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + string(quoted) + "end",
		"base64":    "Content-Transfer-Encoding: base64\r\n\r\n" + string(inLines(fileBytes(300), 76, "\r\n")),
		"multipart": strings.TrimSuffix(string(partMail("b", "\r\ntext", "Content-Transfer-Encoding: base64\r\n\r\n"+string(inLines(fileBytes(3000), 76, "\r\n")))), "\r\n"),
		"forwarded": strings.TrimSuffix(string(partMail("b", "\r\nsee this", "Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nold text\r\n")), "\r\n"),
		"truncated": "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext",
	} {
		var want []string
		for _, end := range []string{"", "\r\n", "\r\n\r\n", "\n"} {
			whole := "From: a@example.com\r\n" + body + end
			text, _ := groups(take(t, []byte(whole)))
			if want == nil {
				want = text
			}
			if len(text) < len(want) || !slices.Equal(text[:len(want)], want) {
				t.Errorf("%s, ended by %q: groups %q instead of %q", name, end, text, want)
			}
			report := partMail("report", "Content-Type: text/plain\r\n\r\nSender: a@example.com",
				"Content-Type: message/rfc822\r\n\r\nReceived: by x\r\n"+whole)
			inside, roles := groups(take(t, report))
			if len(inside) < len(want)+2 || !slices.Equal(inside[1:1+len(want)], want) {
				t.Errorf("%s, ended by %q: the groups in a report are %s %q instead of %q", name, end, roles, inside, want)
			}
		}
	}
}

// TestGroups compares where headers, groups of text and parts are.
func TestGroups(t *testing.T) {
	part := "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + string(inLines(fileBytes(2000), 76, "\r\n"))
	inner := string(partMail("i", "\r\ntext", part))
	for _, c := range []struct{ name, want, raw string }{
		{"nothing", "", ""}, // H is a header, P a part, a number a group of text
		{"only a header", "H", "Subject: x\r\n"},
		{"header and line ends", "H1", "Subject: x\r\n\r\n\r\n\r\n"},
		{"text", "H01", "Subject: x\r\n\r\ntext\r\n"},
		{"text without a line end", "H0", "Subject: x\r\n\r\ntext"},
		{"an attachment", "H0P1", string(partMail("b", "\r\ntext", part))},
		{"only an attachment", "HP1", string(leafMail("image/png", "base64", append(inLines(fileBytes(2000), 76, "\r\n"), "\r\n"...)))},
		{"a message inside", "H0H1234", string(partMail("b", "Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\ntext\r\n"))},
		{"a message inside without an end", "H0H134", string(partMail("b", "Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\ntext"))},
		{"a message alone inside", "HH12", "Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\ntext\r\n"},
		{"an attachment in a message inside", "H0H1P234", string(partMail("b", "Content-Type: message/rfc822\r\n\r\n"+inner))},
		{"two messages inside", "H0H13H467", string(partMail("b", "Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\ntext",
			"Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\ntext"))},
	} {
		_, roles := groups(take(t, []byte(c.raw)))
		if roles != c.want {
			t.Errorf("%s: %s, want %s", c.name, roles, c.want)
		}
	}
}

// endless is a message whose attachment is made while it is read.
type endless struct {
	head string
	size int64
	read int64 // bytes, again where they are read again
}

func (e *endless) ReadAt(b []byte, at int64) (int, error) {
	e.read += int64(len(b))
	line := strings.Repeat("A", 76) + "\r\n"
	n := 0
	for ; n < len(b) && at+int64(n) < e.size; n++ {
		if i := at + int64(n); i < int64(len(e.head)) {
			b[n] = e.head[i]
		} else {
			b[n] = line[(i-int64(len(e.head)))%78]
		}
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// TestMemory splits an attachment of 60 MB, and adds up what is allocated and read.
func TestMemory(t *testing.T) {
	head := string(leafMail("application/zip", "base64", nil))
	r := &endless{head: head, size: int64(len(head)) + 60e6/78*78}
	s, err := message.Scan(r, r.size)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, start := 0, r.read
	err = Split(r, r.size, s, func(p Piece, stored, _ []byte) error {
		n++
		return nil
	})
	runtime.ReadMemStats(&after)
	if err != nil || n < 40 {
		t.Fatalf("%d pieces, %v", n, err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 12<<20 {
		t.Errorf("%d bytes allocated in all", took)
	}
	if read := r.read - start; read > r.size+r.size/10 {
		t.Errorf("%d bytes read of %d", read, r.size)
	}
}

// failing fails to read behind some offset.
type failing struct {
	raw []byte
	at  int64
}

var errDisk = errors.New("no such disk")

func (f failing) ReadAt(b []byte, at int64) (int, error) {
	if end := at + int64(len(b)); end > f.at {
		return copy(b, f.raw[min(at, f.at):f.at]), errDisk
	}
	return copy(b, f.raw[at:]), nil
}

// TestErrors has reading and yield fail at every place.
func TestErrors(t *testing.T) {
	raw := partMail("b", "\r\ntext", "Content-Type: message/rfc822\r\n\r\n"+string(partMail("c",
		"Content-Transfer-Encoding: base64\r\nContent-Type: a/b\r\n\r\n"+string(inLines(fileBytes(2000), 76, "\r\n")))))
	size := int64(len(raw))
	s, err := message.Scan(bytes.NewReader(raw), size)
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(0); at < size; at += 7 {
		var wire int64
		err := Split(failing{raw, at}, size, s, func(p Piece, _, _ []byte) error { wire += p.Wire; return nil })
		if !errors.Is(err, errDisk) || wire > at {
			t.Fatalf("unreadable from %d: %d bytes yielded, %v", at, wire, err)
		}
	}
	if err := Split(bytes.NewReader(raw[:size-1]), size, s, func(Piece, []byte, []byte) error { return nil }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a message that is too short: %v", err)
	}
	for stop := range len(takeWith(t, raw, s)) {
		n := 0
		err := Split(bytes.NewReader(raw), size, s, func(Piece, []byte, []byte) error {
			if n++; n > stop {
				return errDisk
			}
			return nil
		})
		if err != errDisk || n != stop+1 {
			t.Errorf("yield failed at %d: %d calls, %v", stop, n, err)
		}
	}
}

// TestDamage rebuilds from records with damage.
func TestDamage(t *testing.T) {
	const line = 1 << 21
	for _, c := range []struct {
		name, stored string
		p            Piece
		want         string
	}{
		{"another form", "abc", Piece{Wire: 3, Stored: 3, Form: 4}, "is not known"},
		{"fewer bytes", "ab", Piece{Wire: 3, Stored: 3}, "has 2 stored bytes instead of 3"},
		{"raw with a layout", "abc", Piece{Wire: 3, Stored: 3, Layout: []byte{1}}, "with a layout of 1"},
		{"raw of another length", "abc", Piece{Wire: 4, Stored: 3}, "yields 4 bytes"},
		{"negative", "abc", Piece{Wire: -4, Stored: 3, Form: FormBase64}, "over the limit"},
		{"too large", "abc", Piece{Wire: 1 << 40, Stored: 3, Form: FormQuoted}, "over the limit"},
		{"a long layout", "abc", Piece{Wire: 4, Stored: 3, Form: FormBase64, Layout: make([]byte, MaxLayout+1)}, "over the limit"},
		{"no layout", "abc", Piece{Wire: 4, Stored: 3, Form: FormBase64}, "damaged"},
		{"no layout, quoted", "abc", Piece{Wire: 3, Stored: 3, Form: FormQuoted}, "damaged"},
		{"a column behind the line", "abc", Piece{Wire: 4, Stored: 3, Form: FormBase64, Layout: []byte{column64, 4, 4}}, "damaged"},
		{"a width of none", "abc", Piece{Wire: 4, Stored: 3, Form: FormBase64, Layout: []byte{0, 0}}, "damaged"},
		{"one byte more", "abc", Piece{Wire: 4, Stored: 3, Form: FormBase64, Layout: []byte{0, 4, 0}}, "damaged"},
		{"lines without end", "abc", Piece{Wire: line, Stored: 3, Form: FormBase64, Layout: []byte{line64List, 0, 0x80, 0x80, 0x80, 1, 0}}, "damaged"},
		{"another length", "abc", Piece{Wire: 5, Stored: 3, Form: FormBase64, Layout: []byte{0, 4}}, "another number"},
		{"encodings of other bytes", "abc", Piece{Wire: 4, Stored: 3, Form: FormBase64, Layout: []byte{endings64, 1, 2, 16, 1, 4}}, "damaged"},
		{"folded, no layout", "abc", Piece{Wire: 4, Stored: 3, Form: FormFolded}, "damaged"},
		{"folded, one byte more", "abc", Piece{Wire: 4, Stored: 3, Form: FormFolded, Layout: []byte{0, 0}}, "damaged"},
		{"folded, unknown", "abc", Piece{Wire: 4, Stored: 3, Form: FormFolded, Layout: []byte{4, 4, 4}}, "damaged"},
		{"folded, twice twice", "abc", Piece{Wire: 8, Stored: 3, Form: FormFolded, Layout: []byte{foldTwice, foldTwice, 0}}, "damaged"},
		{"folded, lines of none", "abc", Piece{Wire: 7, Stored: 3, Form: FormFolded, Layout: []byte{9, 2, 0}}, "damaged"},
		{"folded, by nothing", "abc", Piece{Wire: 4, Stored: 3, Form: FormFolded, Layout: []byte{1, 0, 2, 2}}, "damaged"},
		{"folded, another length", "abc", Piece{Wire: 6, Stored: 3, Form: FormFolded, Layout: []byte{9, 2, 2}}, "another number"},
		{"quoted, shorter", "a=c", Piece{Wire: 6, Stored: 3, Form: FormQuoted, Layout: []byte{0, 75}}, "another number"},
		{"quoted, longer", "a=c", Piece{Wire: 4, Stored: 3, Form: FormQuoted, Layout: []byte{0, 75}}, "another number"},
		{"odd bytes behind the end", "a=c", Piece{Wire: 5, Stored: 3, Form: FormQuoted, Layout: []byte{quotedOdd, 75, 1, 9}}, "damaged"},
		{"odd lines behind the end", "a=c", Piece{Wire: 5, Stored: 3, Form: FormQuoted, Layout: []byte{0, 75, 1, 1}}, "damaged"},
	} {
		got, err := c.p.AppendWire([]byte("x"), []byte(c.stored))
		if err == nil || !strings.Contains(err.Error(), c.want) || string(got) != "x" {
			t.Errorf("%s: %q, error %v", c.name, got, err)
		}
	}
}
