package main

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"slices"

	"daybook/archive"
)

type dictionaryCmd struct {
	List  dictionaryListCmd  `cmd:"" help:"List the dictionaries that the archive trained."`
	Train dictionaryTrainCmd `cmd:"" help:"Train a dictionary on a tenant's latest mail now."`
}

// aboutDictionaries says what they are.
const aboutDictionaries = `A dictionary is what the compressor knows of a tenant's mail before it sees any: with it the facts that are kept of each entry, such as senders, recipients and subject, take less space. The archive trains one by itself when a tenant has 256 entries, and better ones later; it keeps those that save enough, twice in the ledger, for what was compressed with a dictionary cannot be read without it.`

// Help is the long help of the group.
func (*dictionaryCmd) Help() string { return aboutDictionaries }

// dictionary is one that the archive trained, as daybook dictionary list --json has it.
type dictionary struct {
	Number  uint32  `json:"number"`
	Tenant  string  `json:"tenant"`
	Bytes   int64   `json:"bytes"`
	Entries uint64  `json:"entries"`        // that the tenant had when it was trained
	Saving  float64 `json:"saving_percent"` // of what the facts of an entry took with the one before
	Copies  int     `json:"copies"`         // in the ledger
}

func newDictionary(d *archive.OwnDictionary) dictionary {
	return dictionary{
		Number: d.ID, Tenant: valid(d.Tenant), Bytes: int64(d.Bytes), Entries: d.Entries, Saving: d.Saving, Copies: d.Copies,
	}
}

func (l *local) Dictionaries(context.Context) iter.Seq2[dictionary, error] {
	return func(yield func(dictionary, error) bool) {
		list, err := l.archive.OwnDictionaries()
		for i := range list {
			if !yield(newDictionary(&list[i]), nil) {
				return
			}
		}
		if err != nil {
			yield(dictionary{}, err)
		}
	}
}

func (l *local) Train(ctx context.Context, tenant string) (dictionary, error) {
	if err := l.mustHaveMail(tenant); err != nil {
		return dictionary{}, err
	}
	before, err := l.archive.OwnDictionaries()
	if err != nil {
		return dictionary{}, err
	}
	if err := l.archive.Train(ctx, tenant); err != nil {
		if ctx.Err() != nil {
			return dictionary{}, err
		}
		return dictionary{}, fail("", err, "mail is compressed as before")
	}
	after, err := l.archive.OwnDictionaries()
	if err != nil {
		return dictionary{}, err
	}
	return trained(before, after, tenant)
}

// mustHaveMail refuses a tenant of whom nothing is archived.
func (l *local) mustHaveMail(tenant string) error {
	var names []string
	for _, t := range l.archive.Stats().Tenants {
		if t.Tenant == tenant {
			return nil
		}
		names = append(names, t.Tenant)
	}
	wayOut := "daybook status --json names those there are"
	if near := nearest(tenant, names); near != "" {
		wayOut = "did you mean \"" + near + "\"?"
	}
	return refuse("--tenant "+tenant, errors.New("no mail of such a tenant is archived"), wayOut)
}

// trained gives the dictionary that has come to a tenant's. The numbers are drawn, so
// they do not tell which is the latest; the tenant's entries do.
func trained(before, after []archive.OwnDictionary, tenant string) (dictionary, error) {
	var latest *archive.OwnDictionary
	for i := range after {
		d := &after[i]
		known := slices.ContainsFunc(before, func(b archive.OwnDictionary) bool { return b.ID == d.ID })
		if d.Tenant == tenant && !known && (latest == nil || d.Entries > latest.Entries) {
			latest = d
		}
	}
	if latest == nil {
		return dictionary{}, errors.New("a dictionary was trained, and the catalog does not have it")
	}
	return newDictionary(latest), nil
}

func (r *remote) Dictionaries(ctx context.Context) iter.Seq2[dictionary, error] {
	return getStream[dictionary](ctx, r, "dictionaries")
}

func (r *remote) Train(ctx context.Context, tenant string) (d dictionary, err error) {
	err = r.post(ctx, "dictionaries?"+url.Values{"tenant": {tenant}}.Encode(), struct{}{}, &d)
	return d, err
}

func (c *control) dictionaries(w http.ResponseWriter, r *http.Request) {
	_ = writeStream(w, c.store.Dictionaries(r.Context()))
}

// train trains a dictionary. When the command goes, the reading of mail for it ends.
func (c *control) train(w http.ResponseWriter, r *http.Request) {
	d, err := c.store.Train(r.Context(), r.URL.Query().Get("tenant"))
	if err != nil {
		refuseRequest(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, d)
}
