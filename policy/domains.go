package policy

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// domains tells whose a domain is. It is not changed once it is built.
type domains struct {
	exact map[string]string // domain: tenant
	below map[string]string // domain whose subdomains are meant: tenant
}

// owner gives the tenant of a domain as [splitAddress] gives it. An exact name
// goes before a form with a star.
func (d *domains) owner(domain string) (tenant string, ok bool) {
	if len(domain) > maxDomain {
		return "", false
	}
	if tenant, ok = d.exact[domain]; ok {
		return tenant, true
	}
	_, tenant, ok = d.cover(domain)
	return tenant, ok
}

// cover gives the nearest form with a star, without its star, that a domain falls
// under.
func (d *domains) cover(domain string) (parent, tenant string, ok bool) {
	if len(d.below) == 0 {
		return "", "", false
	}
	for {
		label, rest, more := strings.Cut(domain, ".")
		if !more || label == "" {
			return "", "", false
		}
		if tenant, ok = d.below[rest]; ok {
			return rest, tenant, true
		}
		domain = rest
	}
}

// domainTable gathers the domains of the tenants.
type domainTable struct {
	domains
	at    map[string]hcl.Range // as written: place
	order []string
}

// domains reads a tenant's domains into the table of all.
func (b *builder) domains(tenant string, a *hcl.Attribute) []string {
	var list []string
	for _, item := range b.items(a) {
		name := strings.TrimPrefix(item.text, "*.")
		star := len(name) < len(item.text)
		name = foldDomain(name)
		if !isDomain(name) {
			b.wrongItem(a, item, "%q is not a domain, as in \"example.com\" or \"*.example.com\".", item.text)
			continue
		}
		table, form := b.table.exact, name
		if star {
			table, form = b.table.below, "*."+name
		}
		if owner, ok := table[name]; ok {
			b.domainTwice(a, item, form, tenant, owner)
			continue
		}
		table[name] = tenant
		b.table.at[form] = item.at
		b.table.order = append(b.table.order, form)
		list = append(list, form)
	}
	return list
}

func (b *builder) domainTwice(a *hcl.Attribute, item item, form, tenant, owner string) {
	first := place(b.table.at[form])
	if owner == tenant {
		b.wrongItem(a, item, "%q stands there twice, at %s already: leave one out.", form, first)
		return
	}
	b.wrongItem(a, item, "%q is a domain of the tenant %q already, at %s. A domain has one tenant: leave one of the two out.",
		form, owner, first)
}

// overlaps finds the domains of one tenant that another one claims with a star.
func (b *builder) overlaps() {
	t := &b.table
	for _, form := range t.order {
		name := strings.TrimPrefix(form, "*.")
		tenant := t.exact[name]
		if name != form {
			tenant = t.below[name]
		}
		parent, owner, ok := t.cover(name)
		if !ok || owner == tenant {
			continue
		}
		b.fault(t.at[form], "Overlapping domains",
			"%q of the tenant %q falls under \"*.%s\" of the tenant %q, at %s. A domain has one tenant: name the subdomains one by one there.",
			form, tenant, parent, owner, place(t.at["*."+parent]))
	}
}

// isDomain tells whether a folded domain can be one that receives mail.
func isDomain(s string) bool {
	return isHostname(s) && !strings.HasPrefix(s, ".") && !strings.Contains(s, "..")
}
