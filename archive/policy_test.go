package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	iofs "io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func policyFile(name string, body []byte) PolicyFile {
	return PolicyFile{Name: name, Size: int64(len(body)), SHA256: sha256.Sum256(body), Body: bytes.NewReader(body)}
}

// checkPolicyText reads one file of a policy.
func checkPolicyText(t testing.TB, name string, a *Archive, digest Digest, file string, want []byte) {
	t.Helper()
	var b bytes.Buffer
	text, err := a.Policy(digest)
	if err == nil {
		err = text.WriteFile(context.Background(), file, &b)
	}
	if err != nil || !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%s: %d bytes of the file %s of policy %v came back of %d, or other ones: %v", name, b.Len(), file, digest, len(want), err)
	}
}

// contentCount counts the content records of an archive that is not written to.
func contentCount(a *Archive) uint64 { return a.catalog.state.contents }

func TestPolicyTextComesBack(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{})
	bodies := map[string][]byte{"empty": nil, "one/byte": {0}, "large": noise(3*maxPiece+5, 1), "name \xff\n": []byte("odd")}
	for i := range 200 {
		bodies[fmt.Sprintf("lists/%03d.txt", i)] = noise(100+i, uint64(i))
	}
	var files []PolicyFile
	for name, b := range bodies {
		files = append(files, policyFile(name, b))
	}
	at := time.Unix(1_700_000_000, 5).UTC()
	kept, err := a.KeepPolicy(context.Background(), Digest{7}, files, Event{Time: at, Actor: "start", Text: "policy.hcl"})
	if err != nil {
		t.Fatal(err)
	}
	before := contentCount(a)
	again, err := a.KeepPolicy(context.Background(), Digest{7}, files, Event{Time: at})
	if err != nil || again.ID != kept.ID+1 {
		t.Fatalf("kept again as %d: %v", again.ID, err)
	}
	if now := contentCount(a); now != before {
		t.Errorf("files that had not changed were written again, as %d contents", now-before)
	}
	a.Close()
	a = open(t, dir, Options{ReadOnly: true})
	text, err := a.Policy(Digest{7})
	if err != nil || text.Event.ID != again.ID || len(text.Event.Files) != len(files) {
		t.Fatalf("the policy is that of event %d, with %d files: %v", text.Event.ID, len(text.Event.Files), err)
	}
	for i, f := range text.Event.Files {
		if f.Name != files[i].Name || f.Size != files[i].Size || f.SHA256 != files[i].SHA256 {
			t.Errorf("file %d is %q of %d bytes", i, f.Name, f.Size)
		}
		checkPolicyText(t, "read", a, Digest{7}, f.Name, bodies[f.Name])
	}
	if err := text.WriteFile(context.Background(), "none", &bytes.Buffer{}); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := a.Policy(Digest{8}); !errors.Is(err, ErrNoPolicy) {
		t.Errorf("a policy that is not there: %v", err)
	}
	var all []uint64
	for e, err := range a.Policies(context.Background(), Query{}) {
		if err != nil || e.Policy != (Digest{7}) || !e.Time.Equal(at) {
			t.Errorf("event %+v: %v", e, err)
		}
		all = append(all, e.ID)
	}
	if !slices.Equal(all, []uint64{1, 2}) {
		t.Errorf("the policies have the events %v", all)
	}
	verified(t, a)
}

func TestPolicyThatIsRefused(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	good := policyFile("a", []byte("x"))
	wrong := policyFile("b", noise(2*maxPiece, 1))
	wrong.SHA256[5] ^= 1
	short := policyFile("c", []byte("y"))
	short.Size = 9
	many := make([]PolicyFile, MaxPolicyFiles+1)
	for i := range many {
		many[i] = policyFile(fmt.Sprint(i), nil)
	}
	for _, c := range []struct {
		name   string
		digest Digest
		files  []PolicyFile
		says   string
	}{
		{"no digest", Digest{}, []PolicyFile{good}, "no digest"},
		{"other bytes", Digest{1}, []PolicyFile{good, wrong}, `file "b"`},
		{"too few bytes", Digest{1}, []PolicyFile{short}, `file "c"`},
		{"no bytes at all", Digest{1}, []PolicyFile{{Name: "d", Body: bytes.NewReader(nil)}}, `file "d"`},
		{"a size below zero", Digest{1}, []PolicyFile{{Name: "e", Size: -1}}, `file "e"`},
		{"one name twice", Digest{1}, []PolicyFile{good, good}, `two files are called "a"`},
		{"no name", Digest{1}, []PolicyFile{policyFile("", nil)}, "name"},
		{"a long name", Digest{1}, []PolicyFile{policyFile(strings.Repeat("n", MaxFileName+1), nil)}, "name"},
		{"many files", Digest{1}, many, "10001 files"},
	} {
		if _, err := a.KeepPolicy(context.Background(), c.digest, c.files, Event{}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if s := a.Stats(); s.Events != 0 {
		t.Errorf("%d events of policies that were refused", s.Events)
	}
	verified(t, a)
}

// Below the floor a policy that has new text is refused, one that has none is not.
func TestPolicyBelowTheFloor(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{})
	files := []PolicyFile{policyFile("a", []byte("text"))}
	if _, err := a.KeepPolicy(context.Background(), Digest{1}, files, Event{}); err != nil {
		t.Fatal(err)
	}
	a.Close()
	a = open(t, dir, Options{MinFree: 1 << 62})
	if _, err := a.KeepPolicy(context.Background(), Digest{1}, files, Event{}); err != nil {
		t.Errorf("nothing new: %v", err)
	}
	if _, err := a.KeepPolicy(context.Background(), Digest{2}, []PolicyFile{policyFile("b", []byte("new"))}, Event{}); !errors.Is(err, ErrNoSpace) {
		t.Errorf("new text: %v", err)
	}
}

// A content that is damaged is named with every policy that has it, and written
// again with the next that is kept: then all of them are whole.
func TestDamagedPolicyTextIsNamedAndHealed(t *testing.T) {
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	shared, own := noise(5000, 1), noise(4000, 2)
	one := []PolicyFile{policyFile("shared.txt", shared)}
	two := []PolicyFile{policyFile("own.hcl", own), policyFile("also-shared.txt", shared)}
	for i, files := range [][]PolicyFile{one, two} {
		if _, err := a.KeepPolicy(context.Background(), Digest{byte(i + 1)}, files, Event{}); err != nil {
			t.Fatal(err)
		}
	}
	a.Close()
	segment := "data/ledger/" + ledger.SegmentName(1)
	b := fileBytes(t, fs, segment)
	b[bytes.Index(b, shared)+2500] ^= 1
	files := map[string][]byte{segment: b, "data/ledger/identity": fileBytes(t, fs, "data/ledger/identity")}
	names, err := fs.List("data/catalog")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		files["data/catalog/"+name] = fileBytes(t, fs, "data/catalog/"+name)
	}
	fs = load(t, files).(*vfs.MemFS)

	a = open(t, "data", Options{FS: fs})
	found := map[uint64]string{}
	if _, err := a.Verify(context.Background(), nil, func(d Damage) { found[d.Entry] += d.Reason }); err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || !strings.Contains(found[1], `"shared.txt"`) || !strings.Contains(found[2], `"also-shared.txt"`) {
		t.Errorf("verify names %v", found)
	}
	text, err := a.Policy(Digest{1})
	if err != nil {
		t.Fatal(err)
	}
	if d := (*Damage)(nil); !errors.As(text.WriteFile(context.Background(), "shared.txt", &bytes.Buffer{}), &d) || d.Entry != 1 || d.Segment == "" {
		t.Errorf("reading the damaged file: %v", d)
	}
	if _, err := a.KeepPolicy(context.Background(), Digest{3}, one, Event{}); err != nil {
		t.Fatal(err)
	}
	for _, reopen := range []bool{false, true} {
		if reopen {
			a.Close()
			if _, err := Rebuild(context.Background(), "data", Options{FS: fs, Logger: quiet()}, nil, func(Damage) {}); err != nil {
				t.Fatal(err)
			}
			a = open(t, "data", Options{FS: fs})
		}
		checkPolicyText(t, "healed", a, Digest{1}, "shared.txt", shared)
		checkPolicyText(t, "healed", a, Digest{2}, "also-shared.txt", shared)
		checkPolicyText(t, "healed", a, Digest{2}, "own.hcl", own)
	}
}

// Contents of policies are the archive's own: mail with the same bytes is no part
// of them.
func TestPolicyTextIsApartFromMail(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	same := bytes.Repeat([]byte("the same\n"), 100)
	appendOne(t, a, receipt(append([]byte("Subject: x\n\n"), same...), "a@b", "c@d"))
	if _, err := a.KeepPolicy(context.Background(), Digest{1}, []PolicyFile{policyFile("x", same)}, Event{}); err != nil {
		t.Fatal(err)
	}
	if n := contentCount(a); n != 2 {
		t.Errorf("%d contents, want one of the mail and one of the policy", n)
	}
}

// The last policy is the one that was kept last, also when it had been kept before.
func TestLastPolicy(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	if _, err := a.LastPolicy(); !errors.Is(err, ErrNoPolicy) {
		t.Errorf("an archive without policies: %v", err)
	}
	for _, d := range []Digest{{1}, {2}, {1}, {3}, {1}} {
		if _, err := a.KeepPolicy(context.Background(), d, nil, Event{}); err != nil {
			t.Fatal(err)
		}
		if last, err := a.LastPolicy(); err != nil || last.Digest != d {
			t.Errorf("the last policy is %v, want %v: %v", last.Digest, d, err)
		}
	}
}
