package main

import (
	"context"
	"slices"

	"daybook/policy"
)

// view is how the mail of a source is shown.
type view struct {
	ClearText bool     `json:"clear_text"` // of two originals, the decrypted one
	Hide      []string `json:"hide"`       // header fields that are hidden from those who may not see them
	Journal   bool     `json:"journal"`    // a report is what it says, else somebody's mail
	Wrapped   bool     `json:"wrapped"`    // what is no report may be a damaged one
}

// viewOf gives how a policy shows the mail of a source. One that is no journal, or is
// gone, has what a journal has by default. What carries an envelope's recipients is
// hidden in any case.
func viewOf(pol *policy.Policy, source string) view {
	found := pol.Journal(source)
	j := found
	if j == nil {
		j = &policy.Default().Journals[0]
	}
	return view{
		ClearText: j.PreferClearText, Hide: slices.Concat(j.HideHeaders, j.HeaderEnvelope, []string{"Bcc", "Resent-Bcc"}),
		Journal: found != nil || pol.Milter(source) == nil, Wrapped: found != nil && j.Format == policy.FormatEnvelope,
	}
}

// views finds how the mail of sources is shown, and asks but once for each.
type views struct {
	place *place
	store store
	named *policy.Policy // by --config
	known map[string]view
}

func (v *views) of(ctx context.Context, source string) (view, error) {
	if found, ok := v.known[source]; ok {
		return found, nil
	}
	found, err := v.find(ctx, source)
	if err != nil {
		return view{}, err
	}
	if v.known == nil {
		v.known = make(map[string]view)
	}
	v.known[source] = found
	return found, nil
}

func (v *views) find(ctx context.Context, source string) (view, error) {
	if v.place.Config == "" {
		return v.store.View(ctx, source)
	}
	if v.named == nil {
		pol, err := loadPolicy(v.place.Config, "--config")
		if err != nil {
			return view{}, err
		}
		v.named = pol
	}
	return viewOf(v.named, source), nil
}
