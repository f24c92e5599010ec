package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"daybook/archive"
)

func TestCopies(t *testing.T) {
	one, two := variant{Number: 1}, variant{Number: 2}
	other := variant{Number: 2, Differs: true}
	for _, c := range []struct {
		m    mail
		want string
	}{
		{mail{Entries: 1, Variants: []variant{one}}, "-"},
		{mail{Entries: 3, Variants: []variant{one}}, "3"},
		{mail{Entries: 3, Variants: []variant{one, two}}, "3, 2 variants"},
		{mail{Entries: 2, Variants: []variant{one, other}}, "2, 2 variants differ"},
		{mail{Entries: 4, Unreadable: 2, Variants: []variant{one, two}}, "4, 2 variants, 2 damaged"},
	} {
		if got := copies(&c.m); got != c.want {
			t.Errorf("%+v: %q, want %q", c.m, got, c.want)
		}
	}
}

// Damage within a message follows it, and ends nothing.
func TestNameUnreadable(t *testing.T) {
	list := func(yield func(mail, error) bool) {
		_ = yield(mail{ID: 1, Entries: 3, Unreadable: 1}, nil) && yield(mail{}, &archive.Damage{Entry: 5, Reason: "lost"}) &&
			yield(mail{ID: 9, Entries: 1}, nil)
	}
	var got []string
	for m, err := range nameUnreadable(list) {
		if err != nil && !isDamage(err) {
			t.Fatal(err)
		}
		if err == nil {
			got = append(got, fmt.Sprint(m.ID))
		} else {
			got = append(got, err.Error())
		}
	}
	want := []string{"1", "damage: message 1: of its 3 entries 1 cannot be read; daybook list --entries names them", "entry 5 is damaged: lost", "9"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestVerdict(t *testing.T) {
	at := func(id, message uint64, joined string) entry {
		return entry{ID: id, joining: joining{Message: message, Joined: joined}}
	}
	no := joinRule{Rule: "exact", Against: []string{"other bytes"}}
	for _, c := range []struct {
		name     string
		one, two entry
		together bool
		rule     joinRule
		via      uint64
		want     []string
	}{
		{"two that joined a third", at(4, 2, "exact"), at(6, 2, "content"), true, no, 0,
			[]string{"together: both are message 2", "entry 4 joined it: exact", "entry 6 joined it: content"}},
		{"by another one's bytes", at(2, 2, ""), at(6, 2, "exact"), true, no, 4,
			[]string{"together: both are message 2", "entry 2 is its first", "entry 6 joined it: exact", "entry 4 of message 2 has the bytes of entry 6"}},
		{"apart", at(2, 2, ""), at(6, 6, ""), false, no, 0,
			[]string{"apart: entry 2 is of message 2, entry 6 of message 6"}},
		{"apart though a rule would join", at(2, 2, ""), at(6, 5, "exact"), false, joinRule{Rule: "content", Joins: true}, 0,
			[]string{"apart: entry 2 is of message 2, entry 6 of message 5", "content alone would join them"}},
	} {
		x := comparison{One: c.one, Two: &c.two, Together: c.together, Rules: []joinRule{c.rule}, Via: c.via}
		got := x.verdict()
		if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Each rule that does not join says what stands against it.
func TestAgainst(t *testing.T) {
	check := func(what, one, two string) archive.JoinCheck {
		return archive.JoinCheck{What: what, One: one, Two: two, Agree: one == two && one != ""}
	}
	for _, c := range []struct {
		name   string
		checks []archive.JoinCheck
		rule   archive.Reason
		want   string
	}{
		{"another tenant", []archive.JoinCheck{check("tenant", "a", "b"), check("exact bytes", "1", "1")}, archive.ReasonExact, "another tenant"},
		{"no identity in both", []archive.JoinCheck{check("identity known", "false", "false")}, archive.ReasonContent, "nothing is known to compare them by"},
		{"no Message-ID, other bytes", []archive.JoinCheck{check("Message-ID", "", ""), check("exact bytes", "1", "2")}, archive.ReasonExact, "other bytes"},
		{"no Message-ID, same bytes, late", []archive.JoinCheck{check("Message-ID", "", ""), check("exact bytes", "1", "1")}, archive.ReasonExact, "outside the window"},
		{"no Message-ID, content", []archive.JoinCheck{check("canonical identity", "", ""), {What: "window", Agree: true}}, archive.ReasonContent, againstUnnamed},
		{"late", []archive.JoinCheck{check("canonical identity", "1", "1"), {What: "window"}}, archive.ReasonContent, "outside the window"},
		{"match of one", []archive.JoinCheck{check("match", "message-id", "content"), {What: "window", Agree: true}}, archive.ReasonMessageID, againstMatch},
		{"match of both, no Date", []archive.JoinCheck{check("match", "message-id", "message-id"), check("Message-ID, From and Date", "", "")}, archive.ReasonMessageID,
			"another From or Date, or one is missing"},
	} {
		x := archive.JoinExplanation{One: archive.Entry{ID: 1}, Two: archive.Entry{ID: 2}, Checks: c.checks, Rules: []archive.JoinRule{{Reason: c.rule}}}
		got := newComparison(&x)
		if text := strings.Join(got.Rules[0].Against, "; "); text != c.want {
			t.Errorf("%s: %q, want %q", c.name, text, c.want)
		}
	}
}

// The status shows the tenants that received most, and how many others there are.
func TestPrintTenants(t *testing.T) {
	var list []tenantStatus
	for i := range uint64(13) {
		list = append(list, tenantStatus{Tenant: fmt.Sprintf("tenant%02d", i), ReceivedBytes: 1000 * i, StoredBytes: 250 * i})
	}
	var out bytes.Buffer
	if err := printTenants(&out, list); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 12 || !strings.HasPrefix(lines[1], "tenant12 ") || !strings.HasSuffix(lines[1], " 0.250") ||
		!strings.HasPrefix(lines[10], "tenant03 ") || lines[11] != "and 3 more tenants: see --json" {
		t.Errorf("the tenants are\n%s", out.String())
	}
	if got := list[0].ratio(); got != "-" {
		t.Errorf("nothing of nothing is %q", got)
	}
}
