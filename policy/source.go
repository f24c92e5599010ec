package policy

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// placesOfWords are the places of what a source says, as file:line: that of the
// key or, where it is left out, of the block. Those of a default source are empty.
type placesOfWords struct{ nonInternal, unknownInternal, onOld string }

// Defaults of sources.
const (
	defaultWindow     = 10 * time.Minute
	defaultInactivity = 180 * time.Minute // of journals
)

// allSources reads the ways in, or adds the two that are there without any.
func (b *builder) allSources(p *Policy, root *rootBody) {
	if len(root.Milters)+len(root.LMTPs)+len(root.SMTPs) == 0 {
		b.defaultSources(p, root)
	}
	for i := range root.Milters {
		p.Milters = append(p.Milters, b.milter(&root.Milters[i], p.Server.MaxMessage))
	}
	b.allJournals(p, root)
	p.index()
}

func (b *builder) defaultSources(p *Policy, root *rootBody) {
	const milter, lmtp = "milter", KindLMTP
	if len(p.Tenants) > 1 {
		b.fault(root.Tenants[1].Range, "No way in",
			"With more than one tenant the ways in must be written down: add a milter, lmtp or smtp block for each.")
	}
	p.Milters = []Milter{{
		Source: defaultSource(milter, p.Tenants[0].Name, 0), OnFailure: OnFailureTempFail,
		Listen: Addr{Network: "tcp", Address: "127.0.0.1:8891"}, MaxMessage: p.Server.MaxMessage,
	}}
	p.Listeners = []Listener{{
		Name: lmtp, Kind: KindLMTP, MaxMessage: p.Server.MaxMessage,
		Listen: Addr{Network: "tcp", Address: "127.0.0.1:8024"},
	}}
	b.names[milter], b.names[lmtp] = hcl.Range{}, hcl.Range{}
}

func defaultSource(name, tenant string, inactivity time.Duration) Source {
	return Source{
		Name: name, Tenants: []string{tenant},
		NonInternal: Archive, UnknownInternal: Archive, OnOld: Archive,
		Inactivity: inactivity, Log: true,
		Dedup: Dedup{Window: defaultWindow, Match: MatchContent},
	}
}

func (b *builder) milter(m *milterBody, maxMessage int64) Milter {
	b.name("milter", m.Name, m.Range, b.names)
	return Milter{
		Source:     b.source(m.Name, m.keys(), m.Range, 0),
		Listen:     b.sourceListen(m.Listen, m.Range),
		OnFailure:  cmp.Or(b.choice(m.OnFailure, OnFailureTempFail, OnFailureAccept), OnFailureTempFail),
		MaxMessage: cmp.Or(b.size(m.MaxMessage), maxMessage),
	}
}

// sourceListen reads the address of a source, which has no default: two sources
// cannot share one.
func (b *builder) sourceListen(a *hcl.Attribute, block hcl.Range) Addr {
	if a == nil {
		b.fault(block, "No address", "Add listen = \"tcp:host:port\" or listen = \"unix:/path\".")
	}
	return b.listen(a)
}

// source reads the keys that all sources have.
func (b *builder) source(name string, k *sourceKeys, block hcl.Range, inactivity time.Duration) Source {
	s := defaultSource(name, "", b.duration(k.Inactivity, true, inactivity))
	s.Tenants = b.tenantsOf(k, block)
	s.Unclaimed = b.unclaimed(k, block, s.Tenants)
	s.NonInternal = b.action(k.NonInternal)
	s.UnknownInternal = b.action(k.UnknownInternal)
	s.MaxAge = b.duration(k.MaxAge, false, 0)
	s.OnOld = b.onOld(k)
	s.Suspended = b.flag(k.Suspended, false)
	s.Log = b.flag(k.Log, true)
	if d := k.Dedup; d != nil {
		s.Dedup.Window = b.duration(d.Window, true, defaultWindow)
		s.Dedup.Match = cmp.Or(b.choice(d.Match, MatchContent, MatchMessageID), MatchContent)
	}
	s.at = placesOfWords{
		nonInternal:     placeOf(k.NonInternal, block),
		unknownInternal: placeOf(k.UnknownInternal, block),
		onOld:           placeOf(k.OnOld, block),
	}
	return s
}

func placeOf(a *hcl.Attribute, block hcl.Range) string {
	if a == nil {
		return line(block)
	}
	return line(a.Range)
}

func (b *builder) action(a *hcl.Attribute) Action {
	return cmp.Or(Action(b.choice(a, string(Archive), string(Skip), string(Quarantine))), Archive)
}

// onOld reads what becomes of old mail. Mail is never left out for its age, which
// is what the sender's clock says.
func (b *builder) onOld(k *sourceKeys) Action {
	if k.OnOld == nil {
		return Archive
	}
	if k.MaxAge == nil {
		b.fault(k.OnOld.NameRange, "Nothing is old", "on_old says what becomes of mail older than max_age: add max_age = \"10d\", or leave on_old out.")
	}
	var s string
	if b.value(k.OnOld, &s) && s == string(Skip) {
		b.wrong(k.OnOld, "Old mail is not skipped, because its age comes from the sender's clock, "+
			"and a wrong clock would lose mail: write \"quarantine\" to set it apart, or \"archive\".")
		return Archive
	}
	return cmp.Or(Action(b.choice(k.OnOld, string(Archive), string(Quarantine))), Archive)
}

// tenantsOf reads whose mail a source carries, which may be left out when there is
// one tenant.
func (b *builder) tenantsOf(k *sourceKeys, block hcl.Range) []string {
	names := slices.Sorted(maps.Keys(b.tenants))
	switch {
	case k.Tenant != nil && k.Tenants != nil:
		b.fault(k.Tenants.NameRange, "tenant beside tenants", "Write one of the two: tenants, when the mail of several comes in here.")
		return nil
	case k.Tenant != nil:
		name := b.text(k.Tenant)
		b.knownTenant(k.Tenant, item{name, k.Tenant.Expr.Range()}, names)
		return []string{name}
	case k.Tenants != nil:
		return b.severalTenants(k.Tenants, names)
	case len(names) == 1:
		return names
	}
	b.fault(block, "No tenant", "There is more than one tenant: add tenant = \"...\" or tenants = [...] to say whose mail this is.")
	return nil
}

func (b *builder) severalTenants(a *hcl.Attribute, names []string) []string {
	before := len(b.diags)
	var list []string
	for _, it := range b.items(a) {
		if slices.Contains(list, it.text) {
			b.wrongItem(a, it, "%q stands there twice: leave one out.", it.text)
			continue
		}
		b.knownTenant(a, it, names)
		list = append(list, it.text)
	}
	if len(list) == 0 && len(b.diags) == before {
		b.wrong(a, "The list is empty: name the tenants whose mail comes in here.")
	}
	return list
}

func (b *builder) knownTenant(a *hcl.Attribute, it item, names []string) {
	if _, ok := b.tenants[it.text]; !ok && it.text != "" {
		b.wrongItem(a, it, "There is no tenant %q.%s", it.text, didYouMean(it.text, names))
	}
}

// unclaimed reads whose the mail is in which none of several tenants has an
// address.
func (b *builder) unclaimed(k *sourceKeys, block hcl.Range, tenants []string) string {
	a := k.Unclaimed
	switch {
	case a == nil && len(tenants) > 1:
		b.fault(block, "No unclaimed",
			"Mail in which none of these tenants has an address would be nobody's: add unclaimed = \"...\" with the tenant that gets it.")
	case a != nil && len(tenants) == 1:
		b.fault(a.NameRange, "Nothing is unclaimed", "All mail that comes in here is that of %q: leave unclaimed out.", tenants[0])
	case a != nil:
		name := b.text(a)
		b.knownTenant(a, item{name, a.Expr.Range()}, slices.Sorted(maps.Keys(b.tenants)))
		return name
	}
	return ""
}
