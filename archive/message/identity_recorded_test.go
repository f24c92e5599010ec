package message

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The identities of the corpus are recorded: a line for each message as it stands and one
// for it with CRLF, with the digest of the canonical form and that of the fields. When
// one of them changes, archives no longer know their mail.
func TestIdentityRecorded(t *testing.T) {
	const name = "testdata/identity-corpus.txt"
	files, _ := filepath.Glob("../../../shared/corpus/*/*")
	if len(files) == 0 {
		t.Skip("the message corpus beside the checkout is not there")
	}
	recorded, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	for text := range strings.Lines(string(recorded)) {
		mail, digests, _ := strings.Cut(text, ": ")
		want[mail] = digests
	}
	var got strings.Builder
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		mail := filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file)
		crlf := bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
		for _, c := range []struct {
			name string
			raw  []byte
		}{{mail, raw}, {mail + " (CRLF)", crlf}} {
			id, form := identityOf(t, c.raw)
			digest := sha256.Sum256([]byte(form))
			line := fmt.Sprintf("%x %x\n", digest[:8], id.Fields[:8])
			if old, there := want[c.name]; there && old != line {
				t.Errorf("%s was %sand is now %s", c.name, old, line)
			}
			fmt.Fprintf(&got, "%s: %s", c.name, line)
		}
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if len(want) < len(files) {
		t.Errorf("of %d messages %d lines are recorded", len(files), len(want))
	}
}
