package main

import (
	"fmt"
	"slices"

	"daybook/archive"
)

// comparison is why two entries are one message, or are not.
type comparison struct {
	One      entry       `json:"one"` // the earlier one
	Two      *entry      `json:"two"` // null when there is none to compare with
	Together bool        `json:"together"`
	Rules    []joinRule  `json:"rules"`  // in the order in which they are tried
	Checks   []joinCheck `json:"checks"` // what the rules are made of
	// Via is the entry of the first one's message with the bytes of the second one; 0
	// for none.
	Via uint64 `json:"via"`
	// Candidates are the messages that the first entry that was asked for could belong
	// to, by Message-ID.
	Candidates []uint64 `json:"candidates"`
}

// joinRule says whether a rule joins the second entry to a message that begins with
// the first one, and what stands against it.
type joinRule struct {
	Rule    string   `json:"rule"`
	Joins   bool     `json:"joins"`
	Against []string `json:"against"`
}

// joinCheck is something that was compared.
type joinCheck struct {
	What  string `json:"what"`
	One   string `json:"one"`
	Two   string `json:"two"`
	Agree bool   `json:"agree"`
}

func newComparison(x *archive.JoinExplanation) comparison {
	c := comparison{
		One: newEntry(&x.One), Together: x.Together, Rules: []joinRule{}, Checks: []joinCheck{}, Via: x.Via,
		Candidates: append([]uint64{}, x.Candidates...),
	}
	if x.Two.ID == 0 {
		return c
	}
	two := newEntry(&x.Two)
	c.Two = &two
	for _, k := range x.Checks {
		if k.What == checkWay {
			k.One, k.Two = wayText(&c.One, k.One), wayText(c.Two, k.Two)
		}
		c.Checks = append(c.Checks, joinCheck{k.What, valid(k.One), valid(k.Two), k.Agree})
	}
	for _, r := range x.Rules {
		rule := joinRule{Rule: string(r.Reason), Joins: r.Joins, Against: []string{}}
		if !r.Joins {
			rule.Against = c.against(r.Reason)
		}
		c.Rules = append(c.Rules, rule)
	}
	return c
}

// wayText says how an entry came, beside the digest of all that counts of it.
func wayText(e *entry, digest string) string {
	return fmt.Sprintf("%s, %s to %s (%s)", e.Source, shortSender(e.EnvelopeSender), shortRecipients(e.EnvelopeRecipients), digest)
}

const (
	againstUnnamed = "no Message-ID that can be used"
	againstMatch   = "match is not message-id"
	checkWay       = "source, sender and recipients"
)

// against says in words what keeps a rule from joining. The comparisons have the names
// that archive.Explain gives them.
func (c *comparison) against(why archive.Reason) []string {
	list := []string{}
	need := func(what, words string, ok func(*joinCheck) bool) {
		if i := slices.IndexFunc(c.Checks, func(k joinCheck) bool { return k.What == what }); i >= 0 && !ok(&c.Checks[i]) {
			list = append(list, words)
		}
	}
	agree := func(k *joinCheck) bool { return k.Agree }
	same := func(k *joinCheck) bool { return k.One == k.Two } // also when it is missing in both
	need("tenant", "another tenant", agree)
	need("identity known", "nothing is known to compare them by", func(k *joinCheck) bool { return k.Agree && k.One == "true" })
	need("Message-ID", "another Message-ID", same)
	switch why {
	case archive.ReasonResend:
		need("exact bytes", "other bytes", agree)
		need(checkWay, "another source, sender or recipients", agree)
	case archive.ReasonExact:
		need("exact bytes", "other bytes", agree)
	case archive.ReasonContent:
		need("canonical identity", againstUnnamed, func(k *joinCheck) bool { return k.One+k.Two != "" })
		need("canonical identity", "other content", same)
		need("window", "outside the window", agree)
	case archive.ReasonMessageID:
		need("match", againstMatch, func(k *joinCheck) bool { return k.Agree && k.One == string(archive.MatchMessageID) })
		need("Message-ID, From and Date", "another From or Date, or one is missing", agree)
		need("window", "outside the window", agree)
	}
	if len(list) == 0 {
		list = append(list, "outside the window") // which exact copies have when there is no Message-ID
	}
	return list
}

// nearestRule gives the rule that was to join the two: that of their match, or without
// a Message-ID the one for exact copies.
func (c *comparison) nearestRule() joinRule {
	rule := func(why archive.Reason) joinRule {
		i := slices.IndexFunc(c.Rules, func(r joinRule) bool { return r.Rule == string(why) })
		return c.Rules[i]
	}
	if r := rule(archive.ReasonMessageID); !slices.Contains(r.Against, againstMatch) {
		return r
	}
	if r := rule(archive.ReasonContent); !slices.Contains(r.Against, againstUnnamed) {
		return r
	}
	return rule(archive.ReasonExact)
}

// verdict says in a line or two what became of the two entries.
func (c *comparison) verdict() []string {
	one, two := &c.One, c.Two
	if c.Together {
		return append([]string{fmt.Sprintf("together: both are message %d", one.Message), one.became(), two.became()}, c.via()...)
	}
	lines := []string{fmt.Sprintf("apart: entry %d is of message %d, entry %d of message %d", one.ID, one.Message, two.ID, two.Message)}
	if i := slices.IndexFunc(c.Rules, func(r joinRule) bool { return r.Joins }); i >= 0 {
		lines = append(lines, fmt.Sprintf("%s alone would join them; but entry %d went to a message that a stricter rule found, or that was nearer in time, or entry %d is not the first of its message, or came when too many others with its Message-ID lay between",
			c.Rules[i].Rule, two.ID, one.ID))
	}
	if two.Collides == one.Message {
		lines = append(lines, fmt.Sprintf("entry %d has the Message-ID of message %d and other content, which an event of the kind collision records", two.ID, one.Message))
	}
	return append(lines, c.via()...)
}

// via names the entry that links the two when their own bytes do not.
func (c *comparison) via() []string {
	if c.Via == 0 {
		return nil
	}
	return []string{fmt.Sprintf("entry %d of message %d has the bytes of entry %d", c.Via, c.One.Message, c.Two.ID)}
}

// became says how an entry came to its message.
func (e *entry) became() string {
	if e.Joined == "" {
		return fmt.Sprintf("entry %d is its first", e.ID)
	}
	text := fmt.Sprintf("entry %d joined it: %s", e.ID, e.Joined)
	if e.Differs {
		text += "; its content differs from the first"
	}
	return text
}
