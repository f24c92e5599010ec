package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"daybook/archive"
)

// A small archive grows, is measured, and goes on growing where it was left.
func TestGrowth(t *testing.T) {
	dir, program := filepath.Join(t.TempDir(), "kept"), filepath.Join(t.TempDir(), "daybook")
	if err := build(t.Context(), program); err != nil {
		t.Fatal(err)
	}
	grow := func(entries string) (m measurement) {
		t.Helper()
		var out, problems bytes.Buffer
		args := []string{"--grow", "--entries", entries, "--lookups", "25", "--json", "--keep", dir, "--work", t.TempDir(),
			"--daybook", program, "--rounds", "2", "--seconds", "0.2", "--messages", "50"}
		if status := run(t.Context(), args, &out, &problems); status != 0 {
			t.Fatalf("status %d: %s", status, problems.String())
		}
		if err := json.Unmarshal(out.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, c := range []struct {
		entries string
		filled  bool
	}{{"300", true}, {"700", true}, {"700", false}} {
		m := grow(c.entries)
		if len(m.Growth) != 1 || m.Machine.CPUs == 0 {
			t.Fatalf("%+v", m)
		}
		g := m.Growth[0]
		if g.Rate > 0 != c.filled || g.Unclean > 0 != c.filled || g.Ledger.Bytes == 0 || g.Catalog.Bytes == 0 ||
			g.Open <= 0 || g.HeapMiB <= 0 || g.ResidentMiB <= 0 || g.PeakMiB < g.ResidentMiB/2 || len(g.Lookups) != 9 {
			t.Errorf("%s entries: %+v", c.entries, g)
		}
		for _, s := range []*cell{g.Served, g.Beside} {
			if s == nil || len(s.Rounds) != 2 || slices.ContainsFunc(s.Rounds, func(f figures) bool { return f.Messages == 0 || f.Rate <= 0 || f.PeakMiB <= 0 }) {
				t.Errorf("%s entries, by LMTP: %+v", c.entries, s)
			}
		}
		for _, l := range g.Lookups {
			if l.Times != 25 || l.P50 <= 0 || l.P99 < l.P50 {
				t.Errorf("%s entries: %+v", c.entries, l)
			}
		}
	}
	var out, problems bytes.Buffer
	if status := run(t.Context(), []string{"--grow", "--entries", "600", "--keep", dir, "--daybook", program}, &out, &problems); status != statusFailed || !strings.Contains(problems.String(), "has 700 entries already") {
		t.Errorf("status %d: %s", status, problems.String())
	}
	if left, err := filepath.Glob(dir + "*"); err != nil || !slices.Equal(left, []string{dir}) {
		t.Errorf("%q is left, %v", left, err)
	}
}

// An archive of another kind is not written to.
func TestGrowthOfAnotherArchive(t *testing.T) {
	dir := t.TempDir()
	a, err := openGrown(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.AppendEvent(t.Context(), archive.Event{Kind: archive.EventGap, Text: "mail went past"}); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	if status := run(t.Context(), []string{"--grow", "--entries", "10", "--keep", dir, "--daybook", "none"}, &out, &problems); status != statusFailed || !strings.Contains(problems.String(), "--keep") {
		t.Errorf("status %d: %s", status, problems.String())
	}
}

// What was found is compared with what came in.
func TestGrownEntriesAreChecked(t *testing.T) {
	g := &grower{mailer: newGrowMailer(), dir: t.TempDir()}
	if _, err := g.open(); err != nil {
		t.Fatal(err)
	}
	defer g.archive.Close()
	if err := g.fill(t.Context(), 50); err != nil {
		t.Fatal(err)
	}
	f := &finder{grower: g, ctx: t.Context()}
	for id := uint64(1); id <= 50; id++ {
		e, err := g.archive.Entry(id)
		if err != nil {
			t.Fatal(err)
		}
		n, err := f.check(&e)
		if err != nil {
			t.Fatal(err)
		}
		if size := len(g.mailer.make(n).body); size < 250 || size > 700 {
			t.Errorf("message %d has %d bytes", n, size)
		}
		for what, spoil := range map[string]func(*archive.Entry){
			"its digest or size":     func(e *archive.Entry) { e.SHA256[3]++ },
			"its time of arrival":    func(e *archive.Entry) { e.Received = e.Received.Add(1) },
			"its envelope":           func(e *archive.Entry) { e.Envelope.Sender.Address += "x" },
			"its summary":            func(e *archive.Entry) { e.Summary.Subject = "" },
			"its message":            func(e *archive.Entry) { e.Message++ },
			"has the Message-ID":     func(e *archive.Entry) { e.Summary.MessageID = "<x@y>" },
			"not message 7 as it ca": func(e *archive.Entry) { e.Summary.MessageID = "<7.x@y>" },
		} {
			other := e
			spoil(&other)
			if n == 7 && strings.Contains(what, "7") {
				continue
			}
			if _, err := f.check(&other); err == nil || !strings.Contains(err.Error(), what) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

func TestGrowSteps(t *testing.T) {
	for _, c := range []struct {
		last int
		want []int
	}{
		{1, []int{1}}, {10_000, []int{10_000}}, {10_001, []int{10_000, 10_001}},
		{10_000_000, []int{10_000, 100_000, 1_000_000, 3_000_000, 10_000_000}},
	} {
		if got := growSteps(c.last); !slices.Equal(got, c.want) {
			t.Errorf("up to %d: %d", c.last, got)
		}
	}
}

func TestGrowthReport(t *testing.T) {
	m := &measurement{Settings: settings{Rounds: 3, Seconds: 2}, Growth: []grown{
		{Entries: 100, Rate: 2000, Stretch: 50, Ledger: extent{5000, 8192}, Catalog: extent{1000, 4096}, HeapMiB: 1, ResidentMiB: 20, PeakMiB: 30,
			Open: 0.5, Unclean: 0.25, Lookups: []lookup{{"get entry", 10, 0.125, 1}, {"list newest", 10, 2, 3}}},
		{Entries: 200, Ledger: extent{10000, 8192}, Catalog: extent{1000, 4096}, Open: 1, Lookups: []lookup{{"get entry", 10, 0.25, 1}, {"list newest", 10, 4, 5}}},
		{Entries: 400, Rate: 1000,
			Served: &cell{Rounds: []figures{{Rate: 3000, CPU: 250, PeakMiB: 120}, {Rate: 4000, CPU: 260, PeakMiB: 140}, {Rate: 3500, CPU: 270, PeakMiB: 130}}},
			Beside: &cell{Rounds: []figures{{Rate: 4000, CPU: 200, PeakMiB: 90}, {Rate: 4000, CPU: 210, PeakMiB: 80}, {Rate: 4375, CPU: 220, PeakMiB: 100}}}},
	}}
	var out strings.Builder
	if err := printReport(&out, m); err != nil {
		t.Fatal(err)
	}
	squeezed := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"100 2000 1.00 50.0 10.0 1 20 30 0.50 0.25", "200 - - 50.0 5.0 0 0 0 1.00 -", "400 1000 0.50",
		"has few entries; 3 rounds of 2 s entries messages/s with few of that CPU us/msg with few peak MiB with few 400 3500 4000 0.80 [0.75-1.00] 260 210 130 90 how long",
		"entries get entry list newest 100 0.12 / 1.00 2.00 / 3.00 200 0.25 / 1.00 4.00 / 5.00",
	} {
		if !strings.Contains(squeezed, want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
}

func TestBadGrowthCommandLines(t *testing.T) {
	for _, args := range [][]string{
		{"--grow", "--entries", "0"}, {"--grow", "--lookups", "0"}, {"--grow", "--storage"}, {"--grow", "folder"}, {"--keep", os.TempDir()},
	} {
		var out, problems bytes.Buffer
		if status := run(t.Context(), args, &out, &problems); status != statusUsage || problems.Len() == 0 {
			t.Errorf("%q: status %d, %q", args, status, problems.String())
		}
	}
}

func TestCompareGrowth(t *testing.T) {
	one := &measurement{Growth: []grown{{Entries: 10}, {
		Entries: 100, Rate: 1000, Ledger: extent{Bytes: 10}, Catalog: extent{Bytes: 8}, ResidentMiB: 20, PeakMiB: 50, Open: 2, Unclean: 4,
		Lookups: []lookup{{"get entry", 10, 2, 4}}, Served: &cell{Rounds: []figures{{Rate: 4000}}},
	}}}
	two := &measurement{Growth: []grown{{
		Entries: 100, Rate: 2000, Ledger: extent{Bytes: 5}, Catalog: extent{Bytes: 2}, ResidentMiB: 10, PeakMiB: 75, Open: 1, Unclean: 3,
		Lookups: []lookup{{"get entry", 10, 1, 5}, {"list newest", 10, 1, 1}}, Served: &cell{Rounds: []figures{{Rate: 3000}}},
	}, {Entries: 1000}}}
	var out strings.Builder
	if err := printComparison(&out, one, two); err != nil {
		t.Fatal(err)
	}
	squeezed := strings.Join(strings.Fields(out.String()), " ")
	if !strings.HasSuffix(squeezed, "get entry list newest 100 2.00 0.75 0.50 0.25 0.50 1.50 0.50 0.75 0.50 / 1.25 0.00 / 0.00") {
		t.Errorf("compare prints %q", squeezed)
	}
	if err := printComparison(&out, one, &measurement{Growth: []grown{{Entries: 7}}}); err == nil {
		t.Error("runs without a number of entries in common were compared")
	}
}

// Tables of the catalog are made and removed while it is copied: the copy is of one moment,
// with all tables that its manifest names.
func TestCopyOfACatalogThatIsMerged(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	name := func(n int) string { return filepath.Join(from, "catalog", fmt.Sprintf("%06d.sst", n)) }
	if err := os.Mkdir(filepath.Join(from, "catalog"), 0o700); err != nil {
		t.Fatal(err)
	}
	put := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	const tables, merges = 50, 1000
	for n := range tables {
		put(name(n), "table")
	}
	manifest := filepath.Join(from, "catalog", "MANIFEST")
	put(manifest, "0")
	var merged atomic.Bool
	var merging sync.WaitGroup
	defer merging.Wait()
	merging.Go(func() {
		defer merged.Store(true)
		for n := range merges {
			put(name(n+tables), "table")
			put(manifest+".next", fmt.Sprint(n+1))
			if err := errors.Join(os.Rename(manifest+".next", manifest), os.Remove(name(n))); err != nil {
				t.Error(err)
			}
		}
	})
	for last := false; !last; {
		last = merged.Load()
		if err := copyGrown(from, to); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(to, "catalog", "MANIFEST"))
		if err != nil {
			t.Fatal(err)
		}
		var first int
		fmt.Sscan(string(text), &first)
		for n := first; n < first+tables; n++ {
			if _, err := os.Stat(filepath.Join(to, "catalog", filepath.Base(name(n)))); err != nil {
				t.Fatalf("the manifest is of table %d and those behind: %v", first, err)
			}
		}
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
	}
}
