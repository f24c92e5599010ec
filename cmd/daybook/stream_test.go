package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"daybook/archive"
)

// step is one thing that a sequence yields.
type step struct {
	e   entry
	err error
}

func sequence(steps ...step) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for _, s := range steps {
			if !yield(s.e, s.err) {
				return
			}
		}
	}
}

func collect(seq iter.Seq2[entry, error]) (list []step) {
	for e, err := range seq {
		list = append(list, step{e, err})
	}
	return list
}

func TestStream(t *testing.T) {
	damaged := &archive.Damage{Entry: 2, Segment: "1.seg", Offset: 10, Length: 20, Reason: "checksum"}
	var b bytes.Buffer
	err := writeStream(&b, sequence(step{e: entry{ID: 1, Subject: "<a>\x00"}}, step{err: damaged}, step{e: entry{ID: 3}}))
	if err != nil {
		t.Fatal(err)
	}
	got := collect(readStream[entry](&b))
	want := []step{{e: entry{ID: 1, Subject: "<a>\x00"}}, {err: damaged}, {e: entry{ID: 3}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A stream that is cut anywhere is an error for its reader.
func TestStreamCut(t *testing.T) {
	var b bytes.Buffer
	if err := writeStream(&b, sequence(step{e: entry{ID: 1}}, step{e: entry{ID: 2}})); err != nil {
		t.Fatal(err)
	}
	whole := strings.TrimSpace(b.String())
	for n := range len(whole) {
		got := collect(readStream[entry](strings.NewReader(whole[:n])))
		if len(got) == 0 || got[len(got)-1].err == nil {
			t.Errorf("%d of %d bytes were taken as a whole listing", n, len(whole))
		}
	}
	for _, wrong := range []string{`{"lines":1}`, `{}`, `null`, ``} {
		got := collect(readStream[entry](strings.NewReader(wrong)))
		if len(got) != 1 || got[0].err == nil {
			t.Errorf("%q was taken as a whole listing: %+v", wrong, got)
		}
	}
}

func TestStreamError(t *testing.T) {
	var b bytes.Buffer
	if err := writeStream(&b, sequence(step{e: entry{ID: 1}}, step{err: archive.ErrCatalog}, step{e: entry{ID: 2}})); err != nil {
		t.Fatal(err)
	}
	got := collect(readStream[entry](&b))
	if len(got) != 2 || got[1].err == nil || got[1].err.Error() != archive.ErrCatalog.Error() {
		t.Errorf("got %+v", got)
	}
}

func TestWireFault(t *testing.T) {
	if err := newWireFault(archive.ErrNotFound).err(); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("not found became %v", err)
	}
	if err := newWireFault(&archive.Damage{Entry: 7}).err(); !isDamage(err) {
		t.Errorf("damage became %v", err)
	}
	if err := newWireFault(io.ErrShortWrite).err(); err.Error() != io.ErrShortWrite.Error() {
		t.Errorf("another error became %v", err)
	}
}

// A fault comes out of the daemon as it went in: the command prints the same, and
// exits with the same status.
func TestWireFaultIsPrintedTheSame(t *testing.T) {
	load := func(text string) error {
		path := filepath.Join(t.TempDir(), "policy.hcl")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		pol, err := loadPolicy(path, "--config")
		if err == nil {
			err = refuse("", pol.Check(), "")
		}
		return err
	}
	failing := `test "t" {
		source = "lmtp"
		expect { action = "skip" }
		expect { rule = "" }
		expect { tags = ["x"] }
	}`
	for name, want := range map[string]error{
		"mistakes":        load("server {\n\tdta = \"x\"\n\tdata = 5\n}\nrule \"é\" {}\n"),
		"failing tests":   load(failing),
		"missing":         loadFault(t, filepath.Join(t.TempDir(), "none")),
		"refused":         refuse("server", errors.New("the block has changed"), "restart"),
		"failed":          fail("", archive.ErrNoSpace, ""),
		"no fault":        io.ErrShortWrite,
		"not found":       archive.ErrNotFound,
		"no policy":       archive.ErrNoPolicy,
		"not quarantined": archive.ErrNotQuarantined,
		"damage":          &archive.Damage{Entry: 7, Reason: "checksum"},
	} {
		wire, err := json.Marshal(newWireFault(want))
		if err != nil {
			t.Fatal(err)
		}
		var f wireFault
		if err := json.Unmarshal(wire, &f); err != nil {
			t.Fatal(err)
		}
		var local, remote bytes.Buffer
		a, b := explain("policy reload", want).report(&local), explain("policy reload", f.err()).report(&remote)
		if a != b || local.String() != remote.String() || local.Len() == 0 {
			t.Errorf("%s: %d and\n%sbecame %d and\n%s", name, a, local.String(), b, remote.String())
		}
	}
}

func loadFault(t *testing.T, path string) error {
	t.Helper()
	_, err := loadPolicy(path, "--config")
	if err == nil {
		t.Fatalf("%s is there", path)
	}
	return err
}

// fakeStore has one message, which may break off.
type fakeStore struct {
	store
	broken error
}

func (f *fakeStore) Entry(context.Context, uint64) (entry, error) { return entry{ID: 1}, nil }

func (f *fakeStore) WriteTo(_ context.Context, _ uint64, w io.Writer) error {
	if _, err := io.WriteString(w, "a message"); err != nil {
		return err
	}
	if f.broken == errVanish {
		panic(http.ErrAbortHandler)
	}
	return f.broken
}

var errVanish = errors.New("the daemon is gone")

// A message that ends before its end is an error for the command, with the
// daemon's reason where it had one.
func TestRawBreaksOff(t *testing.T) {
	for _, broken := range []error{nil, &archive.Damage{Entry: 1, Reason: "checksum\nof it"}, io.ErrShortWrite, errVanish} {
		r := serveStore(t, &fakeStore{broken: broken})
		var b bytes.Buffer
		err := r.WriteTo(t.Context(), 1, &b)
		switch {
		case broken == nil && (err != nil || b.String() != "a message"):
			t.Errorf("whole message: %q, %v", b.String(), err)
		case broken != nil && err == nil:
			t.Errorf("%v was taken as a whole message", broken)
		case isDamage(broken) != isDamage(err):
			t.Errorf("%v became %v", broken, err)
		}
	}
}

// serveStore gives the client's side of a control socket.
func serveStore(t *testing.T, s store) *remote {
	t.Helper()
	path := t.TempDir() + "/control.sock"
	l, err := listenUnix(path, controlSocketMode)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: (&control{store: s}).handler()}
	done := make(chan error)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	r, err := dialControl(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Something else that listens on the control socket is not taken for a daemon.
func TestDialControlStranger(t *testing.T) {
	path := t.TempDir() + "/control.sock"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "220 mail.example ESMTP\r\n")
			c.Close()
		}
	}()
	if _, err := dialControl(t.Context(), path); err == nil || errors.Is(err, errNoDaemon) {
		t.Errorf("got %v", err)
	}
}
