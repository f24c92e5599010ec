package main

import "testing"

// TestMessageRowCut has messages of which more came than is told.
func TestMessageRowCut(t *testing.T) {
	for _, c := range []struct {
		m    mail
		want string
	}{
		{mail{Entries: 1000}, "1000"},
		{mail{Entries: 1010, Cut: true}, "1010, cut"},
		{mail{Entries: 1010, Unreadable: 2, Cut: true, Variants: make([]variant, 3)}, "1010, 3 variants, 2 damaged, cut"},
		{mail{Entries: 1}, "-"},
		{mail{Entries: 1, Cut: true}, "1, cut"}, // too many recipients
	} {
		if row := messageRow(&c.m, false); row[5] != c.want {
			t.Errorf("%d entries, cut %v: %q, want COPIES %q", c.m.Entries, c.m.Cut, row, c.want)
		}
	}
}
