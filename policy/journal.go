package policy

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// journalKey is what a journal is found by.
type journalKey struct{ listener, address string }

// allJournals reads the listeners and journals. A listener that no journal uses is
// a journal itself.
func (b *builder) allJournals(p *Policy, root *rootBody) {
	bodies := make(map[string]*smtpBody)
	for i := range root.LMTPs {
		l := smtpBody(root.LMTPs[i])
		bodies[l.Name] = &l
		p.Listeners = append(p.Listeners, b.listener(&l, KindLMTP, p.Server.MaxMessage))
	}
	for i := range root.SMTPs {
		l := &root.SMTPs[i]
		bodies[l.Name] = l
		p.Listeners = append(p.Listeners, b.listener(l, KindSMTP, p.Server.MaxMessage))
	}
	used := make(map[string]*journalBody)
	unsure := false // a wrong via may have meant any listener
	for i := range root.Journals {
		j := &root.Journals[i]
		p.Journals = append(p.Journals, b.journal(j, p.Listeners, bodies))
		for _, name := range p.Journals[i].Via {
			used[name] = cmp.Or(used[name], j)
		}
		unsure = unsure || len(p.Journals[i].Via) == 0
	}
	for i := range p.Listeners {
		l := &p.Listeners[i]
		if used[l.Name] != nil || !unsure {
			b.listenerJournal(p, l, bodies[l.Name], used[l.Name])
		}
	}
	b.journalAddresses(p, root.Journals)
	b.oneUser(p, root.Journals)
}

// listenerJournal adds the journal that a listener is when no other uses it.
func (b *builder) listenerJournal(p *Policy, l *Listener, body *smtpBody, user *journalBody) {
	switch {
	case user != nil && body != nil:
		for _, key := range body.keys().written() {
			b.fault(key.at, "Key of a journal", "The journals that use this listener say %s, as %q at %s: write it there.",
				key.text, user.Name, place(user.Range))
		}
	case user != nil:
	case body != nil:
		p.Journals = append(p.Journals, plainJournal(b.source(l.Name, body.keys(), body.Range, defaultInactivity)))
	default:
		p.Journals = append(p.Journals, plainJournal(defaultSource(l.Name, p.Tenants[0].Name, defaultInactivity)))
	}
}

func plainJournal(s Source) Journal {
	return Journal{
		Source: s, Address: AnyAddress, Via: []string{s.Name}, Format: FormatPlain,
		TLS: TLSOptional, PreferClearText: true, HideHeaders: hiddenHeaders(),
	}
}

// hiddenHeaders are the fields in which Exchange writes Bcc recipients.
func hiddenHeaders() []string {
	return []string{"X-MS-Exchange-Organization-BCC", "X-MS-Exchange-CrossPremises-BCC"}
}

func (b *builder) listener(l *smtpBody, kind string, maxMessage int64) Listener {
	b.name("listener", l.Name, l.Range, b.names)
	if other := map[string]string{KindLMTP: KindSMTP, KindSMTP: KindLMTP}[kind]; l.Name == other {
		b.fault(l.Range, "Misleading name", "In via, %q stands for all %s blocks: give this %s block another name.", other, other, kind)
	}
	listener := Listener{
		Name: l.Name, Kind: kind,
		Listen:        b.sourceListen(l.Listen, l.Range),
		MaxMessage:    cmp.Or(b.size(l.MaxMessage), maxMessage),
		MaxRecipients: b.count(l.MaxRecipients, maxNumber),
		TLSCert:       b.path(l.TLSCert), TLSKey: b.path(l.TLSKey),
		TLSOnConnect:            b.flag(l.TLSOnConnect, false),
		ClientCA:                b.path(l.ClientCA),
		Proxies:                 b.prefixes(l.Proxies),
		MaxConnections:          b.count(l.MaxConnections, maxNumber),
		MaxConnectionsPerClient: b.count(l.MaxConnectionsPerClient, maxNumber),
		MessagesPerMinute:       b.count(l.MessagesPerMinute, maxNumber),
	}
	b.certificate(l)
	return listener
}

// certificate checks that the keys about TLS stand together.
func (b *builder) certificate(l *smtpBody) {
	switch {
	case l.TLSCert != nil && l.TLSKey == nil:
		b.fault(l.TLSCert.Range, "Certificate without key", "Add tls_key, the file with the certificate's private key.")
	case l.TLSKey != nil && l.TLSCert == nil:
		b.fault(l.TLSKey.Range, "Key without certificate", "Add tls_cert, the file with the certificate chain.")
	}
	for _, a := range []*hcl.Attribute{l.TLSOnConnect, l.ClientCA} {
		if a != nil && l.TLSCert == nil && l.TLSKey == nil {
			b.fault(a.Range, "TLS without certificate", "%s needs tls_cert and tls_key: add them, or leave it out.", a.Name)
		}
	}
}

func (b *builder) journal(j *journalBody, listeners []Listener, bodies map[string]*smtpBody) Journal {
	b.name("journal", j.Name, j.Range, b.names)
	journal := Journal{
		Source:          b.source(j.Name, j.keys(), j.Range, defaultInactivity),
		Description:     b.text(j.Description),
		Address:         b.journalAddress(j.Address),
		Via:             b.via(j, listeners),
		Format:          cmp.Or(b.choice(j.Format, FormatEnvelope, FormatPlain), FormatEnvelope),
		HeaderEnvelope:  b.fieldNames(j.HeaderEnvelope),
		AllowFrom:       b.allowFrom(j.AllowFrom),
		Auth:            b.auth(j.Auth),
		TLS:             cmp.Or(b.choice(j.TLS, TLSRequired, TLSOptional), TLSOptional),
		PreferClearText: b.flag(j.PreferClearText, true),
		HideHeaders:     b.fieldNames(j.HideHeaders),
	}
	if j.HideHeaders == nil {
		journal.HideHeaders = hiddenHeaders()
	}
	for i := range listeners {
		if l := &listeners[i]; slices.Contains(journal.Via, l.Name) {
			b.suits(j, &journal, l, bodies[l.Name])
		}
	}
	return journal
}

// suits checks that a listener can do what a journal asks for.
func (b *builder) suits(j *journalBody, journal *Journal, l *Listener, body *smtpBody) {
	where := "the default listener"
	if body != nil {
		where = fmt.Sprintf("the listener %q at %s", l.Name, place(body.Range))
	}
	if journal.TLS == TLSRequired && l.TLSCert == "" {
		b.wrong(j.TLS, "Nothing could be delivered, as %s has no certificate: add tls_cert and tls_key there, or name the other listeners in via.", where)
	}
	if j.Auth != nil && l.Kind != KindSMTP {
		b.fault(j.Auth.Range, "No login over LMTP", "Nothing could be delivered, as %s offers no login: add via = [\"smtp\"], or take allow_from.", where)
	}
	if len(journal.AllowFrom) > 0 && l.Listen.Network == "unix" {
		b.wrong(j.AllowFrom, "Nothing could be delivered, as %s is a Unix socket and its peers have no IP address: "+
			"name the other listeners in via, or take the rights of the socket's folder in place of allow_from.", where)
	}
}

// journalAddress reads the recipient address of a journal's deliveries.
func (b *builder) journalAddress(a *hcl.Attribute) string {
	s := b.text(a)
	if s == "" || s == AnyAddress {
		return AnyAddress
	}
	local, domain := splitAddress(s)
	if !isAddress(local, domain) {
		b.wrong(a, "%q is not an address, as in \"journal@archive.example.com\"; \"*\" takes all.", s)
		return ""
	}
	return local + "@" + domain
}

// via reads which listeners take a journal's deliveries; none when it is wrong.
func (b *builder) via(j *journalBody, listeners []Listener) []string {
	var all []string
	for i := range listeners {
		all = append(all, listeners[i].Name)
	}
	if len(all) == 0 {
		b.fault(j.Range, "No listener", "No block takes deliveries for this journal: add an lmtp or smtp block.")
		return nil
	}
	if j.Via == nil {
		return all
	}
	before := len(b.diags)
	var list []string
	for _, it := range b.items(j.Via) {
		found := false
		for i := range listeners {
			l := &listeners[i]
			if it.text != l.Name && it.text != l.Kind {
				continue
			}
			found = true
			if !slices.Contains(list, l.Name) {
				list = append(list, l.Name)
			}
		}
		switch {
		case !found && (it.text == KindLMTP || it.text == KindSMTP):
			b.wrongItem(j.Via, it, "There is no %s block: add one, or leave it out of via.", it.text)
		case !found:
			b.wrongItem(j.Via, it, "There is no lmtp or smtp block %q.%s", it.text, didYouMean(it.text, append(all, KindLMTP, KindSMTP)))
		}
	}
	if len(list) == 0 && len(b.diags) == before {
		b.wrong(j.Via, "The list is empty, and nothing could be delivered: leave via out for all listeners.")
	}
	if len(b.diags) > before {
		return nil
	}
	return list
}

func (b *builder) allowFrom(a *hcl.Attribute) []netip.Prefix {
	before := len(b.diags)
	list := b.prefixes(a)
	if a != nil && len(list) == 0 && len(b.diags) == before {
		b.wrong(a, "The list is empty, and nobody could deliver: leave allow_from out to let everybody.")
	}
	return list
}

// auth reads what a peer has to know. The password is not part of the policy,
// because its text is kept in the archive and shown to those who ask.
func (b *builder) auth(body *authBody) *Auth {
	if body == nil {
		return nil
	}
	if a := body.Password; a != nil {
		b.fault(a.NameRange, "Password in the policy",
			"The text of every policy is kept in the archive for good, so a password must not stand in it: "+
				"put it into a file, and write password_file = \"...\" with the file's path. Take a new password if this one was in use.")
	}
	auth := &Auth{User: b.text(body.User)}
	if !isASCII(auth.User) {
		b.wrong(body.User, "%q has other characters than those of ASCII, which servers do not all write alike: take another name.", auth.User)
	}
	if body.User == nil {
		b.fault(body.Range, "No user", "Add user = \"...\", the name that the peer logs in with.")
	}
	if body.PasswordFile == nil && body.Password == nil {
		b.fault(body.Range, "No password", "Add password_file = \"...\", a file with the password in its first line.")
	}
	path, text := b.file(body.PasswordFile)
	first, _, _ := bytes.Cut(text, []byte("\n"))
	if path != "" && len(bytes.TrimSpace(first)) == 0 {
		b.wrong(body.PasswordFile, "The first line of the file is empty: write the password there.")
	}
	auth.PasswordFile = path
	return auth
}

// oneUser checks that a user has one password at a listener.
func (b *builder) oneUser(p *Policy, bodies []journalBody) {
	type login struct{ listener, user string }
	first := make(map[login]int)
	for i := range bodies {
		j := &p.Journals[i]
		if j.Auth == nil || j.Auth.User == "" {
			continue
		}
		for _, listener := range j.Via {
			key := login{listener, j.Auth.User}
			n, ok := first[key]
			if !ok {
				first[key] = i
				continue
			}
			if p.Journals[n].Auth.PasswordFile != j.Auth.PasswordFile {
				b.wrong(bodies[i].Auth.User, "At the listener %q the user %q has another password for the journal %q at %s: "+
					"give one of the two another user, or both the same password_file.", listener, j.Auth.User, p.Journals[n].Name, place(bodies[n].Range))
				break
			}
		}
	}
}

// journalAddresses checks that at each listener an address has one journal.
func (b *builder) journalAddresses(p *Policy, bodies []journalBody) {
	taken := make(map[journalKey]*Journal)
	for i := range p.Journals {
		j := &p.Journals[i]
		if j.Address == "" {
			continue // told already
		}
		for _, listener := range j.Via {
			key := journalKey{listener, j.Address}
			first, ok := taken[key]
			if !ok {
				taken[key] = j
				continue
			}
			n := slices.IndexFunc(bodies, func(body journalBody) bool { return body.Name == first.Name })
			at := bodies[i].Range
			if a := bodies[i].Address; a != nil {
				at = a.Range
			}
			b.fault(at, "Address used twice",
				"At the listener %q the address %q is that of the journal %q at %s already: give one of the two another address, or another via.",
				listener, j.Address, first.Name, place(bodies[n].Range))
			break
		}
	}
}

// JournalFor gives the journal that takes deliveries to the recipient at the
// listener: the one of that address, else the one of [AnyAddress]; nil when nobody
// takes them. Upper and lower case are the same in it.
func (p *Policy) JournalFor(listener, recipient string) *Journal {
	local, domain := splitAddress(recipient)
	if domain != "" {
		local += "@" + domain
	}
	if j, ok := p.journals[journalKey{listener, local}]; ok {
		return j
	}
	return p.journals[journalKey{listener, AnyAddress}]
}
