package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestWithStamp(t *testing.T) {
	const body = "\r\nMessage-ID: <in@body>\r\n"
	for _, c := range []struct{ header, want string }{
		{"Message-ID: <a@b>\r\n", "Message-ID: <" + stamp + "a@b>\r\n"},
		{"From: a@b\r\nMESSAGE-ID:<a@b>\r\nTo: c\r\n", "From: a@b\r\nMESSAGE-ID:<" + stamp + "a@b>\r\nTo: c\r\n"},
		{"Message-ID: a\r\n", "Message-ID:" + stamp + " a\r\n"},
		{"Message-ID:\r\n <a@b>\r\n", "Message-ID:" + stamp + "\r\n <a@b>\r\n"},
		{"From: a@b\r\n", "Message-ID: <" + stamp + "@bench.example>\r\nFrom: a@b\r\n"},
		{"", "Message-ID: <" + stamp + "@bench.example>\r\n"},
	} {
		if got := string(withStamp([]byte(c.header + body))); got != c.want+body {
			t.Errorf("%q becomes %q, want %q", c.header, got, c.want+body)
		}
	}
}

func FuzzWithStamp(f *testing.F) {
	for _, text := range []string{"", "Message-ID: <a>\r\n\r\n", "\r\nMessage-ID: <a>", "message-id:", "a\nMessage-Id:<\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := withStamp(raw)
		if len(got) < len(raw)+len(stamp) {
			t.Fatalf("%q becomes %q", raw, got)
		}
		rest := bytes.TrimPrefix(got, []byte("Message-ID: <"+stamp+"@bench.example>\r\n"))
		if at := bytes.Index(got, []byte(stamp)); !bytes.Equal(rest, raw) && !bytes.Equal(slices.Concat(got[:at], got[at+len(stamp):]), raw) {
			t.Errorf("%q becomes %q", raw, got)
		}
	})
}

// A stretch of the mix has about the mean size of all.
func TestMixSizes(t *testing.T) {
	for _, n := range []int{1, 2, 7, 1000, 2000} {
		s := &set{}
		for i := range n {
			s.lmtp = append(s.lmtp, &lmtpMessage{size: i + 1})
		}
		s.mixSizes()
		seen := map[int]bool{}
		for _, m := range s.lmtp {
			seen[m.size] = true
		}
		if len(seen) != n {
			t.Fatalf("%d of %d messages are left", len(seen), n)
		}
		const stretch = 100
		for from := 0; from+stretch <= n; from += stretch {
			var numbers []int64
			for i := range stretch {
				numbers = append(numbers, int64(from+i))
			}
			if mean := s.bytes(numbers) / stretch; mean < 0.45*float64(n) || mean > 0.55*float64(n) {
				t.Errorf("messages %d to %d of %d have the mean size %.0f", from, from+stretch, n, mean)
			}
		}
	}
}

// When the mix is sent once more its attachments are new ones, and within a turn
// those repeat that did before.
func TestTurnsOfTheMix(t *testing.T) {
	x := newMixer(kind{size: 30 << 10, repeats: 0.5})
	var templates []template
	for range 20 {
		templates = append(templates, newLMTPMessage(x.mixed()).data)
	}
	attachments := func(turn int64) map[string]bool {
		found := map[string]bool{}
		for i, m := range templates {
			text := string(bytes.Join(m.appendTo(nil, []byte(token(int64(i))), []byte(token(turn))), nil))
			for _, part := range strings.Split(text, "Content-Disposition: attachment;")[1:] {
				_, body, _ := strings.Cut(part, "\r\n\r\n")
				body, _, _ = strings.Cut(body, "--")
				found[body] = true
			}
		}
		return found
	}
	first, second := attachments(0), attachments(1)
	if len(first) != x.total-x.repeated || len(second) != len(first) {
		t.Errorf("%d and %d different attachments, want %d", len(first), len(second), x.total-x.repeated)
	}
	for body := range second {
		if first[body] {
			t.Fatal("an attachment is in both turns")
		}
	}
}

func TestMixFromFolders(t *testing.T) {
	one := folderOf(t, map[string]string{"1.eml": "Message-ID: <1@x.example>\nFrom: a@x.example\nTo: b@x.example\n\ntext\n"})
	two := folderOf(t, map[string]string{"2.eml": "From: c@x.example\r\nTo: d@x.example\r\n\r\ntext\r\n"})
	mix, err := newMix([]string{one, two})
	if err != nil {
		t.Fatal(err)
	}
	b := &box{}
	c, err := dialLMTP(serveLMTP(t, b), mix.lmtp)
	if err != nil {
		t.Fatal(err)
	}
	sendAll(t, c, 2*len(mix.lmtp))
	seen := map[string]bool{}
	for _, raw := range b.messages {
		seen[string(raw)] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d different messages arrived, want 4: %q", len(seen), b.messages)
	}
	if got := mix.describe(); !strings.HasPrefix(got, "2 messages, median 0.1 KB") {
		t.Errorf("described as %q", got)
	}
	if _, err := newMix([]string{t.TempDir()}); err == nil {
		t.Error("a folder without mail was taken")
	}
}
