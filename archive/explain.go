package archive

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// JoinExplanation says why two entries are one message, or are not.
type JoinExplanation struct {
	// One and Two are the entries that are compared, One the earlier. Two has the ID 0
	// when there is nothing to compare One with.
	One, Two Entry
	// Together tells whether the two are in the same message as it stands.
	Together bool
	// Checks are the comparisons that the rules are made of.
	Checks []JoinCheck
	// Rules say of each rule, in the order in which they are tried, whether it would
	// join Two to a message that begins with One.
	Rules []JoinRule
	// Via is an earlier entry of One's message whose exact bytes are those of Two, when
	// One's are others; 0 for none.
	Via uint64
	// Candidates are the messages of the tenant with the same Message-ID, or the same
	// bytes when there is none, by their numbers; of very many the latest. Damaged ones
	// are left out.
	Candidates []uint64
}

// JoinCheck is one comparison: what was compared, both values, and whether they agree.
// Values that are missing are empty, and do not agree.
type JoinCheck struct {
	What, One, Two string
	Agree          bool
}

// JoinRule says whether a rule joins.
type JoinRule struct {
	Reason Reason
	Joins  bool
}

// Explain compares two entries as the rules of joining do. Where two is 0, entry one
// is compared with the message that it belongs to; when it is the first of that, with
// the one that it collides with, or the nearest with the same Message-ID. The error
// is that of [Archive.Entry], or ctx's.
func (a *Archive) Explain(ctx context.Context, one, two uint64) (JoinExplanation, error) {
	if err := ctx.Err(); err != nil {
		return JoinExplanation{}, err
	}
	first, err := a.Entry(one)
	if err != nil {
		return JoinExplanation{}, err
	}
	x := JoinExplanation{One: first}
	var known heads
	if first.Identity != nil {
		if known, x.Candidates, err = a.known(groupOf(&first)); err != nil {
			return JoinExplanation{}, fmt.Errorf("entry %d: %w", one, err)
		}
	}
	if two == 0 {
		two = partner(&first, x.Candidates)
	}
	if two == 0 {
		return x, nil
	}
	if x.Two, err = a.Entry(two); err != nil {
		return JoinExplanation{}, err
	}
	if x.Two.ID < x.One.ID {
		x.One, x.Two = x.Two, x.One
	}
	x.compare(&known)
	return x, nil
}

// known gives the messages of a group that can be read, and the numbers of these and of
// those that may be of it and cannot.
func (a *Archive) known(group half) (heads, []uint64, error) {
	from, p := a.catalog.reader(), newPast(a.codec, a.ledger.Read)
	r, err := rosterIn(from, joinKey(group))
	if err != nil {
		return heads{}, nil, err
	}
	unread := map[uint64]bool{}
	known := r.heads(group, func(number uint64) (head, bool) {
		one, err := p.get(from, number)
		unread[number] = err != nil
		return one, err == nil
	})
	var numbers []uint64
	for _, one := range r.list {
		of := func(h head) bool { return h.number == one.number }
		if unread[one.number] || slices.ContainsFunc(known.list, of) {
			numbers = append(numbers, one.number)
		}
	}
	return known, numbers, nil
}

// partner is the entry that another is best compared with; 0 when there is none.
func partner(e *Entry, candidates []uint64) uint64 {
	if e.Message != e.ID {
		return e.Message
	}
	if e.Collides != 0 {
		return e.Collides
	}
	i, found := slices.BinarySearch(candidates, e.ID)
	if i > 0 {
		return candidates[i-1]
	}
	if found {
		i++
	}
	if i < len(candidates) {
		return candidates[i]
	}
	return 0
}

// compare fills in what comes of comparing the two.
func (x *JoinExplanation) compare(known *heads) {
	one, two := &x.One, &x.Two
	x.Together = one.Message == two.Message
	check := func(what, a, b string) {
		x.Checks = append(x.Checks, JoinCheck{what, a, b, a == b && a != ""})
	}
	check("tenant", one.Tenant, two.Tenant)
	check("identity known", strconv.FormatBool(one.Identity != nil), strconv.FormatBool(two.Identity != nil))
	if one.Identity == nil || two.Identity == nil {
		x.judge(nil, nil)
		return
	}
	check("Message-ID", one.Identity.MessageID, two.Identity.MessageID)
	check("exact bytes", one.Identity.Exact.String(), two.Identity.Exact.String())
	check("canonical identity", halfText(one.Identity.Canonical), halfText(two.Identity.Canonical))
	if one.Join.Match == MatchMessageID || two.Join.Match == MatchMessageID {
		check("Message-ID, From and Date", halfText(one.Identity.Fields), halfText(two.Identity.Fields))
	}
	check("source, sender and recipients", fmt.Sprintf("%x", wayOf(one)), fmt.Sprintf("%x", wayOf(two)))
	check("match", string(one.Join.Match), string(two.Join.Match))
	a, b := newHead(one), newHead(two)
	x.window(&a, &b)
	x.judge(&a, &b)
	for i := range known.list {
		for _, f := range known.list[i].forms {
			same := f.exact == b.forms[0].exact && f.exact != a.forms[0].exact
			if known.list[i].number == one.Message && same && f.number < two.ID {
				x.Via = f.number
			}
		}
	}
}

// window compares how far apart the two came in with how far they may be.
func (x *JoinExplanation) window(a, b *head) {
	apart, reach := a.apart(b), a.reach(b)
	x.Checks = append(x.Checks, JoinCheck{
		What:  "window",
		One:   fmt.Sprintf("%v apart", time.Duration(min(apart, 1<<63-1))),
		Two:   fmt.Sprintf("at most %v (of %v and %v)", time.Duration(reach), x.One.Join.Window, x.Two.Join.Window),
		Agree: reach > 0 && apart <= reach,
	})
}

// judge tries the rules. Nothing joins entries of different tenants or of different
// Message-IDs, nor those of which nothing is known.
func (x *JoinExplanation) judge(a, b *head) {
	alike := a != nil && a.group == b.group
	for _, why := range reasons() {
		joins := false
		if alike {
			_, joins = a.takes(b, why)
		}
		x.Rules = append(x.Rules, JoinRule{why, joins})
	}
}

// halfText shows the half of a digest that an entry keeps; it is empty for the zero
// digest.
func halfText(d Digest) string {
	if d == (Digest{}) {
		return ""
	}
	return hex.EncodeToString(d[:len(half{})])
}
