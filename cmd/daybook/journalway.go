package main

import (
	"errors"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"daybook/policy"
)

// journalWay tells how mail comes to a journal.
type journalWay struct {
	Name     string `json:"name"`
	Address  string `json:"address"` // "*" is any
	Hostname string `json:"hostname"`
	Domain   string `json:"domain"` // one of its tenants'; empty when they have none
	Report   bool   `json:"report"` // its deliveries are journal reports
	User     string `json:"user"`   // who has to log in; empty for nobody
	// PasswordFile has the user's password, or what SCRAM stores in its place.
	PasswordFile string         `json:"password_file"`
	AllowFrom    []netip.Prefix `json:"allow_from"`
	TLSRequired  bool           `json:"tls_required"`
	Suspended    bool           `json:"suspended"`
	Via          []listenerWay  `json:"via"`
}

// listenerWay tells where a listener is.
type listenerWay struct {
	Name         string         `json:"name"`
	Kind         string         `json:"kind"`
	Listen       string         `json:"listen"` // where it really does
	TLS          bool           `json:"tls"`
	TLSOnConnect bool           `json:"tls_on_connect"`
	Proxies      []netip.Prefix `json:"proxies"`
}

// way tells how mail comes to a journal of the policy that judges.
func (d *daemon) way(name string) (*journalWay, error) {
	pol := d.ingest.Policy()
	j := pol.Journal(name)
	if j == nil {
		return nil, noJournal(pol, name)
	}
	w := &journalWay{
		Name: j.Name, Address: j.Address, Hostname: pol.Server.Hostname, Domain: domainOf(pol, j),
		Report: j.Format == policy.FormatEnvelope, AllowFrom: j.AllowFrom,
		TLSRequired: j.TLS == policy.TLSRequired, Suspended: j.Suspended,
	}
	if j.Auth != nil {
		w.User, w.PasswordFile = j.Auth.User, j.Auth.PasswordFile
		// A relative path is one of this process.
		if path, err := filepath.Abs(w.PasswordFile); err == nil {
			w.PasswordFile = path
		}
	}
	for i := range d.pol.Listeners {
		l := &d.pol.Listeners[i]
		if !slices.Contains(j.Via, l.Name) {
			continue
		}
		w.Via = append(w.Via, listenerWay{
			Name: l.Name, Kind: l.Kind, Listen: d.mail[len(d.pol.Milters)+i].bound().String(),
			TLS: d.identities[i] != nil, TLSOnConnect: l.TLSOnConnect, Proxies: l.Proxies,
		})
	}
	return w, nil
}

// noJournal is the fault of a name that no journal has.
func noJournal(pol *policy.Policy, name string) error {
	names := make([]string, len(pol.Journals))
	for i := range pol.Journals {
		names[i] = pol.Journals[i].Name
	}
	wayOut := "the policy has none"
	if near := nearest(name, names); near != "" {
		wayOut = "did you mean \"" + near + "\"?"
	} else if len(names) > 0 {
		wayOut = "it has " + strings.Join(names[:min(len(names), 10)], ", ")
	}
	return refuse(name, errors.New("the policy that judges has no such journal"), wayOut)
}

// domainOf gives a domain of the journal's first tenant that has one.
func domainOf(pol *policy.Policy, j *policy.Journal) string {
	for _, name := range j.Tenants {
		t := pol.Tenant(name)
		if t == nil {
			continue
		}
		for _, domain := range t.Domains {
			if !strings.HasPrefix(domain, "*") {
				return domain
			}
		}
	}
	return ""
}
