package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// folderOf writes files and gives their folder.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFindMail(t *testing.T) {
	dir := folderOf(t, map[string]string{"2.eml": "b", "1.eml": "a", "notes.txt": "c"})
	f, err := findMail(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{filepath.Join(dir, "1.eml"), filepath.Join(dir, "2.eml")}; !slices.Equal(f.paths, want) {
		t.Errorf("found %q, want %q", f.paths, want)
	}
	if _, err := findMail(folderOf(t, map[string]string{"notes.txt": "c"})); err == nil {
		t.Error("a folder without mail was taken")
	}
}

func TestExtentCountsAFileOnce(t *testing.T) {
	dir := folderOf(t, map[string]string{"one": "12345", "two": "123"})
	if err := os.Link(filepath.Join(dir, "one"), filepath.Join(dir, "other name of one")); err != nil {
		t.Fatal(err)
	}
	if got, err := extentOf(dir); err != nil || got.Bytes != 8 {
		t.Errorf("%d bytes, %v, want 8", got.Bytes, err)
	}
}

func TestOnWire(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"", ""},
		{"a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"},
		{"a\r\n\r\nb", "a\r\n\r\nb\r\n"},
		{"a\n\nb\n", "a\r\n\r\nb\r\n"},
		{"a", "a\r\n"},
		// What is not a line end stays.
		{"a\r\nb\nc\rd\r\n", "a\r\nb\nc\rd\r\n"},
		{"a\r\nb\r", "a\r\nb\r\r\n"},
	} {
		if got := string(onWire([]byte(c.file))); got != c.want {
			t.Errorf("%q goes as %q, want %q", c.file, got, c.want)
		}
	}
}

func TestEnvelopeOf(t *testing.T) {
	const nobody = "nobody@bench.example"
	for _, c := range []struct{ header, sender, recipients string }{
		{"From: A <a@x.example>\r\nTo: b@x.example, C <c@y.example>\r\nCc: d@x.example\r\n", "a@x.example", "b@x.example c@y.example d@x.example"},
		{"Subject: none\r\n", nobody, nobody},
		{"", nobody, nobody},
		{"no field at all", nobody, nobody},
		{"From: not an address\r\nTo: undisclosed-recipients:;\r\n", nobody, nobody},
		{"From: \"a b\"@x.example\r\nTo: jürgen@x.example, e@x.example\r\n", nobody, "e@x.example"},
		{"From: a@[192.0.2.1]\r\nTo: -a@x.example, a@-x.example, b@x.example\r\n", nobody, "b@x.example"},
		{"From: " + strings.Repeat("a", 65) + "@x.example\r\n", nobody, nobody},
		{"X: " + strings.Repeat("x", 70<<10) + "\r\nFrom: a@x.example\r\n", nobody, nobody},
	} {
		sender, recipients := envelopeOf([]byte(c.header + "\r\ntext\r\n"))
		if sender != c.sender || strings.Join(recipients, " ") != c.recipients {
			t.Errorf("%.60q: from %q to %q, want %q and %q", c.header, sender, recipients, c.sender, c.recipients)
		}
	}
	_, many := envelopeOf([]byte("To: a@x.example" + strings.Repeat(", a@x.example", 99) + "\r\n\r\n"))
	if len(many) != 50 {
		t.Errorf("an envelope has %d recipients", len(many))
	}
}

func FuzzEnvelopeOf(f *testing.F) {
	f.Add([]byte("From: A <a@x.example>\r\nTo: b@x.example\r\n\r\n"))
	f.Add([]byte("From: \"a\r\nDATA\"@x.example\r\nTo: <>\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		sender, recipients := envelopeOf(raw)
		if len(recipients) == 0 {
			t.Fatal("there is no recipient")
		}
		m := &message{sender: sender, recipients: recipients}
		if got := bytes.Count(envelope(m), []byte("\n")); got != 2+len(recipients) {
			t.Errorf("%d lines make the envelope of %d recipients", got, len(recipients))
		}
		for _, a := range append(recipients, sender) {
			if strings.ContainsAny(a, "<> \r\n\t\x00") {
				t.Errorf("%q is no plain address", a)
			}
		}
	})
}

// Files arrive as they are, also with lines that begin with a dot and with the
// stamp of generated mail in them, and the digests are those of what arrived.
func TestFilesArriveAsTheyAre(t *testing.T) {
	dir := folderOf(t, map[string]string{
		"1.eml": "From: a@x.example\r\n\r\n.\r\n..dots\r\n" + stamp + "\r\n",
		"2.eml": "no header\nand LF alone\n",
		"3.eml": "From: a@x.example\r\nTo: b@x.example\r\n\r\nlone\rCR, lone\nLF, no end",
	})
	f, err := findMail(dir)
	if err != nil {
		t.Fatal(err)
	}
	b := &box{}
	const rate = 20
	began := time.Now()
	c, err := dialLMTPFrom(serveLMTP(t, b), paced(t.Context(), f.lmtp, rate))
	if err != nil {
		t.Fatal(err)
	}
	sendAll(t, c, len(f.paths))
	if took, least := time.Since(began), time.Second*time.Duration(len(f.paths)-1)/rate; took < least {
		t.Errorf("it took %v, at %d a second", took, rate)
	}
	if len(b.messages) != len(f.paths) {
		t.Fatalf("%d messages arrived, want %d", len(b.messages), len(f.paths))
	}
	var bytesSent int64
	for i, arrived := range b.messages {
		if sha256.Sum256(arrived) != f.digests[i] {
			t.Errorf("message %d arrived as %q", i, arrived)
		}
		bytesSent += int64(len(arrived))
	}
	if !bytes.Contains(b.messages[0], []byte(stamp)) || f.raw() != bytesSent {
		t.Errorf("%d bytes were sent, %d counted; first message %q", bytesSent, f.raw(), b.messages[0])
	}
}

func TestCompareFolder(t *testing.T) {
	sent := func(texts ...string) []digest {
		var list []digest
		for _, text := range texts {
			list = append(list, sha256.Sum256([]byte(text)))
		}
		return list
	}
	for name, c := range map[string]struct {
		back map[string]string
		want difference
	}{
		"all":          {map[string]string{"7.eml": "one", "3.eml": "two", "5.eml": "two"}, difference{}},
		"one is gone":  {map[string]string{"1.eml": "one", "2.eml": "two"}, difference{Missing: 1}},
		"one changed":  {map[string]string{"1.eml": "one", "2.eml": "two", "3.eml": "two "}, difference{Missing: 1, Foreign: 1}},
		"one too many": {map[string]string{"1.eml": "one", "2.eml": "two", "3.eml": "two", "4.eml": "one"}, difference{Foreign: 1}},
		"nothing":      {nil, difference{Missing: 3}},
	} {
		got, err := compareFolder(folderOf(t, c.back), sent("one", "two", "two"))
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
	if _, err := compareFolder(filepath.Join(t.TempDir(), "none"), nil); err == nil {
		t.Error("a folder that is not there was compared")
	}
}

func TestExtentOf(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "in"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"a": 10_000, "in/b": 1} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sparse := filepath.Join(dir, "sparse")
	if err := os.WriteFile(sparse, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(sparse, 1<<30); err != nil {
		t.Fatal(err)
	}
	got, err := extentOf(dir)
	if err != nil || got.Bytes != 10_001+1<<30 {
		t.Errorf("%d bytes, %v", got.Bytes, err)
	}
	if got.Allocated >= 1<<30 {
		t.Errorf("%d bytes are allocated to a file with a hole", got.Allocated)
	}
	if _, err := extentOf(filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that is not there has a size")
	}
}

func TestZstd(t *testing.T) {
	files := map[string]string{}
	text := newWriter(1).lines(20_000, "", "")
	for i := range 10 {
		files[fmt.Sprintf("%d.eml", i)] = text
	}
	f, err := findMail(folderOf(t, files))
	if err != nil {
		t.Fatal(err)
	}
	alone, err := zstdAlone(t.Context(), f)
	if err != nil || alone < 10*3000 || alone > 10*15_000 {
		t.Errorf("alone: %d bytes, %v", alone, err)
	}
	solid, err := zstdSolid(t.Context(), f)
	if err != nil || solid < 3000 || solid > alone/5 {
		t.Errorf("solid: %d bytes, %v; alone %d", solid, err, alone)
	}
}

func TestStorageReport(t *testing.T) {
	m := &measurement{Settings: settings{Senders: 2, PerSecond: 40}, Storage: []stored{
		{Set: "good", Messages: 10, Raw: 2_000_000, Ledger: extent{800_000, 900_000}, Catalog: extent{100_000, 100_000},
			Total: extent{901_000, 1_002_000}, Alone: 1_000_000, Solid: 500_000, Rate: 77, PeakMiB: 88},
		{Set: "bad", Messages: 10, Raw: 2_000_000, difference: difference{Missing: 2, Foreign: 1}},
	}}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	if status := run(t.Context(), []string{"show", path}, &out, &problems); status != 0 {
		t.Fatalf("status %d: %s", status, problems.String())
	}
	squeezed := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"good 10 2.0 0.8 0.1 0.9 0.400 0.050 0.451 0.501 0.500 0.250 77 88 exact",
		"2 missing, 1 foreign", "2 connections, messages 40 a second;",
	} {
		if !strings.Contains(squeezed, want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
	if m.differing() != 3 {
		t.Errorf("%d messages differ", m.differing())
	}
}

func TestCompareStorage(t *testing.T) {
	one := &measurement{Storage: []stored{
		{Set: "same", Raw: 100, Ledger: extent{50, 60}, Catalog: extent{10, 10}, Total: extent{60, 70}, Rate: 10, PeakMiB: 100},
		{Set: "other mail by that name", Raw: 100},
	}}
	two := &measurement{Storage: []stored{
		{Set: "other mail by that name", Raw: 101},
		{Set: "same", Raw: 100, Ledger: extent{25, 30}, Catalog: extent{20, 20}, Total: extent{45, 50}, Rate: 20, PeakMiB: 150},
	}}
	var out strings.Builder
	if err := printComparison(&out, one, two); err != nil {
		t.Fatal(err)
	}
	squeezed := strings.Join(strings.Fields(out.String()), " ")
	if !strings.HasSuffix(squeezed, "memory same 0.500 2.000 0.750 0.714 2.000 1.500") || strings.Contains(squeezed, "path") {
		t.Errorf("compare prints %q", squeezed)
	}
	if err := printComparison(&out, one, &measurement{}); err == nil {
		t.Error("runs without a set in common were compared")
	}
}

func TestBadStorageCommandLines(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"-storage", filepath.Join(dir, "none")}, {"-storage", dir, "-json"}, {"-storage", "-senders", "0"}, {"-storage", "-rate", "-1"}, {"-storage", "storage_test.go"},
	} {
		var out, problems bytes.Buffer
		if status := run(t.Context(), args, &out, &problems); status != statusUsage || problems.Len() == 0 {
			t.Errorf("%q: status %d, %q", args, status, problems.String())
		}
	}
}
