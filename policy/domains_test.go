package policy

import (
	"strings"
	"testing"
)

func TestOwner(t *testing.T) {
	d := domains{
		exact: map[string]string{"acme.example": "acme", "globex.example": "globex", "www.acme.test": "acme"},
		below: map[string]string{"acme.example": "acme", "acme.test": "acme", "deep.acme.test": "acme-deep"},
	}
	for _, tt := range []struct{ domain, want string }{
		{"acme.example", "acme"},
		{"mail.acme.example", "acme"},
		{"a.b.c.acme.example", "acme"},
		{"globex.example", "globex"},
		{"mail.globex.example", ""},
		{"acme.test", ""},
		{"www.acme.test", "acme"},
		{"x.acme.test", "acme"},
		{"deep.acme.test", "acme"},
		{"x.deep.acme.test", "acme-deep"},
		{"notacme.test", ""},
		{"example", ""},
		{"", ""},
		{".", ""},
		{".acme.example", ""},
		{"..acme.example", ""},
		{strings.Repeat("a.", 100) + "acme.example", "acme"},
		{strings.Repeat("a.", 1<<20) + "acme.example", ""},
	} {
		got, ok := d.owner(tt.domain)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("owner(%.60q) = %q, %v; want %q", tt.domain, got, ok, tt.want)
		}
	}
}

func TestJournalFor(t *testing.T) {
	p, err := Load("testdata/right/full.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ listener, recipient, want string }{
		{"outside", "journal+acme@archive.example", "exchange"},
		{"outside", "<JOURNAL+Acme@Archive.Example.>", "exchange"},
		{"outside", `"journal+acme"@archive.example`, "exchange"},
		{"outside", "journal@archive.example", "rest"},
		{"outside", "", "rest"},
		{"outside", "*", "rest"},
		{"local", "journal+acme@archive.example", "rest"},
		{"spare", "journal+acme@archive.example", "spare"},
		{"edge", "journal+acme@archive.example", ""},
		{"", "", ""},
	} {
		got := ""
		if j := p.JournalFor(tt.listener, tt.recipient); j != nil {
			got = j.Name
		}
		if got != tt.want {
			t.Errorf("JournalFor(%q, %q) = %q, want %q", tt.listener, tt.recipient, got, tt.want)
		}
	}
	same, err := Load("testdata/right/same-address.hcl")
	if err != nil {
		t.Fatal(err)
	}
	if j := same.JournalFor("west", "other@archive.example"); j != nil {
		t.Errorf("an address of nobody is taken by %q", j.Name)
	}
	if j := same.JournalFor("west", "journal@archive.example"); j == nil || j.Name != "west-mail" {
		t.Errorf("west: got %+v", j)
	}
}
