package policy

import (
	"cmp"
	"crypto/sha256"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// builder makes a Policy of the blocks as written and gathers what is wrong.
type builder struct {
	diags   hcl.Diagnostics
	files   map[string][]byte // their texts, by path
	tenants map[string]hcl.Range
	names   map[string]hcl.Range // of milters, listeners and journals
	listens map[Addr]hcl.Range
	table   domainTable
	lists   []File // of addresses
}

// Bounds of a configuration, far above what one server carries.
const (
	maxTenants   = 10_000
	maxMilters   = 1_000
	maxListeners = 1_000 // of each kind
	maxJournals  = 10_000
	maxRules     = 10_000
	maxTests     = 10_000
	maxNumber    = 1_000_000 // of a key that counts
	defaultName  = "default"
)

// Default is the policy of one who has written none.
func Default() *Policy {
	var b builder
	p := b.build(&rootBody{})
	p.Digest = sha256.Sum256(nil)
	return p
}

func (b *builder) build(root *rootBody) *Policy {
	b.tenants = make(map[string]hcl.Range)
	b.names = make(map[string]hcl.Range)
	b.listens = make(map[Addr]hcl.Range)
	b.table = domainTable{
		domains: domains{exact: make(map[string]string), below: make(map[string]string)},
		at:      make(map[string]hcl.Range),
	}
	if !b.counts(root) {
		return nil
	}
	p := &Policy{Server: b.server(root.Servers), domains: &b.table.domains}
	b.allTenants(p, root)
	b.allSources(p, root)
	b.inFlight(p, root.Servers)
	b.rules(p, root.Rules)
	b.tests(p, root.Tests)
	return p
}

// counts checks how many blocks there are.
func (b *builder) counts(root *rootBody) bool {
	before := len(b.diags)
	over(b, "tenant", root.Tenants, maxTenants, func(t *tenantBody) hcl.Range { return t.Range })
	over(b, "milter", root.Milters, maxMilters, func(m *milterBody) hcl.Range { return m.Range })
	over(b, "lmtp", root.LMTPs, maxListeners, func(l *lmtpBody) hcl.Range { return l.Range })
	over(b, "smtp", root.SMTPs, maxListeners, func(l *smtpBody) hcl.Range { return l.Range })
	over(b, "journal", root.Journals, maxJournals, func(j *journalBody) hcl.Range { return j.Range })
	over(b, "rule", root.Rules, maxRules, func(r *ruleBody) hcl.Range { return r.Range })
	over(b, "test", root.Tests, maxTests, func(t *testBody) hcl.Range { return t.Range })
	return len(b.diags) == before
}

func over[T any](b *builder, kind string, list []T, most int, at func(*T) hcl.Range) {
	if len(list) > most {
		b.fault(at(&list[most]), "Too many blocks",
			"There are %d %s blocks, and at most %d can be read: split the configuration among servers.", len(list), kind, most)
	}
}

func (b *builder) server(list []serverBody) Server {
	if len(list) == 0 {
		return Server{MaxMessage: DefaultMaxMessage}
	}
	for _, extra := range list[1:] {
		b.fault(extra.Range, "Second server block", "There is one at %s already; put the keys there.", place(list[0].Range))
	}
	s := &list[0]
	server := Server{
		Data:       b.path(s.Data),
		Hostname:   b.text(s.Hostname),
		MinFree:    b.size(s.MinFree),
		MaxMessage: cmp.Or(b.size(s.MaxMessage), DefaultMaxMessage),
		Control:    b.listen(s.Control),
		Metrics:    b.listen(s.Metrics),
		LogLevel:   b.choice(s.LogLevel, "debug", "info", "warn", "error"),
		LogFormat:  b.choice(s.LogFormat, "text", "json"),
	}
	if server.Hostname != "" && !isHostname(server.Hostname) {
		b.wrong(s.Hostname, "%q is not a host name.", server.Hostname)
	}
	if n := server.Control.Network; n == "tcp" || n == "off" {
		b.wrong(s.Control, "The commands talk to the daemon over a Unix socket: unix:/path.")
	}
	return server
}

// inFlight checks that the messages that may come in find room, or makes it.
func (b *builder) inFlight(p *Policy, list []serverBody) {
	const most = 1 << 60 // of which there may be three
	largest := p.Server.MaxMessage
	for i := range p.Milters {
		largest = max(largest, p.Milters[i].MaxMessage)
	}
	for i := range p.Listeners {
		largest = max(largest, p.Listeners[i].MaxMessage)
	}
	least := max(3*min(largest, most), MinInFlight)
	if len(list) == 0 || list[0].MaxInFlight == nil {
		p.Server.MaxInFlight = max(least, DefaultMaxInFlight)
		return
	}
	a, before := list[0].MaxInFlight, len(b.diags)
	p.Server.MaxInFlight = b.size(a)
	if len(b.diags) == before && p.Server.MaxInFlight < least {
		b.wrong(a, "It must be %d at least, which is three times the largest max_message, and not less than 64MiB: "+
			"write a larger one, or a smaller max_message.", least)
	}
}

func (b *builder) allTenants(p *Policy, root *rootBody) {
	for i := range root.Tenants {
		t := &root.Tenants[i]
		b.name("tenant", t.Name, t.Range, b.tenants)
		p.Tenants = append(p.Tenants, Tenant{
			Name:        t.Name,
			Description: b.text(t.Description),
			Domains:     b.domains(t.Name, t.Domains),
			Delimiter:   b.delimiter(t.Delimiter),
		})
	}
	b.overlaps()
	b.knownAddresses(p.Tenants, root.Tenants)
	if len(p.Tenants) == 0 {
		b.tenants[defaultName] = hcl.Range{}
		p.Tenants = []Tenant{{Name: defaultName}}
	}
	p.tenants = make(map[string]*Tenant)
	for i := range p.Tenants {
		p.tenants[p.Tenants[i].Name] = &p.Tenants[i]
	}
}

func (b *builder) delimiter(a *hcl.Attribute) string {
	s := b.text(a)
	r, n := utf8.DecodeRuneInString(s)
	if s != "" && (n < len(s) || r > unicode.MaxASCII || !isAtext(s[0]) || unicode.IsLetter(r) || unicode.IsDigit(r)) {
		b.wrong(a, "A delimiter is one character that is neither letter nor digit and can stand in an address, as \"+\" or \"-\".")
	}
	return s
}

// Tenant gives the tenant of the name; nil when there is none.
func (p *Policy) Tenant(name string) *Tenant { return p.tenants[name] }

// name checks a block's label against its form and those seen before.
func (b *builder) name(what, name string, at hcl.Range, seen map[string]hcl.Range) {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	if name == "" || len(name) > 63 || strings.Trim(name, allowed) != "" || strings.ContainsAny(name[:1], "._-") {
		b.fault(at, "Bad name for a "+what,
			"A name has 1 to 63 letters, digits, dots, underscores and hyphens, and starts with a letter or digit.")
	}
	first, ok := seen[name]
	switch {
	case ok && first == hcl.Range{}:
		b.fault(at, "Name used twice", "%q is the name of a way in that is there by default: take another name, or write that block.", name)
	case ok:
		b.fault(at, "Name used twice", "The name %q is taken already, at %s.", name, place(first))
	default:
		seen[name] = at
	}
}
