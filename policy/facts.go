package policy

import (
	"strings"
	"time"

	"daybook/archive/message"
)

// Facts is what is known of a message when it is decided about. Of a journal's
// delivery, Sender and Recipients are those of the mail inside, as far as they may
// be believed.
type Facts struct {
	// Source names the milter or journal that the message came in by.
	Source string
	// Received is when it came in.
	Received time.Time
	// Sender is the reverse-path; empty is the null reverse-path.
	Sender string
	// Recipients are all that are known; none means that nothing is known of them.
	Recipients []string
	// Others are further addresses that a message is from or to, as the author whom a
	// report names beside the envelope's sender: they can make a message a tenant's,
	// and internal.
	Others []string
	// Unsure tells that there may be another sender, or more recipients: the direction
	// is then unknown, and nothing that skips rests on addresses.
	Unsure bool
	// Claimed tells that the sender is the author's own word, as in a report without
	// the envelope's sender: nothing that skips rests on who it is not.
	Claimed bool
	Client  message.Client
	// Size is in bytes.
	Size    int64
	Summary message.Summary
	// Head gives the beginning of the message, as far as [message.MaxHeader] at
	// least where it is that long. It is called at most once, and not at all when
	// nothing in the policy looks at the header. nil is a message without header.
	Head func() []byte
	// JournalKind and JournalFlags are what was recognised in a journal's delivery;
	// empty for plain mail.
	JournalKind  string
	JournalFlags []string
}

// Directions of a message, as a tenant sees it.
const (
	// Inbound is from elsewhere to at least one internal address.
	Inbound = "inbound"
	// Outbound is from an internal address to at least one elsewhere.
	Outbound = "outbound"
	// Internal is from an internal address to internal addresses only.
	Internal = "internal"
	// External is from elsewhere to elsewhere.
	External = "external"
	// Unknown is that of a message of which it is not known for sure who sent and who
	// received it.
	Unknown = "unknown"
)

// Address is an address of a message as a tenant sees it.
type Address struct {
	// Address and Domain are in lower case, the domain with A-labels (RFC 5890).
	// Both are empty for the null reverse-path.
	Address, Domain string
	// Primary is the address that the tenant's list names first for a known
	// address; else it is Address.
	Primary string
	// Internal tells that the domain is the tenant's, Known that the address is
	// internal and in the tenant's list, or that there is no list.
	Internal, Known bool
}

// mail is a message that is being decided about: its facts, and what every tenant
// sees alike.
type mail struct {
	*Facts
	from   mailbox
	to     []mailbox
	others []mailbox
	// all are the recipients as somebody sees them whose they are not, and ours the
	// places of those whose they are, by tenant.
	all  []Address
	ours map[string][]int
	// unsure tells that it is not known for sure who sent and received the message.
	unsure bool

	// What was read of the message itself, when it was first asked for.
	head      []byte
	header    *message.Header
	addresses map[string][]string // by header field, in lower case
	attached  *bool
}

// mailbox is an address whose tenant has been looked up.
type mailbox struct {
	address, local, domain string
	owner                  string // the tenant whose domain it is; empty: nobody's
}

func (p *Policy) mailOf(f *Facts) *mail {
	m := &mail{
		Facts: f, from: p.mailbox(f.Sender), to: make([]mailbox, len(f.Recipients)), all: make([]Address, len(f.Recipients)),
		ours: make(map[string][]int), unsure: f.Unsure || len(f.Recipients) == 0,
	}
	m.unsure = m.unsure || m.from.local != "" && !m.from.usable()
	for i, r := range f.Recipients {
		box := p.mailbox(r)
		m.to[i] = box
		m.all[i] = Address{Address: box.address, Domain: box.domain, Primary: box.address}
		if box.owner != "" {
			m.ours[box.owner] = append(m.ours[box.owner], i)
		}
		m.unsure = m.unsure || !box.usable()
	}
	for _, a := range f.Others {
		box := p.mailbox(a)
		m.others = append(m.others, box)
		m.unsure = m.unsure || !box.usable()
	}
	return m
}

// usable tells that an address has a domain, so that it is known whose it is: a bare
// name, which local programs may give, can be anybody's.
func (m *mailbox) usable() bool {
	return m.owner != "" || isDomain(m.domain) || strings.HasPrefix(m.domain, "[") && strings.HasSuffix(m.domain, "]")
}

func (p *Policy) mailbox(address string) mailbox {
	var m mailbox
	m.local, m.domain = splitAddress(address)
	switch {
	case m.domain == "":
		m.address = m.local
	case len(address) == len(m.local)+1+len(m.domain) && address[:len(m.local)] == m.local && address[len(m.local)+1:] == m.domain:
		m.address = address
	default:
		m.address = m.local + "@" + m.domain
	}
	m.owner, _ = p.domains.owner(m.domain)
	return m
}

// fields gives the message's header, which is read when it is first asked for.
func (m *mail) fields() *message.Header {
	if m.header == nil {
		if m.Head != nil {
			m.head = m.Head()
		}
		h := message.ReadHeader(m.head)
		m.header = &h
	}
	return m.header
}

// named gives the addresses in a header field.
func (m *mail) named(field string) []string {
	list, ok := m.addresses[field]
	if !ok {
		for _, a := range m.fields().Addresses(field) {
			list = append(list, strings.ToLower(a))
		}
		if m.addresses == nil {
			m.addresses = make(map[string][]string)
		}
		m.addresses[field] = list
	}
	return list
}

func (m *mail) hasAttachment() bool {
	if m.attached == nil {
		m.fields()
		has := message.HasAttachment(m.head)
		m.attached = &has
	}
	return *m.attached
}

// view is a message as one tenant sees it: the facts of rules.
type view struct {
	*mail
	tenant     string
	sender     Address
	recipients []Address
	direction  string
	// inside tells that an internal address is among those that the message is from or
	// to, known that a known one is, and unknown that an unknown internal one is.
	inside, known, unknown bool
}

// viewOf gives a tenant's view. Its recipients are good until the next one is asked
// for.
func (p *Policy) viewOf(m *mail, tenant string) *view {
	v := &view{mail: m, tenant: tenant, recipients: m.all}
	t := p.Tenant(tenant)
	v.sender = addressOf(&m.from, t)
	v.count(v.sender)
	for i := range m.others {
		v.count(addressOf(&m.others[i], t))
	}
	for _, i := range m.ours[tenant] {
		v.recipients[i] = addressOf(&m.to[i], t)
		v.count(v.recipients[i])
	}
	ours := len(m.ours[tenant])
	switch {
	case m.unsure, v.inside && !v.sender.Internal && ours == 0: // inside is the author at most
		v.direction = Unknown
	case v.sender.Internal && ours < len(v.recipients):
		v.direction = Outbound
	case v.sender.Internal:
		v.direction = Internal
	case ours > 0:
		v.direction = Inbound
	default:
		v.direction = External
	}
	return v
}

// close takes back what the view has made of the recipients.
func (v *view) close() {
	for _, i := range v.ours[v.tenant] {
		a := &v.recipients[i]
		*a = Address{Address: a.Address, Domain: a.Domain, Primary: a.Address}
	}
}

func (v *view) count(a Address) {
	v.inside = v.inside || a.Internal
	v.known = v.known || a.Known
	v.unknown = v.unknown || a.Internal && !a.Known
}

func addressOf(m *mailbox, t *Tenant) Address {
	a := Address{Address: m.address, Domain: m.domain, Primary: m.address}
	if t == nil || m.owner != t.Name || m.domain == "" {
		return a
	}
	a.Internal = true
	if primary, known := t.lookup(m.local, m.domain); known {
		a.Primary, a.Known = primary, true
	}
	return a
}

// nonInternal tells that a message has no internal address.
func (v *view) nonInternal() bool { return v.direction != Unknown && !v.inside }

// unknownInternal tells that a message has an unknown internal address and no
// known one.
func (v *view) unknownInternal() bool { return v.direction != Unknown && v.unknown && !v.known }

// held says why nothing is skipped because of who sent or received the message; empty
// where it may be.
func (v *view) held() string {
	switch {
	case v.direction == Unknown:
		return "it is not known for sure who sent and who received the message"
	case v.Claimed:
		return "who sent the message is its author's own word"
	}
	return ""
}
