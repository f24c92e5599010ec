package main

import "strconv"

type eventsCmd struct {
	place   `embed:""`
	After   uint64  `placeholder:"ID" help:"Only what happened after this event."`
	Source  string  `placeholder:"NAME" help:"Only what concerns this source."`
	Tenant  string  `placeholder:"NAME" help:"Only what concerns this tenant."`
	Since   instant `placeholder:"TIME" help:"Only what happened at this time or later; see daybook list --help."`
	Until   instant `placeholder:"TIME" help:"Only what happened before this time."`
	Limit   int     `placeholder:"N" help:"No more than this many."`
	Reverse bool    `help:"The latest first."`
	JSON    bool    `name:"json" help:"One JSON object a line."`
}

// Help is the long help of the command.
func (*eventsCmd) Help() string {
	return `Lists what happened to the archive: mail that went past it (gap), the end of a crash (recovered), damage that was found (damage). Events and entries share one count.

Exit status: 0 when all was listed, 1 when an event is damaged or the listing failed, 2 for wrong flags and a data folder that cannot be read.`
}

// Run lists.
func (c *eventsCmd) Run(env *environment) error {
	f := filter{After: c.After, Source: c.Source, Tenant: c.Tenant, Since: c.Since, Until: c.Until, Limit: c.Limit, Reverse: c.Reverse}
	q, err := f.query()
	if err != nil {
		return err
	}
	return withStore(env.ctx, &c.place, func(s store) error {
		events := s.Events(env.ctx, q)
		if c.JSON {
			return printJSON(env, events)
		}
		t := newTable(env.stdout, ">ID", "TIME (UTC)", "KIND", "SOURCE", "WHAT")
		return printTable(env, t, events, func(e event) []string {
			return []string{strconv.FormatUint(e.ID, 10), e.Time.Format("2006-01-02 15:04:05"), e.Kind, e.Source, e.Text}
		})
	})
}
