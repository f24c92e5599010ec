package main

import (
	"fmt"
	"strconv"
)

type dictionaryListCmd struct {
	place `embed:""`
	JSON  bool `name:"json" help:"One JSON object a line."`
}

// Help is the long help of the command.
func (*dictionaryListCmd) Help() string {
	return aboutDictionaries + `

Lists them by number, which says nothing of their age: a tenant's latest is that with the most entries. ENTRIES is how many the tenant had when it was trained, SAVING what it took off the facts of entries that it was not trained on, compared with the dictionary before it, COPIES how many of its two are in the ledger; the second is written some time after the first. The dictionaries that are built into daybook are not listed.

Exit status: 0 when all was listed, 1 when the listing failed, 2 for wrong flags and a data folder that cannot be read.`
}

// Run lists.
func (c *dictionaryListCmd) Run(env *environment) error {
	return withStore(env.ctx, &c.place, func(s store) error {
		list := s.Dictionaries(env.ctx)
		if c.JSON {
			return printJSON(env, list)
		}
		t := newTable(env.stdout, ">NUMBER", "TENANT", ">SIZE", ">ENTRIES", ">SAVING", ">COPIES")
		return printTable(env, t, list, func(d dictionary) []string {
			return []string{
				strconv.FormatUint(uint64(d.Number), 10), d.Tenant, readableSize(d.Bytes),
				strconv.FormatUint(d.Entries, 10), d.saving(), strconv.Itoa(d.Copies),
			}
		})
	})
}

func (d *dictionary) saving() string { return fmt.Sprintf("%.1f%%", d.Saving) }
