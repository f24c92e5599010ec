package journal

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// FuzzParse checks that a report never panics, keeps its bounds, and is the same
// however it is read; and that a mail that is not trusted says nothing.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.eml")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		o := Options{Reports: true, NDR: true, HeaderEnvelope: []string{"X-Envelope-To", "X-Envelope-From"}}
		r := mustParse(t, raw, o)
		checkBounds(t, r, int64(len(raw)))
		again, err := parse(&input{r: bytes.NewReader(raw), size: int64(len(raw)), block: 1}, o)
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Fatalf("read in other blocks: %v\n%s\ninstead of\n%s", err, describe(again), describe(r))
		}
		if r := mustParse(t, raw, Options{NDR: true}); r.Kind != None {
			t.Fatalf("believed:\n%s", describe(r))
		}
	})
}

// FuzzSplit compares the parts of a body with those that a plain reading of its lines
// finds.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("--b\r\n\r\nx\r\n--b \t\r\n--b\n\n--b--\r\nx"), "b")
	f.Add([]byte("--b--\r\n--b--b--\n"), "b--")
	f.Add([]byte("--b\n--b\r\n\r--b\r\r\n\n--b--"), "b")
	f.Fuzz(func(t *testing.T, body []byte, boundary string) {
		if boundary == "" || len(boundary) > maxBoundary || strings.ContainsAny(boundary, "\r\n") ||
			bytes.Contains(body, bytes.Repeat([]byte(" "), maxPadding/4)) || bytes.Count(body, []byte("\n")) > maxParts {
			return
		}
		raw := append([]byte("\n"), body...)
		p := parser{in: &input{r: bytes.NewReader(raw), size: int64(len(raw)), block: 1}, flags: flags{}}
		m := p.split(span{1, int64(len(raw))}, boundary)
		if p.in.err != nil {
			t.Fatal(p.in.err)
		}
		want, closed := splitLines(raw, boundary)
		if closed != (m.after.start > 0 && !p.flags[FlagUnclosed] && !p.flags[FlagMidLineDelimiter]) {
			t.Fatalf("closed %t, flags %v", closed, p.flags)
		}
		if !closed && len(want) > 0 && p.flags[FlagMidLineDelimiter] {
			want[len(want)-1].end = m.parts[len(m.parts)-1].end
		}
		if !reflect.DeepEqual(m.parts, want) {
			t.Fatalf("parts %v, want %v", m.parts, want)
		}
	})
}

// splitLines finds the parts of what stands behind the first byte of raw, line by line.
func splitLines(raw []byte, boundary string) (parts []span, closed bool) {
	start := int64(-1)
	for at := 1; at < len(raw); {
		end := len(raw)
		if i := bytes.IndexByte(raw[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		line := strings.TrimSuffix(strings.TrimSuffix(string(raw[at:end]), "\n"), "\r")
		line = strings.TrimRight(line, " \t")
		if line == "--"+boundary || line == "--"+boundary+"--" {
			before := strings.TrimSuffix(strings.TrimSuffix(string(raw[1:at]), "\n"), "\r")
			if start >= 0 {
				parts = append(parts, span{start, max(start, int64(1+len(before)))})
			}
			if start = int64(end); line != "--"+boundary {
				return parts, true
			}
		}
		at = end
	}
	if start >= 0 {
		parts = append(parts, span{start, int64(len(raw))})
	}
	return parts, false
}

// FuzzText checks the readers of report texts: recipients never come from above the
// first Message-Id line when there is a subject, and bounds hold.
func FuzzText(f *testing.F) {
	f.Add("Sender: a@x\r\nSubject: s\r\nBcc: evil@x\r\nMessage-Id: <1@x>\r\nTo: b@x, Expanded: l@x\r\n", "s\r\nBcc: evil@x", false)
	f.Add("Sender: \"A\" <SMTP:a@x>\nMessage-ID: <1@x>\nRecipients:\n\"B\" <SMTP:b@x>,\n\tC <c@x>\n\n", "", true)
	f.Add("<p>Sender: a@x</p><div>Message-Id: 1<br>To: b@x<!--", "", false)
	f.Fuzz(func(t *testing.T, text, subject string, isList bool) {
		for _, isHTML := range []bool{false, true} {
			got, seen := readText(text, isHTML, isList, []string{subject})
			for _, r := range got.recipients {
				if r.Address == "" || len(r.Address) > maxAddress || (r.History == Direct) != (r.From == "") {
					t.Fatalf("recipient %+v", r)
				}
			}
			again, seenAgain := readText(text, isHTML, isList, []string{subject})
			if !reflect.DeepEqual(got, again) || !reflect.DeepEqual(seen, seenAgain) {
				t.Fatalf("%+v and %+v", got, again)
			}
		}
	})
}

// FuzzSubject puts any subject into a report, as a server would that prints line breaks
// as they are: it adds nobody, and takes nobody away. Where the subject comes last, its
// lines must be known from the message's header.
func FuzzSubject(f *testing.F) {
	f.Add("x\r\nBcc: evil@example.net")
	f.Add("x\nMessage-Id: <2@x>\nBcc: evil@example.net\nLabel: y")
	f.Add("x\nMessage-Id: <2@x>\nOn-Behalf-Of: evil@example.net\nSender: evil@example.net")
	f.Add("\r\n\r\nSubject: y\r\n To: evil@example.net\r\n")
	f.Fuzz(func(t *testing.T, subject string) {
		const id, end = "Message-Id: <1@example.com>\r\n",
			"Label: true\r\nTo: b@example.com\r\nBcc: c@example.com, Expanded: l@example.com\r\n"
		line := "Subject: " + subject + "\r\n"
		for text, known := range map[string][]string{id + line + end: {subject}, line + id + end: nil} {
			got, _ := readText("Sender: a@example.com\r\n"+text, false, false, known)
			want := []Recipient{{Address: "b@example.com", Class: To}, {"c@example.com", Bcc, Expanded, "l@example.com"}}
			if !reflect.DeepEqual(got.recipients, want) || got.messageID != "<1@example.com>" || got.label != "true" ||
				got.sender != "a@example.com" || got.onBehalfOf != "" {
				t.Fatalf("%q: %+v", text, got)
			}
		}
	})
}
