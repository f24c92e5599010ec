package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"daybook/archive"
)

// filter are the flags that choose among the entries.
type filter struct {
	After     uint64  `placeholder:"ID" help:"Only what came in after this entry."`
	Sender    string  `placeholder:"ADDRESS" help:"Only from this address, by the envelope or by a journal's report."`
	Recipient string  `placeholder:"ADDRESS" help:"Only to this address, by the envelope or by a journal's report, which also has Bcc recipients and the members of lists."`
	MessageID string  `name:"message-id" placeholder:"ID" help:"Only with this Message-ID, also of the mail inside a report."`
	Source    string  `placeholder:"NAME" help:"Only what this source took."`
	Tenant    string  `placeholder:"NAME" help:"Only this tenant's."`
	Tag       string  `placeholder:"TAG" help:"Only with this tag, which a rule gave."`
	Since     instant `placeholder:"TIME" help:"Only what came in at this time or later: 2006-01-02, 2006-01-02T15:04:05Z, or how long ago, as in 36h or 7d. Dates are UTC."`
	Until     instant `placeholder:"TIME" help:"Only what came in before this time."`
	Limit     int     `placeholder:"N" help:"No more than this many."`
	Reverse   bool    `help:"The latest first."`
}

func (f *filter) query() (archive.Query, error) {
	if f.Limit < 0 {
		return archive.Query{}, refuse("--limit", fmt.Errorf("%d is less than nothing", f.Limit), "give a number from 1, or leave it out")
	}
	return archive.Query{
		After: f.After, Sender: f.Sender, Recipient: f.Recipient, MessageID: f.MessageID,
		Source: f.Source, Tenant: f.Tenant, Tag: f.Tag, Since: f.Since.Time, Until: f.Until.Time,
		Limit: f.Limit, Reverse: f.Reverse,
	}, nil
}

// instant is a point in time as a flag.
type instant struct{ time.Time }

// UnmarshalText reads a date, a time, or how long ago.
func (i *instant) UnmarshalText(text []byte) error {
	t, err := parseInstant(string(text), time.Now())
	i.Time = t
	return err
}

func parseInstant(s string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly, "2006-01-02T15:04", "2006-01-02 15:04", time.DateTime} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, errors.New("a time is 2006-01-02, 2006-01-02T15:04:05Z, or how long ago, as in 36h or 7d")
}

// entryID is the number of an entry as an argument.
type entryID uint64

// UnmarshalText reads the number.
func (id *entryID) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil || n == 0 {
		return fmt.Errorf("%q is not the number of an entry, as daybook list shows it", text)
	}
	*id = entryID(n)
	return nil
}
