package message

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestOriginalIsRead(t *testing.T) {
	const mail = "From: a@x\r\nSubject: gr=C3=BC=C3=9Fe\r\n\r\n=20end"
	long := strings.Repeat("x", longLine-2)
	for _, c := range []struct {
		name, encoding, raw, want string
		broken                    bool
	}{
		{"as it stands", "", mail, mail, false},
		{"with bytes that are no text", "", "\x00\xff\r\n", "\x00\xff\r\n", false},
		{"an encoding of another name", "x-uuencode", mail, mail, false},
		{"empty", "base64", "", "", false},
		{"base64", "base64", "RnJvbTogYUB4\r\nDQoNCg==\r\n", "From: a@x\r\n\r\n", false},
		{"base64 that breaks off", "base64", "RnJvbTog\r\n--!", "From: ", true},
		{"base64 that is cut short", "base64", "RnJvbTogYU", "From: ", true},
		{"quoted-printable", "quoted-printable", mail, "From: a@x\r\nSubject: grüße\r\n\r\n end", false},
		{"quoted-printable that breaks off", "quoted-printable", "a\r\nb\x01\r\n", "a\r\nb", true},
		{"quoted-printable in a long line", "quoted-printable", long + "\r\nb", long + "\r\nb", false},
	} {
		delivery := "before" + c.raw + "behind"
		o := Original{Start: 6, End: int64(6 + len(c.raw)), Encoding: c.encoding}
		got, err := io.ReadAll(o.Open(strings.NewReader(delivery)))
		if string(got) != c.want || (err != nil) != c.broken {
			t.Errorf("%s: got %.80q, %v; want %.80q", c.name, got, err, c.want)
		}
	}
}

func TestOriginalWithin(t *testing.T) {
	for _, c := range []struct {
		start, end, size int64
		want             bool
	}{
		{0, 0, 0, true}, {0, 5, 5, true}, {5, 5, 5, true}, {2, 3, 5, true},
		{0, 6, 5, false}, {6, 6, 5, false}, {-1, 2, 5, false}, {3, 2, 5, false}, {-1, -1, 5, false},
	} {
		o := Original{Start: c.start, End: c.end}
		if got := o.Within(c.size); got != c.want {
			t.Errorf("bytes %d to %d of %d: %v", c.start, c.end, c.size, got)
		}
	}
}

// Whatever stands in a delivery, no more comes of an original than its bytes, and
// what is not encoded comes as it is.
func FuzzOriginal(f *testing.F) {
	f.Add([]byte("RnJvbTogYUB4\r\n"), "base64", int64(0), int64(14))
	f.Add([]byte("gr=C3=BC=\r\n=C3=9Fe = \r\n"), "quoted-printable", int64(2), int64(20))
	f.Add([]byte("=\n==\r=0\r\n\xff"), "quoted-printable", int64(0), int64(9))
	f.Add([]byte("abc"), "", int64(1), int64(3))
	f.Fuzz(func(t *testing.T, delivery []byte, encoding string, start, end int64) {
		o := Original{Start: start, End: end, Encoding: encoding}
		if !o.Within(int64(len(delivery))) {
			return
		}
		got, err := io.ReadAll(o.Open(bytes.NewReader(delivery)))
		raw := delivery[start:end]
		if int64(len(got)) > end-start {
			t.Errorf("%d bytes came of %d", len(got), end-start)
		}
		if encoded := encoding == "base64" || encoding == "quoted-printable"; !encoded && (err != nil || !bytes.Equal(got, raw)) {
			t.Errorf("%q came of %q: %v", got, raw, err)
		}
	})
}
