package message

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzIdentity checks that every message has an identity, the same through windows of
// any size, and that what a relay adds on top changes nothing.
func FuzzIdentity(f *testing.F) {
	files, _ := filepath.Glob("testdata/identity/*.txt")
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, mail := range a.Files {
			if mail.Name != "canonical" {
				f.Add(mail.Data, uint8(len(mail.Data)))
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, window uint8) {
		id, form := identityOf(t, raw, int(window)+1)
		checkCompare(t, "itself", id, id)
		if !wellFormed(raw) {
			return
		}
		added := append([]byte("Received: by mx.example\r\n\twith ESMTP; Sun, 22 Nov 2026 11:00:00 +0100\r\nX-Foo: bar\r\n"), raw...)
		if again, now := identityOf(t, added); now != form || again.Canonical != id.Canonical || again.Fields != id.Fields {
			t.Errorf("fields on top changed it from\n%s\nto\n%s", form, now)
		}
	})
}

// wellFormed tells whether a message begins with a header field, and with nothing that
// field lines above it would take for their own, or end before.
func wellFormed(raw []byte) bool {
	head, _, _ := bytes.Cut(raw, []byte("\n"))
	name, _, found := bytes.Cut(head, []byte(":"))
	return found && isFieldName(bytes.TrimRight(name, " \t")) && len(raw) < MaxHeader/2
}

// What a reader of a text can see makes another mail, wherever it is put.
func FuzzIdentityText(f *testing.F) {
	f.Add("I owe you 10 EUR.\nYours", uint(8), byte('9'))
	f.Add(" \t=\r\n", uint(1), byte('x'))
	f.Fuzz(func(t *testing.T, text string, at uint, c byte) {
		if text == "" || c <= ' ' || c >= 0x7f {
			return
		}
		at %= uint(len(text))
		other := text[:at] + string(c) + text[at:]
		if other == text {
			return
		}
		for _, encoding := range []string{"8bit", "quoted-printable", "base64"} {
			if encoding == "quoted-printable" && strings.ContainsAny(text+string(c), "=") {
				continue
			}
			head := "Message-ID: <a@b>\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n"
			a, _ := identityOf(t, []byte(head+text))
			b, form := identityOf(t, []byte(head+other))
			if a.Canonical == b.Canonical {
				t.Errorf("in %s, %q and %q are the same:\n%s", encoding, text, other, form)
			}
		}
	})
}

// A message that was stored with LF and the same with CRLF are one mail, but for parts
// whose bytes are no lines.
func TestIdentityCorpus(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/corpus/*/*")
	if len(files) == 0 {
		t.Skip("the message corpus beside the checkout is not there")
	}
	exceptions := []string{
		"cpython/msg_14.txt", // "text; charset=us-ascii" is no media type with a charset that is known
		"cpython/msg_32.txt", // a charset in a charset that is not known
		"mikel-mail/emails__plain_emails__raw_email10.eml", // charset=X-UNKNOWN
		"stalwart/thirdparty__005.eml",                     // UTF-16 as it stands
	}
	var differ []string
	identified, first := 0, make(map[[32]byte]string)
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lf := bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
		a, form := identityOf(t, lf, 100)
		b, other := identityOf(t, bytes.ReplaceAll(lf, []byte("\n"), []byte("\r\n")))
		base := filepath.Join(filepath.Base(filepath.Dir(name)), filepath.Base(name))
		if form != other && !slices.Contains(exceptions, base) {
			differ = append(differ, fmt.Sprintf("%s:\n%+v", base, a.Compare(&b)))
		}
		if a.MessageID == "" {
			continue
		}
		identified++
		if before, again := first[a.Canonical]; again {
			t.Logf("%s is the same mail as %s", base, before)
		} else {
			first[a.Canonical] = base
		}
	}
	for _, d := range differ {
		t.Errorf("with LF and with CRLF it is not the same: %s", d)
	}
	if identified < len(files)/3 {
		t.Errorf("only %d of %d messages have an identity", identified, len(files))
	}
}

func BenchmarkIdentify(b *testing.B) {
	const head = "Message-ID: <a@b>\r\nFrom: a@x.example\r\nDate: Sun, 22 Nov 2026 11:00:00 +0100\r\nSubject: x\r\n"
	const part = head + "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	text := strings.Repeat("A line of text as it stands in a mail, of seventy bytes and some more.\r\n", 1<<20/72)
	for _, c := range []struct{ name, raw string }{
		{"small", head + "\r\nDear Bob,\r\n\r\nthe minutes.\r\n"},
		{"base64-10MB", part + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 10<<20/78)},
		{"base64-odd-lines", part + strings.Repeat(strings.Repeat("QUJD", 19)+"Q\r\nUJD\r\n", 10<<20/84)},
		{"base64-one-line", part + strings.Repeat("QUJD", 10<<20/4)},
		{"text", head + "\r\n" + text},
		{"quoted-printable", head + "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.ReplaceAll(text, "as", "=61s")},
		{"blanks", head + "\r\n" + strings.Repeat(" \r", 10<<20/2)},
		{"equals-signs", head + "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("=", 10<<20)},
		{"from-comments", "Message-ID: <a@b>\r\n" + strings.Repeat("From: "+strings.Repeat("(", 16<<10-10)+"\r\n", 15)},
		{"from-list", "Message-ID: <a@b>\r\n" + strings.Repeat("From: "+strings.Repeat("a@b,", 4<<10-10)+"c@d\r\n", 15)},
		{"from-words", "Message-ID: <a@b>\r\n" + strings.Repeat("From: "+strings.Repeat("=?a?q?b?= ", 1600)+"<c@d>\r\n", 15)},
		{"subject-words", "Message-ID: <a@b>\r\n" + strings.Repeat("Subject: "+strings.Repeat("=?gb2312?q?b?= ", 1000)+"\r\n", 15)},
		{"id-comments", "Message-ID: " + strings.Repeat("(", 250<<10) + "\r\n"},
		{"sections", head + strings.Repeat("Content-Type: text/plain; "+strings.Repeat("a*=b; c*1=d; ", 1200)+"\r\n", 15)},
		{"preambles", head + strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n"+strings.Repeat("x\r\n", 1000)+"--b\r\n", 60)},
	} {
		raw := []byte(c.raw)
		s := mustScan(b, raw)
		for _, memory := range []bool{true, false} {
			name := c.name + "/memory"
			var r interface {
				ReadAt([]byte, int64) (int, error)
			} = inMemory(raw)
			if !memory {
				name, r = c.name+"/window", bytes.NewReader(raw)
			}
			b.Run(name, func(b *testing.B) {
				b.SetBytes(int64(len(raw)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := Identify(context.Background(), r, int64(len(raw)), s); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
