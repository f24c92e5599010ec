package policy

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestLookup(t *testing.T) {
	p, err := Load("testdata/right/known.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ tenant, address, want string }{
		{"acme", "anna@acme.example", "anna@acme.example"},
		{"acme", "<ANNA@ACME.example.>", "anna@acme.example"},
		{"acme", "bert@acme.example", "bert@acme.example"},
		{"acme", "bert.brecht@acme.example", "bert@acme.example"},
		{"acme", "b@de.acme.test", "bert@acme.example"},
		{"acme", "sales@acme.example", "info@acme.example"},
		{"acme", "help@eu.acme.test", "info@acme.example"},
		{"acme", "carla@acme.example", "carla@acme.example"},
		{"acme", `"Dora D"@acme.example`, `"dora d"@acme.example`},
		{"acme", "dd@acme.example", `"dora d"@acme.example`},
		// Extensions.
		{"acme", "anna+lists@acme.example", "anna@acme.example"},
		{"acme", "anna+a+b@acme.example", "anna@acme.example"},
		{"acme", "b+x@de.acme.test", "bert@acme.example"},
		{"acme", "+anna@acme.example", ""},
		{"acme", "nobody+anna@acme.example", ""},
		// The list does not have these.
		{"acme", "again@acme.example", ""},
		{"acme", "anna@de.acme.test", ""},
		{"acme", "hank@globex.example", ""},
		{"acme", strings.Repeat("a", 300) + "@acme.example", ""},
		{"globex", "hank@globex.example", "hank@globex.example"},
		{"globex", "hank+x@globex.example", ""},
		{"globex", "anna@acme.example", ""},
	} {
		primary, known := p.Tenant(tt.tenant).lookup(splitAddress(tt.address))
		if primary != tt.want || known != (tt.want != "") {
			t.Errorf("%s: lookup(%q) = %q, %v; want %q", tt.tenant, tt.address, primary, known, tt.want)
		}
	}
}

// Without a list all addresses are known, and an extension does not count.
func TestLookupNoList(t *testing.T) {
	for _, tt := range []struct{ delimiter, local, want string }{
		{"", "anna+x", "anna+x@acme.example"},
		{"+", "anna+x", "anna@acme.example"},
		{"-", "anna+x", "anna+x@acme.example"},
		{"+", "+x", "+x@acme.example"},
		{"+", `"a b+x"`, `"a b+x"@acme.example`},
	} {
		tenant := Tenant{Delimiter: tt.delimiter}
		if primary, known := tenant.lookup(tt.local, "acme.example"); primary != tt.want || !known {
			t.Errorf("%q: lookup(%q) = %q, %v; want %q", tt.delimiter, tt.local, primary, known, tt.want)
		}
	}
}

// A list finds what it has and nothing else, however many there are.
func TestLookupMany(t *testing.T) {
	for _, n := range []int{1, 7, 8, 9, 1000, 30_000} {
		folder := t.TempDir()
		writeTenants(t, folder, 1, n)
		p, err := Load(folder)
		if err != nil {
			t.Fatal(err)
		}
		tenant := p.Tenant("t0")
		for i := range n {
			primary, known := tenant.lookup(fmt.Sprintf("user%06d", i), "t0.example")
			if want := fmt.Sprintf("user%06d@t0.example", i-i%10); !known || i%10 == 9 && primary != want {
				t.Fatalf("%d of %d: %q, %v", i, n, primary, known)
			}
			if _, known := tenant.lookup(fmt.Sprintf("user%06d", i+n), "t0.example"); known {
				t.Fatalf("%d of %d: is known", i+n, n)
			}
		}
	}
}

// writeTenants writes a policy of tenants with lists of so many addresses each. One
// in ten is a secondary address.
func writeTenants(tb testing.TB, folder string, tenants, addresses int) {
	tb.Helper()
	var conf strings.Builder
	for i := range tenants {
		fmt.Fprintf(&conf, "tenant \"t%d\" {\n  domains     = [\"t%d.example\"]\n  known_files = [\"t%d.addresses\"]\n}\n", i, i, i)
		f, err := os.Create(filepath.Join(folder, fmt.Sprintf("t%d.addresses", i)))
		if err != nil {
			tb.Fatal(err)
		}
		w := bufio.NewWriter(f)
		for j := 0; j < addresses; j++ {
			fmt.Fprintf(w, "user%06d@t%d.example", j, i)
			if j%10 == 0 && j+9 < addresses {
				fmt.Fprintf(w, " user%06d@t%d.example", j+9, i)
			}
			if j%10 == 8 {
				j++
			}
			fmt.Fprintln(w)
		}
		if err := w.Flush(); err != nil {
			tb.Fatal(err)
		}
		if err := f.Close(); err != nil {
			tb.Fatal(err)
		}
	}
	conf.WriteString("milter \"edge\" {\n  listen = \"off\"\n  tenant = \"t0\"\n}\n")
	write(tb, filepath.Join(folder, "daybook.hcl"), conf.String())
}

// TestLoadLarge reads many lists and tells what that takes. TENANTS and ADDRESSES in
// the environment say how many; with LISTS they lie in that folder, and are written
// there when it is empty, so that a process of its own can be measured that only
// reads:
//
//	export LISTS=/tmp/lists TENANTS=2500 ADDRESSES=10000
//	go test -run TestLoadLarge -v   # twice
func TestLoadLarge(t *testing.T) {
	folder, tenants, addresses := largeLists(t)
	start := time.Now()
	p, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	count, size := 0, 0
	for i := range p.Tenants {
		k := p.Tenants[i].known
		count += len(k.primaries.slots)/slotSize + len(k.secondaries.values)
		size += k.size()
	}
	if count != tenants*addresses {
		t.Errorf("%d addresses, want %d", count, tenants*addresses)
	}
	t.Logf("%d addresses of %d tenants: %v, %.1f MiB of tables, %s",
		count, tenants, took.Round(time.Millisecond), float64(size)/(1<<20), peak())
	// 5.3 bytes for an address, 4 more and the text of its primary one for a
	// secondary one.
	if most := 10 * (count + 1000*tenants); size > most {
		t.Errorf("the tables take %d bytes, want at most %d", size, most)
	}
}

func largeLists(tb testing.TB) (folder string, tenants, addresses int) {
	tb.Helper()
	number := func(name string, missing int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return missing
	}
	tenants, addresses = number("TENANTS", 25), number("ADDRESSES", 1000)
	if folder = os.Getenv("LISTS"); folder == "" {
		folder = tb.TempDir()
	}
	if _, err := os.Stat(filepath.Join(folder, "daybook.hcl")); err != nil {
		writeTenants(tb, folder, tenants, addresses)
	}
	return folder, tenants, addresses
}

// peak gives the most memory that the process has had, where the system tells.
func peak() string {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "VmHWM:") {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	return "peak not known"
}

func BenchmarkLoad(b *testing.B) {
	folder, tenants, addresses := largeLists(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(folder); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(tenants*addresses*b.N)/b.Elapsed().Seconds(), "addresses/s")
}

func BenchmarkLookup(b *testing.B) {
	folder, tenants, addresses := largeLists(b)
	p, err := Load(folder)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		tenant := &p.Tenants[i%tenants]
		local, domain := splitAddress(fmt.Sprintf("user%06d@%s", i%addresses, tenant.Domains[0]))
		if _, known := tenant.lookup(local, domain); !known {
			b.Fatalf("%s@%s is not known", local, domain)
		}
		i++
	}
}
