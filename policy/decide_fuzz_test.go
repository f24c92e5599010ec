package policy

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/archive/message"
)

// fuzzPolicy uses every kind of fact, and both ways to skip.
const fuzzPolicy = `
tenant "acme" {
  domains   = ["acme.example", "*.acme.example"]
  delimiter = "+"
  known     = ["anna@acme.example a.lind@acme.example"]
}
tenant "globex" { domains = ["globex.example"] }
milter "m" {
  listen           = "tcp:127.0.0.1:1"
  tenants          = ["acme", "globex"]
  unclaimed        = "globex"
  non_internal     = "skip"
  unknown_internal = "quarantine"
  max_age          = "10d"
  on_old           = "quarantine"
}
rule "spam" {
  when   = header("X-Spam") == "1" || matches(message.subject, "(?i)lottery|(a|b)*c")
  action = "quarantine"
}
rule "many" {
  when   = length(recipients) > 3 && all([for r in recipients : !r.known && r.primary == r.address])
  action = "quarantine"
}
rule "fields" {
  when = (
    any([for a in message.to : ends_with(a, "@trap.example")]) || message.has_attachment && message.size > 10 ||
    message.message_id == "<1>" || contains(message.cc, sender.address)
  )
  action = "archive"
  tags   = ["fields"]
}
rule "host" {
  when   = cidr_contains(["192.0.2.0/24", "2001:db8::/32"], client.address) && client.user != "" && !client.tls
  action = "skip"
}
rule "dated" {
  when   = sender.internal && message.date > received && upper(client.helo) != client.name
  action = "archive"
}
`

// FuzzDecide: whatever a message says, somebody decides, and it is skipped only by a
// rule or word that says so: by non_internal never with an address of the tenants.
func FuzzDecide(f *testing.F) {
	f.Add("anna@acme.example", "a@elsewhere.example", []byte("Subject: x\r\nX-Spam: 1\r\n\r\n"), "192.0.2.1", "user", uint64(1_700_000_000))
	f.Add("", "A.Lind+x@ACME.Example\nnobody@eu.acme.example", []byte("Date: Mon, 1 Jan 2001 00:00:00 +0000\r\n\r\n"), "", "", uint64(1))
	f.Add("<>", "", []byte("To: =?utf-8?q?x?= <a@trap.example>\nCc: <anna@acme.example\n"), "2001:db8::1", "", uint64(0))
	f.Add("@a,@b:anna@acme.example", "\"a b\"@globex.example\n@\n\x00\nx@\xff\ny@z.example", []byte("Content-Type: multipart/mixed; boundary=\r\n"), "::ffff:192.0.2.9", "\x00", uint64(1)<<63)
	p := parsed(f, fuzzPolicy)
	f.Fuzz(func(t *testing.T, sender, recipients string, head []byte, client, user string, received uint64) {
		facts := &Facts{
			Source: "m", Received: time.Unix(int64(received), 0), Sender: sender, Size: int64(len(head)),
			Client:  message.Client{Address: client, Helo: user, User: user},
			Summary: message.Summarize(head), Head: func() []byte { return head },
		}
		if recipients != "" {
			facts.Recipients = strings.Split(recipients, "\n")
		}
		before := bytes.Clone(head)
		list := p.Decide(facts)
		if len(list) == 0 || len(list) > 2 {
			t.Fatalf("%d decisions", len(list))
		}
		for i := range list {
			checkDecision(t, p, facts, &list[i])
		}
		var explained []Decision
		for _, e := range p.Explain(facts) {
			explained = append(explained, e.Decision)
		}
		if short(explained) != short(list) || !bytes.Equal(head, before) {
			t.Errorf("decided %s, explained %s", short(list), short(explained))
		}
	})
}

func checkDecision(t *testing.T, p *Policy, f *Facts, d *Decision) {
	t.Helper()
	says, source := Archive, p.Source("m")
	words := map[string]Action{wordNonInternal: source.NonInternal, wordUnknownInternal: source.UnknownInternal, wordOnOld: source.OnOld}
	if a, ok := words[d.Rule]; ok {
		says = a
	}
	for _, r := range p.Rules {
		if r.Name == d.Rule && !slices.Contains(d.Flags, FlagRuleError) {
			says = r.Action
		}
	}
	if d.Action != says || !slices.Contains(source.Tenants, d.Tenant) || d.Policy != p.Digest {
		t.Errorf("%s; %q says %q", d, d.Rule, says)
	}
	for _, address := range append([]string{f.Sender}, f.Recipients...) {
		address = strings.ToLower(address)
		if d.Rule == wordNonInternal && (strings.HasSuffix(address, "@acme.example") || strings.HasSuffix(address, "@globex.example")) {
			t.Errorf("%s, but %q is internal", d, address)
		}
	}
	if d.Rule == wordNonInternal && len(f.Recipients) == 0 {
		t.Errorf("%s, but the recipients are not known", d)
	}
}
