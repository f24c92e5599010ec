package e2e

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpusDir is the message corpus beside the checkout: real messages and the
// test fixtures of other mail software.
const corpusDir = "../../../shared/corpus"

// corpusMessages reads the corpus, brought into the form that goes over a wire
// as its README says. It returns none, and says so, when the corpus is absent.
func corpusMessages(t testing.TB) messages {
	t.Helper()
	var m messages
	err := filepath.WalkDir(corpusDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == filepath.Join(corpusDir, "README.md") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(corpusDir, path)
		m = append(m, message{"corpus/" + name, corpusForm(data)})
		return err
	})
	if os.IsNotExist(err) {
		t.Logf("THE MESSAGE CORPUS IS ABSENT (%s): its messages are left out", corpusDir)
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(m) == 0 {
		t.Fatalf("the message corpus %s holds no message", corpusDir)
	}
	return m
}

// corpusForm turns a file of LF lines into one of CRLF lines and drops a leading
// mbox line. Files with CRLF or CR line ends stay as they are.
func corpusForm(data []byte) []byte {
	if bytes.HasPrefix(data, []byte("From ")) {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	if bytes.Contains(data, []byte("\r\n")) {
		return data
	}
	return bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
}

func TestCorpusForm(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"a\nb\n", "a\r\nb\r\n"},
		{"a\r\nb\nc\r\n", "a\r\nb\nc\r\n"},
		{"a\rb\r", "a\rb\r"},
		{"From x Mon\na: b\n", "a: b\r\n"},
		{"From: x\n", "From: x\r\n"},
	} {
		if got := string(corpusForm([]byte(c.file))); got != c.want {
			t.Errorf("corpusForm(%q) = %q, want %q", c.file, got, c.want)
		}
	}
}

// allMessages is the odd messages and the corpus, or a tenth of them all with
// -short.
func allMessages(t testing.TB) messages {
	t.Helper()
	m := append(oddMessages(), corpusMessages(t)...)
	if !testing.Short() {
		return m
	}
	var some messages
	for i, msg := range m {
		if i%10 == 0 || strings.HasPrefix(msg.name, "end of data") {
			some = append(some, msg)
		}
	}
	return some
}
