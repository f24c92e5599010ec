package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// someOf makes the first messages of a kind.
func someOf(k kind, messages int) (*mixer, [][]byte) {
	x := newMixer(k)
	var list [][]byte
	for n := range messages {
		list = append(list, x.next(n))
	}
	return x, list
}

func TestMixIsTheSameEveryTime(t *testing.T) {
	k := kind{repeats: 0.3}
	_, one := someOf(k, 50)
	_, two := someOf(k, 50)
	for i := range one {
		if !bytes.Equal(one[i], two[i]) {
			t.Errorf("message %d differs between two sets", i)
		}
		if i > 0 && bytes.Equal(one[i], one[i-1]) {
			t.Errorf("messages %d and %d are the same", i-1, i)
		}
	}
}

func TestMixIsMIME(t *testing.T) {
	for _, size := range []int{0, 4 << 10, 30 << 10} {
		_, list := someOf(kind{size: size, repeats: 0.3}, 100)
		for i, raw := range list {
			if err := checkMIME(raw); err != nil {
				t.Errorf("message %d of size %d: %v", i, size, err)
			}
			if bytes.Contains(raw, []byte(stamp)) {
				t.Errorf("message %d of size %d: its stamp stands", i, size)
			}
			if n := bytes.Count(raw, []byte("\r\n")); bytes.Count(raw, []byte("\n")) != n || bytes.Count(raw, []byte("\r")) != n {
				t.Errorf("message %d of size %d: a line end is not CRLF", i, size)
			}
		}
	}
}

func TestMixHasItsSizes(t *testing.T) {
	_, small := someOf(kind{size: 4 << 10}, 100)
	sum := 0
	for _, raw := range small {
		sum += len(raw)
	}
	if mean := sum / len(small); mean < 3500 || mean > 6000 {
		t.Errorf("messages of 4 KB are %d bytes long on average", mean)
	}
	x, sizes := newMixer(kind{}), []float64{}
	total := 0.0
	for range 20_000 {
		sizes = append(sizes, float64(x.aSize()))
		total += sizes[len(sizes)-1]
	}
	slices.Sort(sizes)
	if median := quantile(sizes, 0.5); math.Abs(median-12_000) > 600 {
		t.Errorf("the median is %.0f bytes", median)
	}
	if mean := total / float64(len(sizes)); math.Abs(mean-72_000) > 8000 {
		t.Errorf("the mean is %.0f bytes", mean)
	}
}

func TestMixRepeatsItsShareOfAttachments(t *testing.T) {
	const messages = 1000
	for _, share := range []float64{0, 0.3} {
		x, list := someOf(kind{size: 30 << 10, repeats: share}, messages)
		if got := ratio(float64(x.repeated), float64(x.total)); math.Abs(got-share) > 0.05 {
			t.Errorf("%.2f of the attachments are repeated, want %.2f", got, share)
		}
		bodies := map[string]int{}
		parts := 0
		for _, raw := range list {
			for _, part := range strings.Split(string(raw), "Content-Disposition: attachment;")[1:] {
				_, body, _ := strings.Cut(part, "\r\n\r\n")
				body, _, _ = strings.Cut(body, "--")
				bodies[body]++
				parts++
			}
		}
		if parts != x.total || parts-len(bodies) != x.repeated {
			t.Errorf("%d attachments, %d of them different; %d were made and %d repeated", parts, len(bodies), x.total, x.repeated)
		}
	}
}

func TestMixIsWritten(t *testing.T) {
	dir := t.TempDir()
	k := kind{messages: 5, size: 4 << 10}
	if err := newMixer(k).writeTo(dir); err != nil {
		t.Fatal(err)
	}
	_, want := someOf(k, 5)
	f, err := findMail(dir)
	if err != nil || len(f.paths) != len(want) {
		t.Fatalf("%d files, %v", len(f.paths), err)
	}
	for i := range want {
		if got, err := os.ReadFile(f.paths[i]); err != nil || !bytes.Equal(got, want[i]) {
			t.Errorf("%s: %d bytes, %v, want %d", filepath.Base(f.paths[i]), len(got), err, len(want[i]))
		}
	}
}
