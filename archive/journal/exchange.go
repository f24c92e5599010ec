package journal

import (
	"iter"
	"slices"
	"strings"
)

// facts are what a report text says.
type facts struct {
	sender, onBehalfOf, subject, messageID, label string

	recipients []Recipient
	fields     []Field

	hasSender, hasSubject, hasMessageID bool
}

// isReport tells whether a text is that of a report.
func (f *facts) isReport() bool {
	return f.hasMessageID && (f.hasSender || len(f.recipients) > 0) || f.hasSender && len(f.recipients) > 0
}

// envelopeText reads the text of a report of Exchange 2007 and later (MS-XJRNL section
// 2.1). Subject and Message-Id are the only words of an outsider in it, and Exchange
// writes them in this order, above the recipients. So whatever stands between the two is
// the subject's, and recipients count only below both. Where the subject itself brings
// a Message-Id line, Exchange's own one comes later, and what follows it counts.
type envelopeText struct {
	facts
	flags flags

	subjects []string // of the message, as its headers have them
	expect   []string // lines of the subject that are to come
	joined   bool     // the subject has lines that were not to come

	last  string      // name of the line that white space continues
	early []Recipient // from above Subject and Message-Id
	block block       // under way
	best  *block      // the last one before it with recipients
}

// block is what stands below a Message-Id line.
type block struct {
	id, label  string
	recipients []Recipient
	fields     []Field
}

// readEnvelopeText reads a report text. Subjects are what the headers give as the
// message's subject: their line breaks tell which lines are no report's.
func readEnvelopeText(text iter.Seq[string], subjects []string, f flags) facts {
	e := &envelopeText{flags: f, subjects: subjects}
	for line := range text {
		e.line(line)
	}
	if e.joined && !e.knownSubject() {
		f[FlagImpure] = true
	}
	b := e.block
	switch {
	case !e.hasSubject || !e.hasMessageID: // there is no better place to look
		b.recipients = e.early
	case len(e.early) > 0:
		f[FlagSubjectRecipient] = true
	}
	switch {
	case e.best == nil:
	case len(b.recipients) == 0:
		b = *e.best
	default:
		f[FlagSubjectRecipient] = true
	}
	e.messageID, e.label, e.recipients, e.fields = b.id, b.label, b.recipients, b.fields
	return e.facts
}

// knownSubject tells whether the subject is one that the headers have.
func (e *envelopeText) knownSubject() bool {
	return slices.ContainsFunc(e.subjects, func(s string) bool { return squashed(s) == squashed(e.subject) })
}

// line reads one line.
func (e *envelopeText) line(line string) {
	trimmed := strings.TrimSpace(line)
	if len(e.expect) > 0 {
		if trimmed == e.expect[0] {
			e.expect = e.expect[1:]
			e.flags[FlagSubjectLines] = true
			return
		}
		e.expect = nil
	}
	if trimmed == "" {
		return
	}
	if line[0] == ' ' || line[0] == '\t' {
		e.continued(trimmed)
		return
	}
	name, value, found := strings.Cut(trimmed, ":")
	name = strings.ToLower(strings.TrimRight(name, " \t"))
	if !found || !isName(name) {
		e.foreign(trimmed)
		return
	}
	e.last = name
	e.field(name, strings.TrimSpace(value), trimmed)
}

// isName tells whether a word can be the name of a line.
func isName(word string) bool {
	return word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// inSubject tells whether what comes now is between Subject and Message-Id.
func (e *envelopeText) inSubject() bool { return e.hasSubject && !e.hasMessageID }

func (e *envelopeText) field(name, value, line string) {
	class := classOf(name)
	if class != "" || name == "sender" || name == "on-behalf-of" {
		e.flags.spaced(value)
	}
	switch {
	case name == "message-id":
		e.messageIDLine(value)
	case class != "":
		e.add(value, class)
	case e.inSubject():
		e.foreign(line)
	case name == "subject":
		e.subjectLine(value)
	case name == "sender":
		e.once(&e.sender, &e.hasSender, sender(value))
	case name == "on-behalf-of" && !e.hasSubject && !e.hasMessageID: // below, it can be the subject's
		e.once(&e.onBehalfOf, nil, sender(value))
	case name == "label":
		e.flags.long(value)
		e.once(&e.block.label, nil, value)
	default:
		e.other(name, line)
	}
}

// classOf gives the class of a recipient line, and nothing for another line.
func classOf(name string) Class {
	switch name {
	case "to", "cc", "bcc":
		return Class(name)
	case "recipient":
		return Unknown
	}
	return ""
}

// once sets what only the first line of a name gives.
func (e *envelopeText) once(field *string, seen *bool, value string) {
	if seen != nil && *seen || *field != "" {
		e.flags[FlagDuplicateField] = true
		if value != *field {
			e.flags[FlagImpure] = true
		}
		return
	}
	if seen != nil {
		*seen = true
	}
	*field = value
}

// sender gives the address of a Sender or On-Behalf-Of line, if it has one.
func sender(value string) string {
	if strings.EqualFold(value, "Unspecified Address") {
		return ""
	}
	return address(value)
}

func (e *envelopeText) subjectLine(value string) {
	if e.hasSubject {
		e.flags[FlagDuplicateField] = true
		if value != e.subject {
			e.flags[FlagImpure] = true
		}
		return
	}
	e.subject, e.hasSubject = value, true
	if e.hasMessageID {
		e.flags[FlagSubjectLast] = true
	}
	for _, s := range e.subjects {
		parts := slices.Collect(lines(s))
		if len(parts) > 1 && strings.TrimSpace(parts[0]) == value {
			for _, p := range parts[1:] {
				e.expect = append(e.expect, strings.TrimSpace(p))
			}
			return
		}
	}
}

func (e *envelopeText) messageIDLine(value string) {
	if strings.EqualFold(value, "Unknown Message-ID") {
		value = ""
	}
	if e.hasMessageID {
		e.flags[FlagDuplicateField] = true
		if len(e.block.recipients) > 0 {
			above := e.block
			e.best = &above
		}
	}
	e.hasMessageID = true
	e.block = block{id: value}
}

// list gives the list to which recipients belong that come now.
func (e *envelopeText) list() *[]Recipient {
	if !e.hasSubject || !e.hasMessageID {
		return &e.early
	}
	return &e.block.recipients
}

func (e *envelopeText) add(value string, class Class) {
	list := e.list()
	if len(*list) == maxRecipients {
		e.flags[FlagTooManyRecipients] = true
		return
	}
	r := redirected(value)
	r.Class = class
	if usable(&r, e.flags) {
		*list = append(*list, r)
	}
}

// continued reads a line that begins with white space.
func (e *envelopeText) continued(text string) {
	switch e.last {
	case "subject":
		e.foreign(text)
	case "to", "cc", "bcc", "recipient":
		e.recipientContinued(text)
	default:
		e.flags[FlagImpure] = true
	}
}

// recipientContinued reads the rest of a recipient line that somebody has folded.
func (e *envelopeText) recipientContinued(text string) {
	list := e.list()
	if len(*list) == 0 {
		e.flags[FlagImpure] = true
		return
	}
	r := &(*list)[len(*list)-1]
	more := redirected(r.Address + " " + text)
	if r.History == Direct && more.History != Direct && usable(&more, e.flags) {
		e.flags.spaced(more.From)
		more.Class = r.Class
		*r = more
		return
	}
	e.flags[FlagImpure] = true
}

// foreign reads a line that is no report's, or the further text of a subject.
func (e *envelopeText) foreign(text string) {
	if e.inSubject() || e.last == "subject" && e.subject != "" {
		e.flags[FlagSubjectLines] = true
		e.joined = true
		if len(e.subject) < maxSubject {
			e.subject += " " + text
		}
		return
	}
	e.flags[FlagImpure] = true
}

func (e *envelopeText) other(name, line string) {
	switch name {
	case "mailbox", "sentutc", "receivedutc", "rule-names", "received", "mapi-message-class",
		"original-authenticator", "original-message-size", "recipient-count":
	default:
		e.flags[FlagImpure] = true
	}
	e.flags.long(line)
	if len(e.block.fields) < maxFields {
		spelt, value, _ := strings.Cut(line, ":")
		e.block.fields = append(e.block.fields, Field{strings.TrimSpace(spelt), cut(strings.TrimSpace(value), maxAddress)})
	}
}

// redirected reads a recipient line: an address, and the list or recipient it came by,
// which is what follows the last comma with one of the two words.
func redirected(value string) Recipient {
	tries := 8
	all := quotes(value)
	for i := len(value); i >= 0 && tries > 0 && len(value) < 3*maxAddress; {
		if i = strings.LastIndexByte(value[:i], ','); i < 0 {
			break
		}
		history, from := redirection(value[i+1:])
		if from == "" {
			continue
		}
		tries--
		if quotes(value[:i])%2 == 1 && all%2 == 0 {
			continue // the comma stands within a quoted local part
		}
		return Recipient{Address: address(value[:i]), History: history, From: from}
	}
	return Recipient{Address: address(value)}
}

// redirection reads what follows a comma; from is empty when it is no redirection.
func redirection(text string) (h History, from string) {
	text = strings.TrimLeft(text, " \t")
	for _, h := range []History{Expanded, Forwarded} {
		if len(text) < len(h) || !strings.EqualFold(text[:len(h)], string(h)) {
			continue
		}
		if rest, found := strings.CutPrefix(strings.TrimLeft(text[len(h):], " \t"), ":"); found {
			return h, address(rest)
		}
	}
	return Direct, ""
}

// quotes counts the quotation marks that begin or end a quoted string.
func quotes(s string) int {
	return strings.Count(s, `"`) - strings.Count(s, `\"`)
}

// address gives the address of a line: that between angle brackets, if it has any.
func address(value string) string {
	value = strings.TrimSpace(value)
	if strings.HasSuffix(value, ">") {
		if i := strings.LastIndexByte(value, '<'); i >= 0 {
			value = value[i+1 : len(value)-1]
		}
	}
	return strings.TrimSpace(value)
}

// usable tells whether an address can be kept, and flags what is odd about it.
func usable(r *Recipient, f flags) bool {
	switch {
	case r.Address == "":
		f[FlagEmptyRecipient] = true
		return false
	case len(r.Address) > maxAddress || len(r.From) > maxAddress:
		f[FlagAddressTooLong] = true
		return false
	}
	if at := strings.LastIndexByte(r.Address, '@'); at <= 0 || at == len(r.Address)-1 {
		f[FlagOddAddress] = true
	}
	return true
}
