package main

import (
	"fmt"
	"time"

	"daybook/archive"
	"daybook/archive/message"
)

// factsSamples are the facts of made-up entries, as many of each way in as will make
// it into the dictionary; the ways that are the most common come last.
func factsSamples() (samples [][]byte, err error) {
	const perKind, kinds = 40, 4
	for half := range 2 {
		for i := range perKind * kinds {
			f := newFiller(uint64(half*perKind*kinds + i))
			f.next()
			b, err := archive.FactsWords(f.entry(i % kinds))
			if err != nil {
				return nil, err
			}
			samples = append(samples, b)
		}
	}
	return samples, nil
}

// entry makes up an entry of one of the ways in: a milter, a journal of Exchange,
// copies over SMTP, copies over LMTP.
func (f *filler) entry(kind int) *archive.Entry {
	from := f.address()
	e := &archive.Entry{
		Tenant: "default", Received: time.Unix(f.unix, 0), Envelope: message.Envelope{Sender: message.Path{Address: from}},
		Summary: message.Summary{MessageID: f.messageID(), Subject: f.subject(), From: f.author(from), Date: f.summaryDate()},
		Join:    archive.Join{Window: 10 * time.Minute, Match: archive.MatchContent},
	}
	e.Identity = &archive.Identity{Canonical: archive.Digest{1}, MessageID: e.Summary.MessageID[1 : len(e.Summary.MessageID)-1]}
	for range 1 + f.random.IntN(2) {
		e.Envelope.Recipients = append(e.Envelope.Recipients, message.Path{Address: f.address()})
	}
	e.Decision = f.decision()
	switch kind {
	case 0:
		f.milter(e)
	case 1:
		f.journal(e)
	case 2:
		f.copies(e, "smtp", "ESMTP")
	default:
		f.copies(e, "lmtp", "LMTP")
	}
	return e
}

func (f *filler) decision() archive.Decision {
	d := archive.Decision{Action: archive.ActionArchive}
	for i := range d.Policy {
		d.Policy[i] = byte(f.random.Uint32())
	}
	if f.random.IntN(3) == 0 {
		d.Rule, d.At = f.word(), fmt.Sprintf("rules.hcl:%d", 1+f.random.IntN(90))
		d.Tags = []string{f.pick("mail journal inbound outbound internal external")}
	}
	return d
}

func (f *filler) copies(e *archive.Entry, source, protocol string) {
	e.Source = source
	if f.random.IntN(3) == 0 {
		e.Source = "journal"
		protocol += "S"
	}
	e.Envelope.Client = message.Client{Address: "127.0.0.1", Helo: f.value("host", 0), Protocol: protocol}
	if f.random.IntN(3) == 0 {
		e.Envelope.Client.TLS = "TLSv1.3 TLS_AES_256_GCM_SHA384"
		e.Envelope.Client.Address = "10." + f.digits(2) + ".0." + f.digits(1)
	}
	if f.random.IntN(4) == 0 {
		e.Envelope.Sender.Args = []string{"SIZE=" + f.digits(5), "BODY=8BITMIME"}
		for i := range e.Envelope.Recipients {
			p := &e.Envelope.Recipients[i]
			p.Args = []string{"ORCPT=rfc822;" + p.Address}
		}
	}
}

func (f *filler) milter(e *archive.Entry) {
	host, ip, queue := f.value("host", 0), f.value("ip", 0), f.value("queue", 0)
	e.Source, e.Flags = "milter", []string{"header-respaced"}
	e.Envelope.QueueID = queue
	e.Envelope.Client = message.Client{Address: ip, Name: host, Helo: host, Protocol: f.pick("ESMTP ESMTPS ESMTPSA"), TLS: "TLSv1.3 TLS_AES_256_GCM_SHA384"}
	here := f.value("host", 0)
	e.Envelope.Macros = map[string]map[string]string{
		"connect": {"j": here, "daemon_name": here, "daemon_addr": "10.0.0.1", "daemon_port": "25", "v": "Postfix " + f.version(),
			"client_addr": ip, "client_name": host, "client_port": f.digits(5), "client_ptr": host, "client_connections": "0"},
		"helo": {"tls_version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "cipher_bits": "256", "cert_subject": "", "cert_issuer": ""},
		"mail": {"mail_addr": e.Envelope.Sender.Address, "mail_host": here, "mail_mailer": "smtp"},
		"rcpt": {"rcpt_addr": e.Envelope.Recipients[0].Address, "rcpt_host": here, "rcpt_mailer": f.pick("local virtual lmtp")},
		"data": {"i": queue},
		"eom":  {"i": queue},
	}
	e.Envelope.Sender.Args = []string{"SIZE=" + f.digits(5), "BODY=8BITMIME"}
	if f.random.IntN(3) == 0 {
		e.Envelope.Client.User = e.Envelope.Sender.Address
		e.Envelope.Macros["mail"]["auth_type"] = f.pick("PLAIN LOGIN")
		e.Envelope.Macros["mail"]["auth_authen"] = e.Envelope.Sender.Address
	}
}

func (f *filler) journal(e *archive.Entry) {
	f.copies(e, "exchange", "ESMTP")
	inner := e.Summary.MessageID
	e.Summary.MessageID = "<" + f.value("uuid", 0) + "@journal.report.generator>"
	e.Truth = &message.Truth{
		Evidence: message.EvidenceReport, Kind: "exchange", Sender: e.Envelope.Sender.Address, Subject: e.Summary.Subject, MessageID: inner,
		Originals: []message.Original{{Start: 900, End: 9000}},
	}
	e.Envelope.Sender.Address = "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@" + f.domain()
	for i := range 1 + f.random.IntN(3) {
		r := message.Recipient{Address: f.address(), Class: []message.Class{message.ClassTo, message.ClassCc, message.ClassBcc}[i]}
		if f.random.IntN(3) == 0 {
			r.History, r.From = message.HistoryExpanded, f.address()
		}
		e.Truth.Recipients = append(e.Truth.Recipients, r)
	}
}

func (f *filler) messageID() string {
	return f.fill([]string{
		"<{uuid}@{host}>", "<{hex}.{unix}@{host}>", "<{EXCHANGE}.eurprd04.prod.outlook.com>", "<{EXCHANGE}.namprd12.prod.outlook.com>",
		"<CA{base64:40}@mail.gmail.com>", "<{unix}.{number}.{unix}@{host}>", "<{queue}@{host}>", "<{hex}{hex}@{host}>",
	}[f.random.IntN(8)])
}

func (f *filler) subject() string {
	return f.fill([]string{"Re: {words}", "{words}", "{words}", "RE: {words}", "AW: {words}", "Fwd: {words}", "[{word}] {words}", "{word} {number}: {words}",
		"Automatic reply: {words}", "Undelivered Mail Returned to Sender"}[f.random.IntN(10)])
}

func (f *filler) author(address string) string {
	return f.fill([]string{"{name} <" + address + ">", "\"{name}\" <" + address + ">", address, "{name} via {word} <" + address + ">"}[f.random.IntN(4)])
}
