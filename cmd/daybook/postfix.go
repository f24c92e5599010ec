package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"daybook/policy"
)

// postfixLines gives what goes into Postfix's main.cf to have mail copied to the
// daemon, as lines that can be pasted.
func (d *daemon) postfixLines() string {
	var b strings.Builder
	for i, m := range d.pol.Milters {
		writeMilterLines(&b, &m, d.mail[i].bound())
	}
	for i, l := range d.pol.Listeners {
		if l.Kind != policy.KindLMTP {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("# Or, in place of the above:\n")
		}
		writeLMTPLines(&b, &l, d.mail[len(d.pol.Milters)+i].bound())
	}
	return b.String()
}

func writeMilterLines(b *strings.Builder, m *policy.Milter, addr policy.Addr) {
	fmt.Fprintf(b, "# Postfix main.cf: all mail to the milter %q\n", m.Name)
	writeSocketNote(b, addr)
	fmt.Fprintf(b, "smtpd_milters = %s\n", postfixMilter(addr))
	b.WriteString("non_smtpd_milters = $smtpd_milters\n")
	fmt.Fprintf(b, "milter_default_action = %s\n", m.OnFailure)
	b.WriteString("milter_protocol = 6\n")
	b.WriteString("milter_content_timeout = 300s\n")
	b.WriteString("internal_mail_filter_classes = bounce\n\n")
}

func writeLMTPLines(b *strings.Builder, l *policy.Listener, addr policy.Addr) {
	fmt.Fprintf(b, "# Postfix main.cf: a copy of each message to LMTP %q\n", l.Name)
	writeSocketNote(b, addr)
	b.WriteString("always_bcc = journal@daybook.invalid\n")
	fmt.Fprintf(b, "transport_maps = inline:{ { daybook.invalid = lmtp:%s } }\n", postfixNexthop(addr))
	b.WriteString("lmtp_line_length_limit = 0\n")
	b.WriteString("lmtp_data_done_timeout = 300s\n\n")
}

func writeSocketNote(b *strings.Builder, addr policy.Addr) {
	if addr.Network == "unix" {
		b.WriteString("# Postfix's user must be in the group of the socket. A chrooted service looks\n" +
			"# for it below /var/spool/postfix.\n")
	}
}

// postfixMilter gives an address in the notation of smtpd_milters.
func postfixMilter(addr policy.Addr) string {
	if addr.Network == "unix" {
		return addr.String()
	}
	host, port := reachable(addr)
	return "inet:" + net.JoinHostPort(host, port)
}

// postfixNexthop gives an address in the notation of lmtp(8), where an IP address
// has brackets.
func postfixNexthop(addr policy.Addr) string {
	if addr.Network == "unix" {
		return addr.String()
	}
	host, port := reachable(addr)
	return "inet:[" + host + "]:" + port
}

// reachable gives host and port to connect to: what listens everywhere is reached
// on this machine.
func reachable(addr policy.Addr) (host, port string) {
	host, port, err := net.SplitHostPort(addr.Address)
	if ip, e := netip.ParseAddr(host); err == nil && (host == "" || e == nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return host, port
}
