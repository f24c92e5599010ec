package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var damageCount = flag.Int("damage", 300, "damaged files to look for")

// Something happens to one file of an archive that was closed cleanly: it is
// found and named, or it has changed nothing; and whatever else is in the archive
// can be read.
func TestDamageIsFoundAndNamed(t *testing.T) {
	t.Logf("seed %d", *seed)
	if testing.Short() {
		*damageCount = min(*damageCount, 100)
	}
	whole, want := sampleArchive(t)
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(whole)), func(name string) bool { return len(whole[name]) == 0 })
	r := rand.New(rand.NewPCG(*seed, 0))
	found := map[string]int{}
	for i := range *damageCount {
		file := names[r.IntN(len(names))]
		damaged := maps.Clone(whole)
		var what string
		damaged[file], what = spoil(whole[file], r)
		name := fmt.Sprintf("case %d, %s: %s", i, file, what)
		found[checkDamage(t, name, load(t, damaged), file, want)]++
		if t.Failed() {
			t.Fatalf("again with -seed %d", *seed)
		}
	}
	t.Logf("%d cases: %v", *damageCount, found)
}

const damagePolicyFile = "main.hcl"

// sampleArchive makes an archive of several segments, and gives its files, its
// messages and its policies.
func sampleArchive(t *testing.T) (files map[string][]byte, want map[uint64][]byte) {
	t.Helper()
	fs := vfs.NewMem()
	want = map[uint64][]byte{}
	a := open(t, "data", Options{FS: fs, SegmentSize: 64 << 10})
	for i := range 60 {
		body := noise(500+i*137, uint64(i))
		if i == 30 {
			body = noise(2*maxPiece+5, 30)
		}
		r := receipt(body, fmt.Sprintf("s%d@x", i), "r@y")
		if i%5 == 0 {
			r.Decision = Decision{Action: ActionQuarantine, Rule: "fifth", Policy: Digest{1}}
		}
		if i%3 == 0 {
			r.Truth = sampleTruth(fmt.Sprint("t", i), r.Size)
		}
		if i%4 != 3 {
			r.Identity = &Identity{MessageID: fmt.Sprint(i % 7), Canonical: Digest{1 + byte(i%2)}}
			r.Join.Window = time.Hour
		}
		id := appendOne(t, a, r).ID
		want[id] = body
		if i%10 == 0 {
			if _, err := a.Keep(context.Background(), id, "admin", "looks odd"); err != nil {
				t.Fatal(err)
			}
		}
		if i%20 == 10 {
			text := noise(4000, uint64(1000+i))
			e, err := a.KeepPolicy(context.Background(), sha256.Sum256(text), []PolicyFile{policyFile(damagePolicyFile, text)}, Event{})
			if err != nil {
				t.Fatal(err)
			}
			want[e.ID] = text
		}
	}
	// Mails that share what is attached to them, and segments that were compacted.
	for i := range 10 {
		body := attachedMail(i, noise(maxInline+5000, uint64(2000+i/3)))
		id := appendOne(t, a, receipt(body, fmt.Sprintf("m%d@x", i), "r@y")).ID
		want[id] = body
		leave(t, a, "default", noise(7000+i, uint64(3000+i)))
	}
	if r := compact(t, a); r.Records != 10 || len(r.Segments) < 3 {
		t.Fatalf("compact: %+v", r)
	}
	a.Close()
	// Opened and closed once more, the catalog has tables as well as a log.
	a = open(t, "data", Options{FS: fs, SegmentSize: 64 << 10})
	body := noise(3000, 99)
	want[appendOne(t, a, receipt(body, "last@x", "r@y")).ID] = body
	a.Close()
	files = map[string][]byte{}
	for _, dir := range []string{"data/ledger", "data/catalog"} {
		names, err := fs.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			files[dir+"/"+name] = fileBytes(t, fs, dir+"/"+name)
		}
	}
	return files, want
}

// attachedMail is a mail with an attachment in base64.
func attachedMail(n int, attachment []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Message-ID: <m%d@x>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", n)
	fmt.Fprintf(&b, "--b\r\nContent-Type: text/plain\r\n\r\nNumber %d.\r\n--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n", n)
	for text := base64.StdEncoding.EncodeToString(attachment); text != ""; text = text[min(76, len(text)):] {
		fmt.Fprintf(&b, "%s\r\n", text[:min(76, len(text))])
	}
	b.WriteString("--b--\r\n")
	return b.Bytes()
}

func fileBytes(t *testing.T, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// load makes a file system of files.
func load(t *testing.T, files map[string][]byte) vfs.FS {
	t.Helper()
	fs := vfs.NewMem()
	for path, b := range files {
		if err := fs.MkdirAll(fs.PathDir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(slices.Clone(b)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return fs
}

// spoil gives a damaged copy of a file, and says how it was damaged.
func spoil(file []byte, r *rand.Rand) ([]byte, string) {
	b := slices.Clone(file)
	at := r.IntN(len(b))
	switch r.IntN(3) {
	case 0:
		bit := byte(1) << r.IntN(8)
		b[at] ^= bit
		return b, fmt.Sprintf("bit %#x of byte %d flipped", bit, at)
	case 1:
		at &^= 4095
		clear(b[at:min(at+4096, len(b))])
		return b, fmt.Sprintf("4096 bytes at %d zeroed", at)
	}
	return b[:at], fmt.Sprintf("cut to %d bytes", at)
}

// checkDamage opens a damaged archive and says how the damage showed.
func checkDamage(t *testing.T, name string, fs vfs.FS, file string, want map[uint64][]byte) string {
	t.Helper()
	a, err := Open("data", Options{FS: fs, Logger: quiet(), SegmentSize: 64 << 10})
	if errors.Is(err, ErrCatalog) {
		if strings.HasPrefix(file, "data/ledger") {
			t.Errorf("%s: a damaged ledger is taken for a damaged catalog: %v", name, err)
		}
		return "at open, and rebuilt" + rebuilt(t, name, fs, want)
	}
	if err != nil {
		t.Errorf("%s: open: %v", name, err)
		return ""
	}
	defer a.Close()
	named := map[uint64]bool{}
	lost := len(a.Damage())
	for _, d := range a.Damage() {
		named[d.Entry] = true
	}
	_, err = a.Verify(context.Background(), nil, func(d Damage) {
		lost++
		named[d.Entry] = true
	})
	if err != nil {
		t.Errorf("%s: verify: %v", name, err)
	}
	readable := readable(t, name, a, want, named)
	appendOne(t, a, receipt([]byte("capture goes on"), "a@b", "c@d"))
	switch {
	case lost > 0:
		return "named"
	case readable == len(want):
		return "without effect"
	}
	t.Errorf("%s: %d of %d messages can be read, and nothing was said", name, readable, len(want))
	return ""
}

// readable counts the messages that come back whole; each other one must have
// been named, and few of them may be others.
func readable(t *testing.T, name string, a *Archive, want map[uint64][]byte, named map[uint64]bool) int {
	t.Helper()
	n := 0
	for id, body := range want {
		var b bytes.Buffer
		err := writeAny(a, id, sha256.Sum256(body), &b)
		switch {
		case err == nil && bytes.Equal(b.Bytes(), body):
			n++
		case err == nil:
			t.Errorf("%s: entry %d gives other bytes without an error", name, id)
		case !named[id]:
			t.Errorf("%s: entry %d cannot be read (%v), and verify did not name it", name, id, err)
		}
	}
	return n
}

// writeAny writes the bytes of a message, or of a policy that its digest names.
func writeAny(a *Archive, id uint64, digest Digest, w io.Writer) error {
	err := a.WriteTo(context.Background(), id, w)
	if err == nil {
		return nil
	}
	text, none := a.Policy(digest)
	switch {
	case none == nil:
		return text.WriteFile(context.Background(), damagePolicyFile, w)
	case errors.Is(err, ErrNotFound):
		return none
	}
	return err
}

// rebuilt makes the catalog anew and expects everything back.
func rebuilt(t *testing.T, name string, fs vfs.FS, want map[uint64][]byte) string {
	t.Helper()
	_, err := Rebuild(context.Background(), "data", Options{FS: fs, Logger: quiet(), SegmentSize: 64 << 10}, nil,
		func(d Damage) { t.Errorf("%s: rebuild: %v", name, d.Error()) })
	if err != nil {
		t.Errorf("%s: rebuild: %v", name, err)
		return ""
	}
	a := open(t, "data", Options{FS: fs})
	defer a.Close()
	if n := readable(t, name, a, want, nil); n != len(want) {
		t.Errorf("%s: after the rebuild %d of %d messages can be read", name, n, len(want))
	}
	return ""
}
