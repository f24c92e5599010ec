package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// lineCells is how wide the text of an explanation is.
const lineCells = 100

// write prints the explanation.
func (x *explanation) write(env *environment, asJSON bool) error {
	if asJSON {
		return newLines(env.stdout).Encode(x)
	}
	out := bufio.NewWriter(env.stdout)
	x.writeHead(out)
	for i := range x.Tenants {
		if err := x.Tenants[i].write(out); err != nil {
			return err
		}
	}
	return out.Flush()
}

// say writes one line, cleaned and cut to the width.
func say(w io.Writer, indent int, format string, args ...any) {
	text := cut(clean(fmt.Sprintf(format, args...)), lineCells-indent)
	fmt.Fprintf(w, "%*s%s\n", indent, "", text)
}

func (x *explanation) writeHead(w io.Writer) {
	what := "file " + x.File
	if x.ID != 0 {
		what = fmt.Sprintf("entry %d", x.ID)
	}
	say(w, 0, "%s: %s, by %s at %s UTC", what, readableSize(x.Size), x.Source, x.Received.Format(time.DateTime))
	say(w, 2, "envelope   %s to %s", shortSender(x.Sender), shortRecipients(x.Recipients))
	say(w, 2, "subject    %s", x.Subject)
	if len(x.Flags) > 0 {
		say(w, 2, "flags      %s", strings.Join(x.Flags, " "))
	}
	if r := x.Recorded; r != nil {
		x.writeRecorded(w, r)
	}
	say(w, 2, "judged by  policy %s", shortDigest(x.Policy))
}

// writeRecorded shows what was decided then, and whether it would be so now.
func (x *explanation) writeRecorded(w io.Writer, r *recordedDecision) {
	if r.Action == "" {
		say(w, 2, "recorded   no decision")
		return
	}
	say(w, 2, "recorded   for %s: %s, policy %s", r.Tenant, decided(r.Action, r.Rule, r.At, r.Reason), shortDigest(r.Policy))
	i := slices.IndexFunc(x.Tenants, func(v tenantView) bool { return v.Tenant == r.Tenant })
	switch {
	case i < 0:
		say(w, 2, "           it would not be for %s", r.Tenant)
	case x.Tenants[i].Action != r.Action:
		say(w, 2, "           it would be otherwise")
	}
}

// decided says what was decided and by what.
func decided(action, rule, at, reason string) string {
	if rule == "" {
		return action + ", as no rule matches"
	}
	s := action + " by " + rule
	if at != "" {
		s += " at " + at
	}
	if reason != "" {
		s += ": " + reason
	}
	return s
}

func (v *tenantView) write(out *bufio.Writer) error {
	say(out, 0, "")
	say(out, 0, "tenant %s: %s", v.Tenant, decided(v.Action, v.Rule, v.At, v.Reason))
	say(out, 2, "direction  %s", v.Direction)
	if len(v.Tags) > 0 {
		say(out, 2, "tags       %s", strings.Join(v.Tags, " "))
	}
	if len(v.Flags) > 0 {
		say(out, 2, "flags      %s", strings.Join(v.Flags, " "))
	}
	say(out, 0, "")
	t := newTable(out, "  ADDRESS", "", "COUNTS AS", "PRIMARY")
	row := func(role string, a *addressView) error {
		primary := "-"
		if a.Primary != a.Address {
			primary = cut(clean(a.Primary), 28)
		}
		return t.row("  "+role, shortSender(a.Address), a.Counts, primary)
	}
	if err := row("sender", &v.Sender); err != nil {
		return err
	}
	for i := range v.Recipients {
		if err := row("recipient", &v.Recipients[i]); err != nil {
			return err
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	v.writeTried(out)
	return nil
}

func (v *tenantView) writeTried(w io.Writer) {
	say(w, 0, "")
	if len(v.Tried) == 0 {
		say(w, 2, "the policy has no rule, and the source says nothing but archive")
	}
	for i := range v.Tried {
		t := &v.Tried[i]
		what := "rule "
		if len(t.Steps) == 0 {
			what = "the source's "
		}
		result := "does not match"
		switch {
		case t.Error != "":
			result = t.Error
		case t.Matches && t.Held != "":
			result = "matches, but does not skip: " + t.Held
		case t.Matches:
			result = "matches: " + t.Action
		}
		say(w, 2, "%s%s at %s %s", what, t.Name, t.At, result)
		for _, s := range t.Steps {
			value := "no"
			if s.Value {
				value = "yes"
			}
			text := s.Text
			if s.Error != "" {
				value, text = "?", s.Text+": "+s.Error
			}
			say(w, 4+min(2*s.Depth, 40), "%-4s%s", value, text)
		}
	}
}
