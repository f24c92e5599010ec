package milter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	gomilter "github.com/emersion/go-milter"
)

func TestReplyText(t *testing.T) {
	tests := []struct{ reply, want string }{
		{"452 4.3.1 archive is full", "452 4.3.1 archive is full"},
		{"421 4.3.2 100% busy", "421 4.3.2 100%% busy"},
		{"451 4.3.0", "451 4.3.0"},
		{"", DefaultReply},
		{"451", DefaultReply},
		{"550 5.1.1 no", DefaultReply},
		{"451 5.1.1 classes differ", DefaultReply}, // Postfix: malformed reply
		{"451 text only", DefaultReply},
		{"4x1 4.3.0 text", DefaultReply},
		{"451-4.3.0 more follows", DefaultReply},
		{"451 4.3.0 a\r\n250 ok", DefaultReply},
		{"451 4.3.0 a\x00b", DefaultReply},
		{"451 4.3.0 caf\u00e9", DefaultReply},
		{"451 4.3.0 " + strings.Repeat("x", 1000), DefaultReply},
	}
	for _, test := range tests {
		if got := replyText(test.reply); got != test.want {
			t.Errorf("replyText(%q) = %q, want %q", test.reply, got, test.want)
		}
	}
}

func TestParsePath(t *testing.T) {
	tests := []struct {
		address string
		want    string
	}{
		{"<anna@example.com>", "anna@example.com"},
		{"anna@example.com", "anna@example.com"},
		{"<>", ""},
		{"", ""},
		{"<", "<"},
		{"<<a>@b>", "<a>@b"},
		{`<"<x>"@b>`, `"<x>"@b`},
		{"a>", "a>"},
	}
	for _, test := range tests {
		path, err := parsePath(cstrings(test.address, "SIZE=1", "", "X"))
		if err != nil || path.Address != test.want || !slices.Equal(path.Args, []string{"SIZE=1", "", "X"}) {
			t.Errorf("parsePath(%q) = %q, %v", test.address, path, err)
		}
	}
	if _, err := parsePath(bytes.Repeat([]byte("a\x00"), maxPathArgs+2)); err == nil {
		t.Error("any number of arguments is taken")
	}
}

func TestParseMacrosIsBounded(t *testing.T) {
	payload := []byte("C")
	for i := range maxMacros + 1 {
		payload = append(payload, cstrings(fmt.Sprintf("{m%d}", i), "v")...)
	}
	if _, _, err := parseMacros(payload); err == nil {
		t.Error("any number of macros is taken")
	}
	if _, _, err := parseMacros(nil); err == nil {
		t.Error("macros without a command are taken")
	}
	code, values, err := parseMacros([]byte("C{j}\x00one\x00name\x00"))
	if err != nil || code != gomilter.CodeConn || len(values) != 2 || values["j"] != "one" || values["name"] != "" {
		t.Errorf("got %c %v %v", code, values, err)
	}
}

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::1": "::1", "IPv6:::1": "::1", "ipv6:2001:DB8::1": "2001:db8::1",
		"IPv6:0:0:0:0:0:0:0:1": "::1", "::ffff:192.0.2.1": "192.0.2.1",
	} {
		if got, ok := parseAddress(in); !ok || got.String() != want {
			t.Errorf("parseAddress(%q) = %v, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "IPv6:", "unknown", "192.0.2.1:25", "local"} {
		if got, ok := parseAddress(in); ok {
			t.Errorf("parseAddress(%q) = %v", in, got)
		}
	}
}

// TestFrameReaderCuts reads frames byte by byte, and then every prefix of them.
func TestFrameReaderCuts(t *testing.T) {
	body := randomBytes(4, 200_000)
	stream := slices.Concat(rawFrame('N'), rawFrame('L', cstrings("a", "b")), rawFrame('B', body), rawFrame('E'))
	read := func(r io.Reader) (frames []frame, err error) {
		for in := framesOf(r); ; {
			f, err := in.read()
			if err != nil {
				return frames, err
			}
			f.payload = slices.Clone(f.payload)
			frames = append(frames, f)
		}
	}
	frames, err := read(iotest.OneByteReader(bytes.NewReader(stream)))
	if !errors.Is(err, io.EOF) || len(frames) != 4 || !bytes.Equal(frames[2].payload, body) {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	for _, cut := range []int{1, 3, 4, 6, 8, 9, 12, 18, 65_000, 100_000, len(stream) - 6, len(stream) - 1} {
		if _, err := read(bytes.NewReader(stream[:cut])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}

// framesOf reads frames from a reader.
func framesOf(in io.Reader) *frameReader {
	r := newFrameReader(new(sync.Pool))
	r.reset(in)
	return r
}

// TestFrameReaderUsesRoomsAgain reads pieces of all sizes one after another, of
// which each stands where those before it stood.
func TestFrameReaderUsesRoomsAgain(t *testing.T) {
	var stream []byte
	var bodies [][]byte
	for n, size := range []int{5000, 65535, 1, 300_000, scratchSize, 70_000, 9000, 0, 65536, 65537} {
		bodies = append(bodies, randomBytes(byte(n), size))
		stream = append(stream, rawFrame('B', bodies[n])...)
	}
	in := framesOf(bytes.NewReader(stream))
	for n, body := range bodies {
		f, err := in.read()
		if err != nil || !bytes.Equal(f.payload, body) {
			t.Fatalf("piece %d of %d bytes came as %d, %v", n, len(body), len(f.payload), err)
		}
	}
	in.release()
	if in.room != nil {
		t.Error("a room is kept")
	}
}

func TestGrantIsOffered(t *testing.T) {
	for bit := range 32 {
		o := offer{version: 6, protocol: 1 << bit}
		if extra := o.grant() &^ o.protocol; extra != 0 {
			t.Errorf("offered %#x, asked for %#x more", o.protocol, extra)
		}
	}
}

// TestMacroSet reads sets of macros one after another, equal ones among them.
func TestMacroSet(t *testing.T) {
	var m macroSet
	for _, payload := range []string{
		"Li\x004XYZ\x00", "Li\x004XYZ\x00", "Bi\x004XYZ\x00", "Bi\x004XYA\x00", "M", "L", "Lj\x00mx\x00i\x004XYA\x00", "L", "Ei\x004XYA\x00",
	} {
		code, values, err := parseMacros([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.parse([]byte(payload)); err != nil || m.code != code || !maps.Equal(m.values, values) {
			t.Errorf("%q became %q %v, %v", payload, byte(m.code), m.values, err)
		}
	}
	if err := m.parse([]byte("Lname")); err == nil {
		t.Error("a name without NUL was taken")
	}
	if err := m.parse(nil); err == nil {
		t.Error("no command was taken")
	}
}
