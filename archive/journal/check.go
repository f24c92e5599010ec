package journal

import "strings"

// protection tells the two originals of a rights-protected message apart: the journal
// agent adds the decrypted copy behind the protected original. Both are the same mail.
func (p *parser) protection(first *entity) {
	list := p.report.Originals
	switch {
	case len(list) > 2:
		p.flags[FlagManyOriginals] = true
		return
	case len(list) < 2:
		return
	case list[0].Summary.MessageID != list[1].Summary.MessageID:
		p.flags[FlagOriginalsDiffer] = true
	default:
		list[0].Protected, list[1].Decrypted = true, true
	}
	if class, _ := first.header.Value("Content-Class"); !strings.EqualFold(class, "rpmsg.message") {
		p.flags[FlagProtectionUnseen] = true
	}
}

// compare flags what the report says otherwise than the headers do.
func (p *parser) compare(top entity, first *entity) {
	if first == nil {
		return
	}
	p.compareIDs(top)
	_, outer := top.header.Value("X-MS-Exchange-Message-Is-Ndr")
	_, inner := first.header.Value("X-MS-Exchange-Message-Is-Ndr")
	if outer || inner || isBounce(first.header) {
		p.flags[FlagReportOfNDR] = true
	}
	from := append(first.header.Addresses("Sender"), first.header.Addresses("From")...)
	if sender := p.report.Sender; sender != "" && len(from) > 0 && !newSet(from).has(sender) {
		p.flags[FlagSenderMismatch] = true
	}
	p.compareRecipients(first)
}

// compareIDs compares the Message-ID in all its places.
func (p *parser) compareIDs(top entity) {
	parent, _ := top.header.Value("X-MS-Exchange-Parent-Message-Id")
	seen := set{}
	for _, id := range []string{parent, p.report.MessageID, p.report.Originals[0].Summary.MessageID} {
		if id = strings.Trim(cut(id, maxMessageID), "<> \t"); id != "" {
			seen[id] = true
		}
	}
	if len(seen) > 1 {
		p.flags[FlagMessageIDMismatch] = true
	}
}

// compareRecipients compares the report's recipients with To and Cc of the original.
func (p *parser) compareRecipients(first *entity) {
	named := append(first.header.Addresses("To"), first.header.Addresses("Cc")...)
	inHeader, inReport := newSet(named), set{}
	for _, r := range p.report.Recipients {
		inReport.add(r.Address)
		inReport.add(r.From)
		if (r.Class == To || r.Class == Cc) && r.History == Direct && !inHeader.has(r.Address) {
			p.flags[FlagRecipientsDiffer] = true
		}
	}
	for _, a := range named {
		if !inReport.has(a) {
			p.flags[FlagRecipientsDiffer] = true
		}
	}
}

// set is a set of addresses, whatever their case.
type set map[string]bool

func newSet(list []string) set {
	s := set{}
	for _, a := range list {
		s.add(a)
	}
	return s
}

func (s set) add(address string)      { s[strings.ToLower(address)] = true }
func (s set) has(address string) bool { return s[strings.ToLower(address)] }
