package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"daybook/archive"
	"daybook/archive/message"
)

type dedupExplainCmd struct {
	place `embed:""`
	JSON  bool    `name:"json" help:"One JSON object."`
	One   entryID `arg:"" name:"id" help:"The number of an entry, as daybook list shows it."`
	Two   entryID `arg:"" name:"other" optional:"" help:"The number of another one."`
}

// Help is the long help of the command.
func (*dedupExplainCmd) Help() string {
	return `With one number: the message that the entry belongs to, its entries and why each of them belongs to it, its variants, and the messages with the same Message-ID that were not joined with it, with what stood against that.

With two: whether the two are one message, each rule of joining with what stands against it, what the rules compare, and both mails field by field: Message-ID, From, Date, Subject, how the parts stand in each other, and every part. Of a journal's report it is the mail inside that is compared.

The rules, in the order in which they are tried: resend, the same bytes by the same source from the same sender to the same recipients; exact, the same bytes; content, the same Message-ID, From, Date, Subject and decoded parts, within extended_dedup.window; message-id, the same Message-ID, From and Date, within the window, where match is "message-id" on both sources. Nothing joins mail of two tenants, and without a Message-ID only the same bytes do.

Exit status: 0 when it was explained, 1 when an entry is damaged or the work failed, 2 for wrong flags, a number that is not there and a data folder that cannot be read.`
}

// Run explains.
func (c *dedupExplainCmd) Run(env *environment) error {
	if c.One == c.Two {
		return refuse("", fmt.Errorf("entry %d is named twice", c.One), "name two entries, or one to see its message")
	}
	return withStore(env.ctx, &c.place, func(s store) error {
		if c.Two == 0 {
			x, err := explainMessage(env.ctx, s, uint64(c.One))
			if err != nil {
				return err
			}
			if c.JSON {
				err = newLines(env.stdout).Encode(x)
			} else {
				err = x.write(env.stdout)
			}
			return errors.Join(err, damageFault(x.damaged()))
		}
		x, err := explainPair(env.ctx, s, uint64(c.One), uint64(c.Two))
		if x == nil {
			return err
		}
		if c.JSON {
			return errors.Join(newLines(env.stdout).Encode(x), err)
		}
		return errors.Join(x.write(env.stdout), err)
	})
}

// pairExplanation is the object of daybook dedup explain --json with two numbers.
type pairExplanation struct {
	comparison
	Fields []fieldCheck `json:"fields"` // of both mails; null when one of them cannot be read
}

// fieldCheck is what two mails have of one field.
type fieldCheck struct {
	Name  string `json:"name"`
	One   string `json:"one"`
	Two   string `json:"two"`
	Equal bool   `json:"equal"`
}

// explainPair compares two entries. When a mail cannot be read there is an error, and
// what is known without it.
func explainPair(ctx context.Context, s store, one, two uint64) (*pairExplanation, error) {
	c, err := s.Explain(ctx, one, two)
	if err != nil {
		return nil, err
	}
	x := &pairExplanation{comparison: c}
	a, err := identify(ctx, s, &c.One)
	if err != nil {
		return x, err
	}
	b, err := identify(ctx, s, c.Two)
	if err != nil {
		return x, err
	}
	for _, d := range a.Compare(b) {
		x.Fields = append(x.Fields, fieldCheck{valid(d.Name), valid(d.A), valid(d.B), d.Equal})
	}
	return x, nil
}

// identify reads an entry's mail for what it is compared by.
func identify(ctx context.Context, s store, e *entry) (*message.Identity, error) {
	f, err := unnamedFile()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := writeMail(ctx, s, e, f); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	parts, err := message.Scan(f, info.Size())
	if err != nil {
		return nil, err
	}
	id, err := message.Identify(ctx, f, info.Size(), parts)
	return &id, err
}

// messageExplanation is the object of daybook dedup explain --json with one number.
type messageExplanation struct {
	Message    mail       `json:"message"`
	Members    []member   `json:"members"` // the entries that can be read, up to 1,000
	NearMisses []nearMiss `json:"near_misses"`
}

// member is an entry of a message.
type member struct {
	ID       uint64    `json:"id"`
	Received time.Time `json:"received"`
	Source   string    `json:"source"`
	Size     int64     `json:"size"`
	Variant  int       `json:"variant"` // 0: of a very large message it is not known
	joining
}

// nearMiss is another message that has the same Message-ID, or the same bytes.
type nearMiss struct {
	Message  uint64    `json:"message"`
	Received time.Time `json:"received,omitzero"` // missing when one of them is damaged
	Sender   string    `json:"sender"`
	Subject  string    `json:"subject"`
	Against  []string  `json:"against"` // what stands against the rule that was to join them
}

func explainMessage(ctx context.Context, s store, id uint64) (*messageExplanation, error) {
	m, err := s.Message(ctx, id)
	if err != nil {
		return nil, err
	}
	c, err := s.Explain(ctx, id, id) // which needs no other entry to be readable
	if err != nil {
		return nil, err
	}
	x := &messageExplanation{Message: m, NearMisses: []nearMiss{}}
	if x.Members, err = membersOf(ctx, s, &m, &c.One); err != nil {
		return nil, err
	}
	for _, other := range c.Candidates {
		if other == m.ID {
			continue
		}
		n, err := newNearMiss(ctx, s, &m, id, other)
		if err != nil {
			return nil, err
		}
		x.NearMisses = append(x.NearMisses, n)
	}
	return x, nil
}

// damaged counts what could not be read.
func (x *messageExplanation) damaged() int {
	n := x.Message.Unreadable
	for i := range x.NearMisses {
		if x.NearMisses[i].Received.IsZero() {
			n++
		}
	}
	return n
}

// newNearMiss compares another message with the first entry of one, or when that is
// damaged with the entry that was asked for.
func newNearMiss(ctx context.Context, s store, m *mail, id, other uint64) (nearMiss, error) {
	c, err := s.Explain(ctx, m.ID, other)
	if isDamage(err) && id != m.ID {
		c, err = s.Explain(ctx, id, other)
	}
	if isDamage(err) {
		return nearMiss{Message: other, Against: []string{"damage: they cannot be compared"}}, nil
	}
	if err != nil {
		return nearMiss{}, err
	}
	e := &c.One
	if e.ID != other {
		e = c.Two
	}
	return nearMiss{Message: other, Received: e.Received, Sender: senderOf(e), Subject: e.Subject, Against: c.nearestRule().Against}, nil
}

// maxMembers is how many entries of a message are shown one by one.
const maxMembers = 1000

// membersOf gives the entries of a message, of which e is one. They are looked for by
// the Message-ID, and those that are not found so, by the time in which they came.
func membersOf(ctx context.Context, s store, m *mail, e *entry) ([]member, error) {
	queries := []archive.Query{{Tenant: m.Tenant, Since: m.First, Until: m.Last.Add(1)}}
	if e.Identity != nil && e.Identity.MessageID != "" {
		queries = slices.Insert(queries, 0, archive.Query{Tenant: m.Tenant, MessageID: e.Identity.MessageID})
	}
	found, all := map[uint64]member{}, min(m.Entries-m.Unreadable, maxMembers)
	for _, q := range queries {
		if q.After = m.ID - 1; len(found) == all {
			break
		}
		for e, err := range s.List(ctx, q) {
			switch {
			case err == nil && e.Message == m.ID:
				found[e.ID] = newMember(m, &e)
			case err != nil && !isDamage(err): // the message says how many are damaged
				return nil, err
			}
			if len(found) == all {
				break
			}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b member) int { return cmp.Compare(a.ID, b.ID) }), nil
}

func newMember(m *mail, e *entry) member {
	exact := e.SHA256
	if e.Identity != nil {
		exact = e.Identity.SHA256
	}
	n := 1 + slices.IndexFunc(m.Variants, func(v variant) bool { return v.SHA256 == exact })
	return member{ID: e.ID, Received: e.Received, Source: e.Source, Size: e.Size, Variant: n, joining: e.joining}
}
