package message

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// identify writes the canonical form to w, and gives all of the identity but its digest.
func identify(ctx context.Context, in input, s *Structure, w io.Writer) (Identity, error) {
	d := newIdentification(true)
	err := d.run(ctx, in, s, w)
	return d.id, err
}

// identityOf gives the identity of a message and its canonical form. It checks what
// holds of every identity.
func identityOf(t testing.TB, raw []byte, windows ...int) (Identity, string) {
	t.Helper()
	s := mustScan(t, raw)
	var identifier Identifier
	id, err := Identify(context.Background(), inMemory(raw), int64(len(raw)), s)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		short, err := identifier.Identify(context.Background(), inMemory(raw), int64(len(raw)), s)
		if err != nil || short.Canonical != id.Canonical || short.MessageID != id.MessageID || short.Fields != id.Fields {
			t.Fatalf("in short %+v, %v, in full %+v", short, err, id)
		}
	}
	var form bytes.Buffer
	if _, err := identify(context.Background(), newInput(inMemory(raw), int64(len(raw)), windowSize), s, &form); err != nil {
		t.Fatal(err)
	}
	for _, w := range append(windows, windowSize) {
		var got bytes.Buffer
		if _, err := identify(context.Background(), newInput(bytes.NewReader(raw), int64(len(raw)), w), s, &got); err != nil {
			t.Fatalf("with a window of %d bytes: %v", w, err)
		}
		if got.String() != form.String() {
			t.Fatalf("with a window of %d bytes:\n%s\nin memory:\n%s", w, got.String(), form.String())
		}
	}
	if none := id.Canonical == [32]byte{}; none != (id.MessageID == "") {
		t.Fatalf("the Message-ID is %q, but the digest is %x", id.MessageID, id.Canonical)
	}
	if len(id.Contents) > maxContents+1 || len(id.MessageID) > maxMessageID {
		t.Fatalf("%d contents, a Message-ID of %d bytes", len(id.Contents), len(id.MessageID))
	}
	for _, it := range append([]Item{id.From, id.Date, id.Subject, id.Structure}, id.Contents...) {
		if len(it.Name) > maxValue || len(it.Detail) > maxValue {
			t.Fatalf("the texts of an item have %d and %d bytes", len(it.Name), len(it.Detail))
		}
	}
	return id, form.String()
}

// A vector is a mail and others beside it. Its line ends are CRLF. What stands in
// brackets behind a name changes that: [lf], [cut] takes the last line end away,
// [escapes] reads \t, \s, \r, \\ and \xNN.
func vectorMail(t *testing.T, f txtar.File) (name string, raw []byte) {
	t.Helper()
	name, how, _ := strings.Cut(strings.TrimSuffix(f.Name, "]"), " [")
	raw = f.Data
	if !strings.Contains(how, "lf") {
		raw = bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))
	}
	if strings.Contains(how, "cut") {
		raw = trimLineEnd(raw)
	}
	if strings.Contains(how, "escapes") {
		text := strings.NewReplacer("\n", `\n`, "\r", `\r`, `"`, `\"`, `\s`, ` `).Replace(string(raw))
		plain, err := strconv.Unquote(`"` + text + `"`)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		raw = []byte(plain)
	}
	return name, raw
}

func TestIdentityVectors(t *testing.T) {
	files, err := filepath.Glob("testdata/identity/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) { checkVectors(t, name) })
	}
}

func checkVectors(t *testing.T, name string) {
	a, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var original Identity
	var got, want strings.Builder
	mails := a.Files[:0:0]
	for _, f := range a.Files {
		if f.Name == "canonical" {
			want.Write(f.Data)
			continue
		}
		mails = append(mails, f)
		title, raw := vectorMail(t, f)
		id, form := identityOf(t, raw, 1, 2, 7, 64)
		verdict, _, _ := strings.Cut(title, ":")
		fmt.Fprintf(&got, "# %s\n", title)
		same := id.Canonical == original.Canonical
		switch none := id.Canonical == [32]byte{}; {
		case verdict == "original" && len(mails) == 1:
			original = id
		case verdict == "same" && (none || !same), verdict == "different" && (none || same), verdict == "none" && !none:
			t.Errorf("%s: it is not so:\n%s", title, form)
		case verdict != "same" && verdict != "different" && verdict != "none":
			t.Errorf("%s: a name is original, or begins with same:, different: or none:", title)
		}
		checkCompare(t, title, original, id)
		if verdict != "same" {
			fmt.Fprintf(&got, "%s%x\n", form, id.Canonical)
		}
	}
	if os.Getenv("UPDATE") != "" {
		a.Files = append(mails, txtar.File{Name: "canonical", Data: []byte(got.String())})
		if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got.String() != want.String() {
		t.Errorf("the canonical forms changed: every archive knows its mail by them. Got\n%s\nwant\n%s", got.String(), want.String())
	}
}

// checkCompare checks that a comparison says the same as the digests.
func checkCompare(t testing.TB, title string, a, b Identity) {
	t.Helper()
	if a.MessageID == "" || b.MessageID == "" {
		return
	}
	equal := true
	for _, d := range a.Compare(&b) {
		equal = equal && d.Equal
	}
	if same := a.Canonical == b.Canonical; same != equal {
		t.Errorf("%s: the same is %v, but the comparison says\n%+v", title, same, a.Compare(&b))
	}
}

func TestCompare(t *testing.T) {
	const head = "Message-ID: <a@b>\r\nFrom: Ann <Ann@x.example>\r\nDate: Sun, 22 Nov 2026 11:00:00 +0100\r\n"
	a, _ := identityOf(t, []byte(head+"Subject: one\r\n\r\ntext\r\n"))
	b, _ := identityOf(t, []byte(head+"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n"+
		"Content-Type: text/html; charset=utf-8\r\nContent-Disposition: attachment; filename=x.html\r\n\r\nmore\r\n--b--\r\n"))
	var got strings.Builder
	for _, d := range a.Compare(&b) {
		fmt.Fprintf(&got, "%s | %s | %s | %v\n", d.Name, d.A, d.B, d.Equal)
	}
	const want = `Message-ID | a@b | a@b | true
From | <ann@x.example> | <ann@x.example> | true
Date | 2026-11-22T10:00:00Z | 2026-11-22T10:00:00Z | true
Subject | one |  | false
Structure | text/plain | multipart/mixed(text/plain text/html) | false
Content 1 | text/plain; charset: us-ascii, 4 bytes, CONTENT1 | text/plain; charset: us-ascii, 4 bytes, CONTENT1 | true
Content 2 |  | text/html; content-disposition: attachment; content-disposition: filename=x.html; charset: us-ascii, 4 bytes, CONTENT2 | false
`
	text := strings.NewReplacer("CONTENT1", fmt.Sprintf("%x", b.Contents[0].Digest[:8]), "CONTENT2", fmt.Sprintf("%x", b.Contents[1].Digest[:8])).Replace(want)
	if got.String() != text {
		t.Errorf("got\n%swant\n%s", got.String(), text)
	}
	var none Identity
	if none.Compare(&none)[0].Equal {
		t.Error("two missing Message-IDs are equal")
	}
}

// Fields leaves out Subject and body, and is not there without one of its three fields.
func TestIdentityFields(t *testing.T) {
	const head = "Message-ID: <a@b>\r\nFrom: a@x.example\r\nDate: Sun, 22 Nov 2026 11:00:00 +0100\r\n"
	a, _ := identityOf(t, []byte(head+"Subject: one\r\n\r\ntext\r\n"))
	b, _ := identityOf(t, []byte("Received: by x\r\n"+head+"Subject: two\r\n\r\nother text\r\n"))
	if a.Fields != b.Fields || a.Fields == [32]byte{} || a.Canonical == b.Canonical {
		t.Errorf("fields %x and %x, canonical %x and %x", a.Fields, b.Fields, a.Canonical, b.Canonical)
	}
	c, _ := identityOf(t, []byte(strings.Replace(head, "a@x", "b@x", 1)+"\r\n"))
	if c.Fields == a.Fields {
		t.Error("another author does not change the digest of the fields")
	}
	for _, name := range []string{"Message-ID", "From", "Date"} {
		id, _ := identityOf(t, []byte(strings.Replace(head, name, "X-"+name, 1)+"\r\n"))
		if id.Fields != [32]byte{} {
			t.Errorf("without %s there is the digest %x", name, id.Fields)
		}
	}
}

func TestIdentityBounds(t *testing.T) {
	const head = "Message-ID: <a@b>\r\nFrom: a@x.example\r\n"
	many := head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\ntext\r\n", 200)
	a, _ := identityOf(t, []byte(many+"--b--\r\n"))
	b, _ := identityOf(t, []byte(strings.TrimSuffix(many, "text\r\n")+"next\r\n--b--\r\n"))
	if n := len(a.Contents); n != maxContents+1 || a.Contents[n-1].Name != "136 more" || a.Contents[n-1].Size != 136*4 {
		t.Errorf("%d contents, the last is %+v", n, a.Contents[n-1])
	}
	checkCompare(t, "the last part of 200", a, b)
	if a.Canonical == b.Canonical {
		t.Error("the last part of 200 does not count")
	}

	long, _ := identityOf(t, []byte("Message-ID: <"+strings.Repeat("a", maxMessageID+1)+">\r\n\r\n"))
	if !strings.HasPrefix(long.MessageID, "sha256:") || len(long.MessageID) != 7+64 {
		t.Errorf("a long Message-ID is told as %q", long.MessageID)
	}
	both, _ := identityOf(t, []byte("Message-ID: <"+strings.Repeat("a", maxMessageID+1)+">\r\nMessage-ID: <"+long.MessageID+">\r\n\r\n"))
	if both.MessageID != "" {
		t.Errorf("a long Message-ID and one that looks like its digest are one: %q", both.MessageID)
	}
	full, _ := identityOf(t, []byte(head+strings.Repeat("X: y\r\n", MaxHeader/6)+"Subject: late\r\n\r\n"))
	if full.Canonical != [32]byte{} {
		t.Error("a header that is not read to its end gives an identity")
	}

	// What a long header of a part says is not read: it counts, and so does every blank.
	part := head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" +
		strings.Repeat("X: y\r\n", MaxHeader/6) + "Content-Type: text/plain; charset=CHARSET\r\n\r\nx \r\n\r\n--b--\r\n"
	var seen []Identity
	for _, raw := range []string{part, strings.Replace(part, "CHARSET", "charset", 1), strings.Replace(part, "x \r", "x\r", 1)} {
		id, _ := identityOf(t, []byte(raw), 1000)
		for _, before := range seen {
			if id.Canonical == before.Canonical || id.MessageID == "" {
				t.Errorf("with a long header of a part, %q does not count", raw[len(raw)-100:])
			}
		}
		seen = append(seen, id)
	}
}

// A subject, a file name or a blank run of any length counts to its last byte.
func TestIdentityCountsToTheEnd(t *testing.T) {
	const head = "Message-ID: <a@b>\r\n"
	const multi = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	nested := ""
	for i := range maxDepth + 6 {
		nested += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	for _, c := range []struct{ name, before, after string }{
		{"too many parts", head + multi + strings.Repeat("--b\r\n\r\na\r\n", maxParts+1), "\r\n--b--\r\n"},
		{"too many messages", head + multi + strings.Repeat("--b\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\na\r\n", maxParts), "\r\n--b--\r\n"},
		{"too deep", head + nested + "\r\n", "\r\n"},
		{"a boundary that is not there", head + multi, "\r\n"},
		{"subject", head + "Subject: " + strings.Repeat("a", 100_000), "\r\n\r\n"},
		{"subject with an encoded word", head + "Subject: =?utf-8?q?a?= " + strings.Repeat("a", 100_000), "\r\n\r\n"},
		{"from", head + "From: " + strings.Repeat("a", 100_000), "@x.example\r\n\r\n"},
		{"date", head + "Date: " + strings.Repeat("1", 100_000), "\r\n\r\n"},
		{"file name", head + "Content-Disposition: attachment; filename=" + strings.Repeat("a", 100_000), "\r\n\r\n"},
		{"content type", head + "Content-Type: text/plain; x=" + strings.Repeat("a", 100_000), "\r\n\r\n"},
		{"text behind blanks", head + "\r\n" + strings.Repeat(" ", 3*maxBlanks), "\r\n"},
		{"text behind blank lines", head + "\r\n" + strings.Repeat("\r\n", 100_000), "\r\n"},
		{"text behind much text", head + "\r\n" + strings.Repeat("line of text\r\n", 100_000), "\r\n"},
	} {
		a, _ := identityOf(t, []byte(c.before+"x"+c.after), 1000)
		b, _ := identityOf(t, []byte(c.before+"y"+c.after))
		if a.Canonical == b.Canonical || a.Canonical == [32]byte{} {
			t.Errorf("%s: the last letter does not count", c.name)
		}
	}
}

// An Identifier gives what Identify gives, whatever it has read before, and for several
// mails at a time.
func TestIdentifier(t *testing.T) {
	var identifier Identifier
	mails := [][]byte{
		[]byte(everydayMail(4 << 10)["alternative"]), []byte(everydayMail(40 << 10)["attachment"]), []byte(everydayMail(40 << 10)["text"]),
		[]byte("Message-ID: <a@b>\r\n" + strings.Repeat("From: a@b\r\n", 2*maxSpareFields) + "\r\nx"),
		[]byte("Message-ID: <a@b>\r\nDate: " + strings.Repeat("x", 2*maxSpare) + "\r\n\r\nx"),
		[]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--bb\r\n" + strings.Repeat("x", 3*windowSize)), nil,
	}
	var group sync.WaitGroup
	for _, raw := range mails {
		s := mustScan(t, raw)
		want, err := Identify(context.Background(), inMemory(raw), int64(len(raw)), s)
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			cancelled, cancel := context.WithCancel(context.Background())
			cancel()
			for n := range 20 {
				got, err := identifier.Identify(context.Background(), inMemory(raw), int64(len(raw)), s)
				if n%2 == 0 {
					got, err = identifier.Identify(context.Background(), bytes.NewReader(raw), int64(len(raw)), s)
				}
				if err != nil || got.Canonical != want.Canonical || got.MessageID != want.MessageID || got.Fields != want.Fields {
					t.Errorf("%+v, %v, want %+v", got, err, want)
					return
				}
				if _, err := identifier.Identify(cancelled, inMemory(raw), int64(len(raw)), s); err == nil {
					t.Error("cancelled, there is no error")
				}
			}
		})
	}
	group.Wait()
}

// Of a mail that has been read an Identifier keeps nothing.
func TestIdentifierLetsGo(t *testing.T) {
	d := newIdentification(false)
	raw := []byte(everydayMail(4 << 10)["alternative"])
	if _, err := d.identify(context.Background(), newInput(inMemory(raw), int64(len(raw)), windowSize), mustScan(t, raw)); err != nil {
		t.Fatal(err)
	}
	d.reset()
	h := &d.head
	for _, f := range h.fields[:cap(h.fields)] {
		if f.name != nil || f.value != nil {
			t.Errorf("the field %q is still there", f.name)
		}
	}
	for _, f := range h.known[:cap(h.known)] {
		if f.name != "" || f.value != nil {
			t.Errorf("the field %q is still there", f.name)
		}
	}
	for _, l := range h.lines[:cap(h.lines)] {
		if l != (line{}) {
			t.Errorf("the line %q is still there", l)
		}
	}
	if cap(h.fields) == 0 || d.in.held != nil || d.parts != nil || h.boundary != "" {
		t.Errorf("%d fields, %d bytes, %d parts, the boundary %q are still there", cap(h.fields), len(d.in.held), len(d.parts), h.boundary)
	}
}

func TestIdentifyErrors(t *testing.T) {
	raw := []byte("Message-ID: <a@b>\r\n\r\ntext\r\n")
	s := mustScan(t, raw)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if id, err := Identify(ctx, inMemory(raw), int64(len(raw)), s); !errors.Is(err, context.Canceled) || id.MessageID != "" {
		t.Errorf("cancelled: %+v, %v", id, err)
	}
	if _, err := Identify(context.Background(), bytes.NewReader(raw[:10]), int64(len(raw)), s); err == nil {
		t.Error("a message that breaks off gives no error")
	}
	if _, err := Identify(context.Background(), inMemory(nil), 0, mustScan(t, nil)); err != nil {
		t.Errorf("an empty message: %v", err)
	}
	// A structure of another message gives another identity, but no panic.
	if _, err := Identify(context.Background(), inMemory(raw[:20]), 20, s); err != nil {
		t.Errorf("a structure that is too long: %v", err)
	}
}

// What does not count in a mail with everything in it, letter by letter: the letters
// that can be changed one at a time stay, all others are shown as #.
func TestIdentityLetters(t *testing.T) {
	const name = "testdata/identity-letters.txt"
	a, err := txtar.ParseFile(name)
	if err != nil || len(a.Files) == 0 {
		t.Fatalf("%s: %v", name, err)
	}
	_, raw := vectorMail(t, a.Files[0])
	id, _ := identityOf(t, raw)
	got := bytes.Clone(raw)
	for i, c := range raw {
		if c <= ' ' {
			continue
		}
		raw[i] = 'z'
		if c == 'z' {
			raw[i] = 'y'
		}
		if other, _ := identityOf(t, raw); other.Canonical != id.Canonical {
			got[i] = '#'
		}
		raw[i] = c
	}
	got = bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n"))
	if os.Getenv("UPDATE") != "" {
		a.Files = []txtar.File{a.Files[0], {Name: "letters that do not count", Data: got}}
		if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if len(a.Files) != 2 || string(a.Files[1].Data) != string(got) {
		t.Errorf("the letters that do not count are\n%s", got)
	}
}
