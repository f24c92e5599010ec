package journal

import (
	"strings"

	"daybook/archive/message"
)

// marked gives the kind of report that a header says it is.
func marked(header message.Header) Kind {
	has := func(name string) bool {
		_, found := header.Value(name)
		return found
	}
	says := func(name, want string) bool {
		value, _ := header.Value(name)
		return strings.EqualFold(strings.Trim(value, `" `), want)
	}
	switch {
	case has("X-MS-Journal-Report"), has("X-MS-Gcc-Journal-Report"), has("X-MS-Exchange-Organization-Journal-Report"):
		return Exchange
	case says("Content-Identifier", "ExJournalReport"), says("Content-Identifer", "ExJournalReport"):
		return Exchange2003
	case says("X-WM-Journal-Report", "journal"):
		return WM
	}
	return None
}

// agent tells whether a header is one that Exchange's journal agent writes, also when a
// gateway took the mark away.
func agent(header message.Header) bool {
	if newPart(entity{header: header}).media != "multipart/mixed" {
		return false
	}
	id, _ := header.Value("Message-ID")
	if strings.HasSuffix(strings.ToLower(strings.TrimRight(id, "> ")), "@journal.report.generator") {
		return true
	}
	for _, sender := range header.Addresses("Sender") {
		local, _, _ := strings.Cut(sender, "@")
		if strings.EqualFold(local, "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e") {
			return true
		}
	}
	return false
}

// isBounce tells whether a header is that of a delivery status notification (RFC 3464
// section 2).
func isBounce(header message.Header) bool {
	contentType, _ := header.Value("Content-Type")
	media, _, _ := strings.Cut(contentType, ";")
	kind := parameter(contentType, "report-type")
	return strings.EqualFold(strings.TrimSpace(media), "multipart/report") &&
		(kind == "" || strings.EqualFold(kind, "delivery-status"))
}

// bounce reads a bounce for what is attached to it, and tells whether it stands for
// that.
func (p *parser) bounce(top entity) bool {
	_, isMarked := top.header.Value("X-MS-Exchange-Message-Is-Ndr")
	if !isMarked && !isBounce(top.header) {
		return false
	}
	tried := parser{in: p.in, o: p.o, flags: flags{}}
	tried.report.Kind = NDR
	if !isMarked {
		tried.flags[FlagNDRMarkerMissing] = true
	}
	for _, at := range tried.leaves(top) {
		if !at.isMessage() {
			continue
		}
		if !tried.attached(at) && !isMarked {
			return false
		}
		p.report, p.flags = tried.report, tried.flags
		return true
	}
	if isMarked {
		p.flags[FlagNDREmpty] = true
	}
	return false
}

// attached reads the message in a bounce, and tells whether it is a report. A report
// that is encoded cannot be read in place.
func (p *parser) attached(at part) bool {
	o, e := p.original(at)
	kind := marked(e.header)
	p.report.Attached = kind
	if kind == None || o.Encoding != "" {
		p.report.Originals = []Original{o}
		p.report.Subject = o.Summary.Subject
		p.report.MessageID = strings.ToValidUTF8(o.Summary.MessageID, "\uFFFD")
		p.flags[FlagNoRecipients] = true
		return kind != None
	}
	p.wrapped(e, kind)
	return true
}

// envelope reads the envelope that header fields carry.
func (p *parser) envelope(top entity) {
	hop := false // a field of the envelope was seen, and no Received since
	over := false
	for name, field := range fields(top.raw) {
		if name == "received" {
			over = hop
			continue
		}
		if !p.carries(name) {
			continue
		}
		if over {
			p.flags[FlagOlderEnvelope] = true
			break
		}
		hop = true
		addresses := message.ReadHeader(field).Addresses(name)
		if len(field) > maxPartHeader && len(addresses) > 0 { // the last one may be cut short
			p.flags[FlagTooManyRecipients] = true
			addresses = addresses[:len(addresses)-1]
		}
		p.carried(name, addresses)
	}
	if p.report.Sender == "" && len(p.report.Recipients) == 0 {
		return
	}
	s := message.Summarize(top.raw)
	r := &p.report
	r.Kind, r.Subject, r.MessageID = Header, s.Subject, strings.ToValidUTF8(s.MessageID, "\uFFFD")
	r.Originals = []Original{{End: p.in.size, Summary: s}}
	if len(r.Recipients) == 0 {
		p.flags[FlagNoRecipients] = true
	}
}

// carries tells whether a field was named as one of the envelope.
func (p *parser) carries(name string) bool {
	for _, n := range p.o.HeaderEnvelope {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// carried takes the addresses of a field of the envelope.
func (p *parser) carried(name string, addresses []string) {
	if name == "x-receiver" || name == "x-sender" { // more can follow the address there
		addresses = addresses[:min(len(addresses), 1)]
	}
	if name == "return-path" || strings.HasSuffix(name, "from") || strings.HasSuffix(name, "sender") {
		if len(addresses) > 0 && p.report.Sender == "" {
			p.report.Sender = cut(strings.ToValidUTF8(addresses[0], "\uFFFD"), maxAddress)
		}
		return
	}
	class := Unknown
	switch {
	case name == "to", name == "resent-to":
		class = To
	case name == "cc", name == "resent-cc":
		class = Cc
	case strings.HasSuffix(name, "bcc"):
		class = Bcc
	}
	for _, a := range addresses {
		if len(p.report.Recipients) == maxRecipients {
			p.flags[FlagTooManyRecipients] = true
			return
		}
		r := Recipient{Address: strings.ToValidUTF8(a, "\uFFFD"), Class: class}
		if usable(&r, p.flags) {
			p.report.Recipients = append(p.report.Recipients, r)
		}
	}
}
