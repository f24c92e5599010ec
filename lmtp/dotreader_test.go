package lmtp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// reference is RFC 5321 section 4.5.2 as short as it can be said. It returns the message and what follows its end, or ok false if there
// is no end.
func reference(wire []byte) (message, rest []byte, ok bool) {
	for start := true; len(wire) > 0; {
		if start && bytes.HasPrefix(wire, []byte(".\r\n")) {
			return message, wire[3:], true
		}
		if start && wire[0] == '.' {
			wire = wire[1:]
			start = false
			continue
		}
		message = append(message, wire[0])
		wire = wire[1:]
		start = bytes.HasSuffix(message, []byte("\r\n"))
	}
	return message, nil, false
}

// splitReader returns at most as many octets with each Read as the sizes say, over and over.
type splitReader struct {
	data  []byte
	sizes []byte
	i     int
}

func (r *splitReader) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	size := len(r.data)
	if len(r.sizes) > 0 {
		size = min(size, 1+int(r.sizes[r.i%len(r.sizes)]))
		r.i++
	}
	n := copy(p, r.data[:size])
	r.data = r.data[n:]
	return n, nil
}

// checkDotReader compares the reader with the reference, fed in pieces of the sizes and read in pieces of step octets.
func checkDotReader(t *testing.T, wire, sizes []byte, buffer, step int) {
	t.Helper()
	want, wantRest, complete := reference(wire)
	in := bufio.NewReaderSize(&splitReader{data: wire, sizes: sizes}, buffer)
	d := &dotReader{in: in}
	var got []byte
	var err error
	for p := make([]byte, step); err == nil; {
		var n int
		n, err = d.Read(p)
		got = append(got, p[:n]...)
		if n == 0 && err == nil {
			t.Fatalf("%q: read nothing", wire)
		}
	}
	switch {
	case complete && err != io.EOF, !complete && err != io.ErrUnexpectedEOF:
		t.Fatalf("%q: error %v, complete %v", wire, err, complete)
	case complete && !bytes.Equal(got, want), !bytes.HasPrefix(want, got):
		t.Fatalf("%q:\ngot  %q\nwant %q", wire, got, want)
	case d.n != int64(len(got)):
		t.Fatalf("%q: counted %d of %d", wire, d.n, len(got))
	}
	if rest, _ := io.ReadAll(in); complete && !bytes.Equal(rest, wantRest) {
		t.Fatalf("%q: left %q, want %q", wire, rest, wantRest)
	}
	if _, again := d.Read(make([]byte, 1)); again != err {
		t.Fatalf("%q: after the end: %v", wire, again)
	}
}

// sevens calls f with all strings of length 7 over CR, LF and dot.
func sevens(f func(s []byte)) {
	s := make([]byte, 7)
	for i := range 2187 {
		for j := range s {
			s[j] = "\r\n."[i%3]
			i /= 3
		}
		f(s)
	}
}

func TestDotReaderAllStrings(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	sevens(func(s []byte) {
		wire := append(bytes.Clone(s), "\r\n.\r\nnext"...)
		checkDotReader(t, wire, nil, 4096, 4096)
		checkDotReader(t, wire, []byte{0}, 16, 1)
		for range 4 {
			sizes := []byte{byte(rng.IntN(4)), byte(rng.IntN(4)), byte(rng.IntN(4))}
			checkDotReader(t, wire, sizes, 16, 1+rng.IntN(5))
			checkDotReader(t, s, sizes, 16, 1+rng.IntN(5))
		}
	})
}

func TestDotReaderLongLines(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, s := range []string{long, long + "\r\n.." + long, strings.Repeat("\r", 1<<20), strings.Repeat("..\r\n", 1<<18),
		strings.Repeat("\n.\n", 1<<18), strings.Repeat("\x00.", 1<<19)} {
		checkDotReader(t, []byte(s+"\r\n.\r\nnext"), nil, inputBuffer, 4096)
		checkDotReader(t, []byte(s+"\r\n.\r\nnext"), []byte{255, 0, 3}, inputBuffer, 32<<10)
	}
}

func TestDotReaderPassesErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, s := range []string{"", "abc", ".", ".\r", "abc\r\n.", "abc\r\n.\r"} {
		d := &dotReader{in: bufio.NewReader(io.MultiReader(strings.NewReader(s), &failing{broken}))}
		got, err := io.ReadAll(d)
		if !errors.Is(err, broken) || strings.Contains(string(got), ".") {
			t.Errorf("%q: read %q, error %v", s, got, err)
		}
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func TestDrainHasALimit(t *testing.T) {
	d := &dotReader{in: bufio.NewReader(io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)), &failing{errors.New("too far")}))}
	if err := d.drain(100 << 10); err != ErrTooLarge {
		t.Errorf("error %v", err)
	}
}

func FuzzDotReader(f *testing.F) {
	for _, s := range []string{"a\r\n.\r\n", ".\r\n", "..\r\n.\r\nQUIT\r\n", "a\n.\n\r.\r\r\n.\r\n", "\r\r\n..x\r\n.\rX\r\n.\x00\r\n.\r\n"} {
		f.Add([]byte(s), []byte{0}, uint8(0))
		f.Add([]byte(s), []byte{2, 7, 1}, uint8(200))
	}
	f.Fuzz(func(t *testing.T, wire, sizes []byte, step uint8) {
		checkDotReader(t, wire, sizes, 16, 1+int(step))
	})
}

func BenchmarkDotReader(b *testing.B) {
	line := strings.Repeat("x", 76) + "\r\n"
	for name, text := range map[string]string{
		"lines":  strings.Repeat(line, 1<<20/len(line)),
		"dots":   strings.Repeat("..\r\n", 1<<18),
		"crs":    strings.Repeat("\r", 1<<20),
		"noline": strings.Repeat("x", 1<<20),
	} {
		b.Run(name, func(b *testing.B) {
			data := []byte(text + "\r\n.\r\n")
			src := bytes.NewReader(data)
			in := bufio.NewReaderSize(src, inputBuffer)
			p := make([]byte, 32<<10)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				src.Reset(data)
				in.Reset(src)
				d := dotReader{in: in}
				for err := error(nil); err == nil; {
					_, err = d.Read(p)
				}
			}
		})
	}
}
