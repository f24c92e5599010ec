package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"
)

// probeMail is a message that daybook itself sends to a journal, to see whether it is
// archived.
type probeMail struct {
	sender    string // of the mail, and of its delivery
	recipient string // of the mail
	address   string // of the journal
	id        string // the Message-ID of what is delivered
	text      string
}

// newProbeMail makes a message of its own for each secret.
func newProbeMail(w *journalWay, secret string, now time.Time) *probeMail {
	host, _ := os.Hostname()
	domain := cmp.Or(w.Domain, w.Hostname, host, "daybook.invalid")
	p := &probeMail{sender: "daybook-journal-test@" + domain, address: w.Address}
	p.recipient = p.sender
	if p.address == "*" {
		p.address = p.sender
	}
	p.id = fmt.Sprintf("<daybook-journal-test-%s@%s>", secret, domain)
	p.text = p.plain(w, p.id, now)
	if w.Report {
		inner := fmt.Sprintf("<daybook-journal-test-%s.original@%s>", secret, domain)
		p.text = p.report(w, inner, secret, now)
	}
	return p
}

// probeSubject is that of every probe.
const probeSubject = "daybook journal test"

func (p *probeMail) plain(w *journalWay, id string, now time.Time) string {
	return crlf(
		"From: Daybook <"+p.sender+">",
		"To: "+p.recipient,
		"Subject: "+probeSubject,
		"Date: "+now.Format(time.RFC1123Z),
		"Message-ID: "+id,
		"Auto-Submitted: auto-generated",
		"MIME-Version: 1.0",
		"Content-Type: text/plain; charset=utf-8",
		"",
		"This message was sent by \"daybook journal test "+w.Name+"\", to see whether the",
		"journal takes mail. It can be forgotten.",
	)
}

// report wraps the probe into a journal report (MS-XJRNL section 2.1).
func (p *probeMail) report(w *journalWay, inner, secret string, now time.Time) string {
	boundary := "daybook-" + secret
	return crlf(
		"From: Daybook <"+p.sender+">",
		"To: "+p.address,
		"Subject: "+probeSubject,
		"Date: "+now.Format(time.RFC1123Z),
		"Message-ID: "+p.id,
		"X-MS-Journal-Report:",
		"Auto-Submitted: auto-generated",
		"MIME-Version: 1.0",
		"Content-Type: multipart/mixed; boundary=\""+boundary+"\"",
		"",
		"--"+boundary,
		"Content-Type: text/plain; charset=utf-8",
		"",
		"Sender: "+p.sender,
		"Subject: "+probeSubject,
		"Message-Id: "+inner,
		"To: "+p.recipient,
		"",
		"--"+boundary,
		"Content-Type: message/rfc822",
		"",
	) + p.plain(w, inner, now) + crlf("", "--"+boundary+"--")
}

func crlf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }
