package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"daybook/policy"
)

// writes is a log that keeps each write apart.
type writes struct {
	mu   sync.Mutex
	list []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, string(p))
	return len(p), nil
}

// counts is how many lines each write had.
func (w *writes) counts() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, one := range w.list {
		fmt.Fprint(&b, strings.Count(one, "\n"), " ")
	}
	return strings.TrimSpace(b.String())
}

// TestLogLinesWait: of lines of routine the first after a pause is written at once, and
// those behind it together; what is no routine, tells of trouble, or is the end, comes at
// once with all that is before it.
func TestLogLinesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out writes
		plain, flush, err := newLogger(&out, &policy.Server{})
		if err != nil {
			t.Fatal(err)
		}
		log := routine(plain)
		want := func(counts string) {
			t.Helper()
			if got := out.counts(); got != counts {
				t.Fatalf("lines in each write: %s, not %s:\n%q", got, counts, out.list)
			}
		}
		log.Info("one")
		want("1")
		log.With("source", "mta").Info("two")
		log.WithGroup("group").Info("three")
		want("1")
		time.Sleep(logPause)
		synctest.Wait()
		want("1 2")
		time.Sleep(logPause)
		log.Info("four")
		want("1 2 1")
		log.Info("five")
		log.With("source", "mta").Warn("six")
		want("1 2 1 2")
		log.Info("seven")
		flush()
		want("1 2 1 2 1")
		flush()
		time.Sleep(time.Second)
		synctest.Wait()
		want("1 2 1 2 1")
		log.Info("eight")
		log.Info("nine", "long", strings.Repeat("x", maxLines))
		want("1 2 1 2 1 1 1")
		log.Info("ten")
		plain.With("policy", 1).Info("eleven")
		want("1 2 1 2 1 1 1 2")
	})
}

// TestLogLinesAreWhole: lines of many at once come out whole, each once, and those of one
// in order.
func TestLogLinesAreWhole(t *testing.T) {
	var out writes
	plain, flush, err := newLogger(&out, &policy.Server{})
	if err != nil {
		t.Fatal(err)
	}
	log := routine(plain)
	const writers, each = 8, 500
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			for n := range each {
				log.Info("line", "writer", w, "number", n, "text", strings.Repeat("x", n))
			}
		})
	}
	running.Wait()
	flush()
	next := make([]int, writers)
	for line := range bytes.Lines([]byte(strings.Join(out.list, ""))) {
		_, rest, _ := strings.Cut(string(line), "msg=line writer=")
		var w, n int
		var text string
		if _, err := fmt.Sscanf(rest, "%d number=%d text=%s", &w, &n, &text); n > 0 && err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if n != next[w] || len(text) != n && n > 0 {
			t.Fatalf("writer %d: line %d of length %d, not %d", w, n, len(text), next[w])
		}
		next[w]++
	}
	for w, n := range next {
		if n != each {
			t.Errorf("writer %d: %d lines, not %d", w, n, each)
		}
	}
}
