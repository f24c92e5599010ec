package archive

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"daybook/archive/message"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What becomes a content: attachments from 1 KiB on, and small text from 6 KiB on. What
// is shorter is the entry's own text, and comes back as exactly.
func TestWhatBecomesAContent(t *testing.T) {
	words := func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "line %d of the text\r\n", i)
		}
		return b.String()[:n]
	}
	logo := func(n int) string {
		raw := base64.StdEncoding.EncodeToString(noise(n, 1))
		var b strings.Builder
		for ; len(raw) > 76; raw = raw[76:] {
			b.WriteString(raw[:76] + "\r\n")
		}
		return "--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b.String() + raw + "\r\n"
	}
	const head = "From: a@b\r\nMessage-ID: <1@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
	for _, c := range []struct {
		name             string
		body             string
		contents, inline int
	}{
		{"a short text", "From: a@b\r\n\r\n" + words(4<<10), 0, 0},
		{"a text just below the bound", "From: a@b\r\n\r\n" + words(minContent-1), 0, 0},
		{"a text at the bound", "From: a@b\r\n\r\n" + words(minContent), 1, 1},
		{"a tiny attachment", head + "--b\r\n\r\n" + words(500) + "\r\n" + logo(900) + "--b--\r\n", 0, 0},
		{"a logo", head + "--b\r\n\r\n" + words(500) + "\r\n" + logo(2500) + "--b--\r\n", 1, 0},
	} {
		a := open(t, "data", Options{FS: vfs.NewMem(), minContent: minContent})
		r := receipt([]byte(c.body), "a@b", "c@d")
		var err error
		if r.Structure, err = message.Scan(r.Body, r.Size); err != nil {
			t.Fatal(err)
		}
		e := appendOne(t, a, r)
		back, err := a.Entry(e.ID)
		if err != nil || !bytes.Equal(body(t, a, e.ID), []byte(c.body)) {
			t.Fatalf("%s does not come back: %v", c.name, err)
		}
		inline := 0
		for _, ref := range back.formula.contents {
			if ref.Inline {
				inline++
			}
		}
		if len(back.formula.contents) != c.contents || inline != c.inline {
			t.Errorf("%s: %d contents, %d of them in the text; want %d and %d", c.name, len(back.formula.contents), inline, c.contents, c.inline)
		}
		verified(t, a)
	}
	a, err := Open("data", Options{FS: vfs.NewMem(), Logger: quiet()})
	if err != nil || a.minContent != minContent {
		t.Errorf("%v; a text from %d bytes on is a content", err, a.minContent)
	}
	a.Close()
}
