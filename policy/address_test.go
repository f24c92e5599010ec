package policy

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSplitAddress(t *testing.T) {
	for _, tt := range []struct{ in, local, domain string }{
		{"anna@acme.example", "anna", "acme.example"},
		{"<Anna@ACME.Example>", "anna", "acme.example"},
		{"anna@acme.example.", "anna", "acme.example"},
		{"", "", ""},
		{"<>", "", ""},
		{"postmaster", "postmaster", ""},
		{"<Postmaster>", "postmaster", ""},
		{"a@b@acme.example", "a@b", "acme.example"},
		{"anna@", "anna", ""},
		{"@", "", ""},
		{"<", "<", ""},
		// Source routes.
		{"@a.example,@b.example:anna@acme.example", "anna", "acme.example"},
		{"<@a.example:anna@acme.example>", "anna", "acme.example"},
		{"@[IPv6:2001:db8::1]:anna@acme.example", "anna", "acme.example"},
		{"@acme.example", "", "acme.example"},
		{"anna:x@acme.example", "anna:x", "acme.example"},
		// Quotes.
		{`"Anna"@acme.example`, "anna", "acme.example"},
		{`"a\nna"@acme.example`, "anna", "acme.example"},
		{`"anna smith"@acme.example`, `"anna smith"`, "acme.example"},
		{`"anna\ smith"@acme.example`, `"anna smith"`, "acme.example"},
		{`"a@b"@acme.example`, `"a@b"`, "acme.example"},
		{`"a\"b"@acme.example`, `"a\"b"`, "acme.example"},
		{`"a\\b"@acme.example`, `"a\\b"`, "acme.example"},
		{`"a..b"@acme.example`, `"a..b"`, "acme.example"},
		{`""@acme.example`, `""`, "acme.example"},
		{`"@acme.example`, `"`, "acme.example"},
		{`"anna\"@acme.example`, `"anna\\"`, "acme.example"},
		// Domains.
		{"anna@Bücher.Example", "anna", "xn--bcher-kva.example"},
		{"anna@bücher。example", "anna", "xn--bcher-kva.example"},
		{"anna@XN--BCHER-KVA.example", "anna", "xn--bcher-kva.example"},
		{"anna@[192.0.2.1]", "anna", "[192.0.2.1]"},
		{"anna@-Ü.example", "anna", "-ü.example"},
		{"Änna@acme.example", "änna", "acme.example"},
		// What is not UTF-8 keeps its bytes.
		{"\xc4NNA@acme.example", "\xc4nna", "acme.example"},
		{"anna@\xfcBER.example", "anna", "\xfcber.example"},
		{"anna@" + strings.Repeat("ü", 1<<16), "anna", strings.Repeat("ü", 1<<16)},
	} {
		local, domain := splitAddress(tt.in)
		if local != tt.local || domain != tt.domain {
			t.Errorf("splitAddress(%.80q) = %.80q, %.80q; want %.80q, %.80q", tt.in, local, domain, tt.local, tt.domain)
		}
	}
}

func TestSplitAddressAllocs(t *testing.T) {
	n := testing.AllocsPerRun(100, func() { splitAddress("<anna.smith+lists@mail.acme.example>") })
	if n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// Whatever the bytes are, what comes out is a form that stays as it is.
func FuzzSplitAddress(f *testing.F) {
	for _, s := range []string{
		"anna@acme.example", "<@a,@b:c@d>", `"a\"b c"@d`, "a@Bücher.example.", "a@b@c", "\xff@\xff", "<>", "@[:]:a@b", `"\`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		local, domain := splitAddress(s)
		if !isAddress(local, domain) {
			return // not one that is looked up
		}
		again, same := splitAddress(local + "@" + domain)
		if again != local || same != domain {
			t.Fatalf("%q gives %q, %q and then %q, %q", s, local, domain, again, same)
		}
		if !utf8.ValidString(local + domain) {
			t.Fatalf("%q is taken for an address", s)
		}
	})
}
