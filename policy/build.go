package policy

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// builder makes a Policy of the blocks as written and gathers what is wrong.
type builder struct {
	diags   hcl.Diagnostics
	tenants map[string]hcl.Range
	sources map[string]hcl.Range
	listens map[Addr]hcl.Range
}

func (b *builder) build(root *rootBody) *Policy {
	b.tenants = make(map[string]hcl.Range)
	b.sources = make(map[string]hcl.Range)
	b.listens = make(map[Addr]hcl.Range)
	p := &Policy{Server: b.server(root.Servers)}
	for i := range root.Tenants {
		p.Tenants = append(p.Tenants, b.tenant(&root.Tenants[i]))
	}
	if len(p.Tenants) == 0 {
		b.tenants[defaultTenant] = hcl.Range{}
	}
	for i := range root.Milters {
		p.Milters = append(p.Milters, b.milter(&root.Milters[i]))
	}
	for i := range root.LMTPs {
		p.LMTPs = append(p.LMTPs, b.lmtp(&root.LMTPs[i]))
	}
	if len(p.Milters)+len(p.LMTPs) == 0 && len(p.Tenants) > 1 {
		b.fault(root.Tenants[1].Range, "No way in",
			"With more than one tenant the ways in must be written down: add a milter or an lmtp block for each.")
	}
	p.complete()
	return p
}

func (b *builder) server(list []serverBody) Server {
	if len(list) == 0 {
		return Server{}
	}
	for _, extra := range list[1:] {
		b.fault(extra.Range, "Second server block", "There is one at %s already; put the keys there.", place(list[0].Range))
	}
	s := &list[0]
	server := Server{
		Data:       b.path(s.Data),
		Hostname:   b.text(s.Hostname),
		MinFree:    b.size(s.MinFree),
		MaxMessage: b.size(s.MaxMessage),
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

func (b *builder) tenant(t *tenantBody) Tenant {
	b.name("tenant", t.Name, t.Range, b.tenants)
	return Tenant{Name: t.Name, Description: b.text(t.Description), Domains: b.domains(t.Domains)}
}

func (b *builder) milter(m *milterBody) Milter {
	b.name("source", m.Name, m.Range, b.sources)
	milter := Milter{
		Name:       m.Name,
		Listen:     b.sourceListen(m.Listen, m.Range),
		Tenant:     b.tenantOf(m.Tenant, m.Range),
		OnFailure:  b.choice(m.OnFailure, OnFailureTempFail, OnFailureAccept),
		MaxMessage: b.size(m.MaxMessage),
	}
	if milter.OnFailure == "" {
		milter.OnFailure = OnFailureTempFail
	}
	return milter
}

func (b *builder) lmtp(l *lmtpBody) LMTP {
	b.name("source", l.Name, l.Range, b.sources)
	lmtp := LMTP{
		Name:          l.Name,
		Listen:        b.sourceListen(l.Listen, l.Range),
		Tenant:        b.tenantOf(l.Tenant, l.Range),
		MaxMessage:    b.size(l.MaxMessage),
		MaxRecipients: b.count(l.MaxRecipients, 1_000_000),
		TLSCert:       b.path(l.TLSCert),
		TLSKey:        b.path(l.TLSKey),
	}
	if l.TLSCert != nil && l.TLSKey == nil {
		b.fault(l.TLSCert.Range, "Certificate without key", "Add tls_key, the file with the certificate's private key.")
	}
	if l.TLSKey != nil && l.TLSCert == nil {
		b.fault(l.TLSKey.Range, "Key without certificate", "Add tls_cert, the file with the certificate chain.")
	}
	return lmtp
}

// sourceListen reads the address of a source, which has no default: two sources
// cannot share one.
func (b *builder) sourceListen(a *hcl.Attribute, block hcl.Range) Addr {
	if a == nil {
		b.fault(block, "No address", "Add listen = \"tcp:host:port\" or listen = \"unix:/path\".")
	}
	return b.listen(a)
}

// tenantOf reads a source's tenant, which may be left out when there is one.
func (b *builder) tenantOf(a *hcl.Attribute, block hcl.Range) string {
	if a == nil && len(b.tenants) == 1 {
		for name := range b.tenants {
			return name
		}
	}
	if a == nil {
		b.fault(block, "No tenant", "There is more than one tenant: add tenant = \"...\" to say whose mail this is.")
		return ""
	}
	name := b.text(a)
	if _, ok := b.tenants[name]; !ok && name != "" {
		b.wrong(a, "There is no tenant %q.%s", name, didYouMean(name, slices.Sorted(maps.Keys(b.tenants))))
	}
	return name
}

// name checks a block's label against its form and those seen before.
func (b *builder) name(what, name string, at hcl.Range, seen map[string]hcl.Range) {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	if name == "" || len(name) > 63 || strings.Trim(name, allowed) != "" || strings.ContainsAny(name[:1], "._-") {
		b.fault(at, "Bad name for a "+what,
			"A name has 1 to 63 letters, digits, dots, underscores and hyphens, and starts with a letter or digit.")
	}
	if first, ok := seen[name]; ok {
		b.fault(at, "Name used twice", "The %s %q is at %s already.", what, name, place(first))
		return
	}
	seen[name] = at
}
