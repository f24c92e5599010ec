package policy

import (
	"slices"
	"strings"
	"time"

	"daybook/policy/condition"
)

// schemaOf gives the facts that the rules of a policy can use.
func schemaOf(p *Policy) *condition.Schema[view] {
	s := condition.NewSchema[view]()
	// What leaves open who the sender is does not keep anybody from having mail skipped:
	// as a condition of its own it counts as nothing that the sender cannot choose.
	names := sourceNames(p)
	source := []condition.Option{condition.Doc("the milter or journal that the message came in by")}
	if len(names) == 1 {
		source = append(source, condition.Content)
	}
	s.Word("source", names, func(v *view) string { return v.Source }, source...)
	s.Word("tenant", tenantNames(p), func(v *view) string { return v.tenant }, condition.Content, condition.Doc("whose decision this is"))
	s.Word("direction", []string{Inbound, Outbound, Internal, External, Unknown}, func(v *view) string { return v.direction },
		condition.Content, condition.Doc("where the message goes, as the tenant sees it"))
	s.Time("received", func(v *view) (time.Time, bool) { return v.Received, true }, condition.Content, condition.Doc("when the message came in"))
	addAddresses(s)
	addClient(s)
	addMessage(s)
	s.Word("journal.kind", journalKinds(), func(v *view) string { return v.JournalKind }, condition.Content,
		condition.Doc("the form of a journal's delivery; \"\" for plain mail"))
	s.Strings("journal.flags", func(v *view) []string { return v.JournalFlags }, condition.Content,
		condition.Doc("what was odd about it, a word each"))
	s.Constant("size", func(text string) (float64, error) {
		n, err := ParseSize(text)
		return float64(n), err
	}, condition.Doc("a size in bytes, as in size(\"10MiB\")"))
	s.Constant("duration", func(text string) (float64, error) {
		d, err := ParseDuration(text)
		return d.Seconds(), err
	}, condition.Doc("a time span in seconds, as in duration(\"30d\")"))
	return s
}

func addAddresses(s *condition.Schema[view]) {
	// The sender is whom the client names: nobody checks that.
	lower, content := condition.Lower, condition.Content
	s.String("sender.address", func(v *view) string { return v.sender.Address }, lower, content,
		condition.Doc("the envelope's sender in lower case; \"\" for the null sender"))
	s.String("sender.domain", func(v *view) string { return v.sender.Domain }, lower, content, condition.Doc("what stands behind its @"))
	s.String("sender.primary", func(v *view) string { return v.sender.Primary }, lower, content,
		condition.Doc("the first address of the person in the tenant's list, else the address"))
	s.Bool("sender.internal", func(v *view) bool { return v.sender.Internal }, content, condition.Doc("whether the domain is the tenant's"))
	s.Bool("sender.known", func(v *view) bool { return v.sender.Known }, content, condition.Doc("whether it is internal and listed"))
	r := s.Objects("recipients", func(v *view) int { return len(v.recipients) }, condition.Doc("the envelope's recipients"))
	r.String("address", func(v *view, i int) string { return v.recipients[i].Address }, lower, condition.Doc("in lower case"))
	r.String("domain", func(v *view, i int) string { return v.recipients[i].Domain }, lower, condition.Doc("what stands behind the @"))
	r.String("primary", func(v *view, i int) string { return v.recipients[i].Primary }, lower,
		condition.Doc("the first address of the person in the tenant's list, else the address"))
	r.Bool("internal", func(v *view, i int) bool { return v.recipients[i].Internal }, condition.Doc("whether the domain is the tenant's"))
	r.Bool("known", func(v *view, i int) bool { return v.recipients[i].Known }, condition.Doc("whether it is internal and listed"))
}

func addClient(s *condition.Schema[view]) {
	content := condition.Content // what the client chooses to say, or to do
	s.String("client.address", func(v *view) string { return v.Client.Address },
		condition.Doc("the IP address of the client; \"\" for a Unix socket or a local submission"))
	s.String("client.name", func(v *view) string { return v.Client.Name }, condition.Doc("the client's host name, as the MTA found it"))
	s.String("client.helo", func(v *view) string { return v.Client.Helo }, content, condition.Doc("what the client said in HELO"))
	s.String("client.user", func(v *view) string { return v.Client.User }, condition.Doc("who the client logged in as; \"\" for nobody"))
	s.String("client.protocol", func(v *view) string { return v.Client.Protocol }, content, condition.Doc("SMTP, ESMTPS, LMTP ..."))
	s.Bool("client.tls", func(v *view) bool { return v.Client.TLS != "" }, content, condition.Doc("whether its connection is encrypted"))
}

// addMessage declares what the message itself says: anybody can write that.
func addMessage(s *condition.Schema[view]) {
	content := condition.Content
	s.Number("message.size", func(v *view) float64 { return float64(v.Size) }, content, condition.Doc("in bytes"))
	s.String("message.subject", func(v *view) string { return v.Summary.Subject }, content, condition.Doc("the Subject field, decoded"))
	s.String("message.message_id", func(v *view) string { return v.Summary.MessageID }, content,
		condition.Doc("the Message-ID field, with its angle brackets"))
	for _, name := range []string{"from", "to", "cc"} {
		s.Strings("message."+name, func(v *view) []string { return v.named(name) }, content, condition.Lower,
			condition.Doc("the addresses of the "+strings.ToUpper(name[:1])+name[1:]+" field, in lower case"))
	}
	s.Time("message.date", func(v *view) (time.Time, bool) {
		return time.Unix(v.Summary.Date, 0).UTC(), v.Summary.Date != 0
	}, content, condition.Doc("the Date field; without one it has no value, which can(message.date) tells"))
	s.Number("message.age", func(v *view) float64 {
		if v.Summary.Date == 0 {
			return 0
		}
		return v.Received.Sub(time.Unix(v.Summary.Date, 0)).Seconds()
	}, content, condition.Doc("seconds from its date to its arrival; 0 without a date"))
	s.Bool("message.has_attachment", func(v *view) bool { return v.hasAttachment() }, content,
		condition.Doc("whether its first 256 KiB have a part that is a file"))
	s.Lookup("header", func(v *view, name string) string {
		value, _ := v.fields().Value(name)
		return value
	}, content, condition.Doc("a header field, decoded; \"\" when there is none"))
}

func sourceNames(p *Policy) []string {
	var names []string
	for i := range p.Milters {
		names = append(names, p.Milters[i].Name)
	}
	for i := range p.Journals {
		names = append(names, p.Journals[i].Name)
	}
	slices.Sort(names)
	return slices.Compact(names) // two of one name are a mistake, named elsewhere
}

// journalKinds are the forms of a journal's delivery, as package journal names
// them; the empty one is plain mail.
func journalKinds() []string {
	return []string{"", "exchange", "exchange-2003", "wm", "ndr", "header"}
}

// Expressions gives the facts and functions that the conditions of rules can use.
func Expressions() []condition.Name { return schemaOf(&Policy{}).Names() }
