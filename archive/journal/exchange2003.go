package journal

import (
	"iter"
	"strings"
)

// Bounds of wrapped lines in a report of Exchange 2003.
const (
	maxWrapped       = 5  // lines of one address
	maxWrappedFields = 14 // lines of a Message-ID or sender
)

// listText reads the text of a report of Exchange 2000 and 2003, and of Citadel: a list
// of recipients with display names, in which long lines are wrapped anywhere. There is
// no specification; this is the shape that Microsoft's own reader takes.
//
//	Sender: "Display Name" <SMTP:user@example.com>
//	Message-ID: <1@example.com>
//	Recipients:
//	"User Two" <SMTP:two@example.com>,
//	"User Three" <SMTP:three@example.com>
type listText struct {
	facts
	flags flags
	gap   int // how many empty lines end the list

	at      string // the line whose continuation is read
	wrapped int    // lines that it has
	entry   string // of the list, under way
	empty   int    // empty lines since the last other one
	seen    bool   // the list has begun
	from    string // the sender as written
}

func readListText(text iter.Seq[string], gap int, f flags) facts {
	l := &listText{flags: f, gap: gap}
	for line := range text {
		l.line(line)
	}
	l.endEntry()
	if l.sender, _ = listAddress(l.from); l.sender == "" && strings.Contains(l.from, "@") {
		l.sender = l.from
	}
	return l.facts
}

func (l *listText) line(line string) {
	trimmed := strings.TrimSpace(line)
	if trimmed == "" {
		if l.empty++; l.empty == l.gap || l.at != "recipients" {
			if l.at != "recipients" || len(l.recipients) > 0 {
				l.endEntry()
				l.at = ""
			}
		}
		return
	}
	l.empty = 0
	name, value, _ := strings.Cut(trimmed, ":")
	name = strings.ToLower(strings.TrimSpace(name))
	switch {
	case name == "sender" || name == "message-id" || name == "recipients" && !l.seen:
		l.endEntry()
		l.at, l.wrapped = name, 0
		l.begin(strings.TrimSpace(value))
	case l.at == "recipients":
		l.listed(line, trimmed)
	case l.at != "":
		l.continued(trimmed)
	default:
		l.flags[FlagImpure] = true
	}
}

// begin reads the rest of the line that begins a field.
func (l *listText) begin(value string) {
	switch l.at {
	case "recipients":
		l.seen = true
		if value != "" {
			l.listed(value, value)
		}
	case "sender":
		if l.hasSender {
			l.flags[FlagDuplicateField] = true
			if value != l.from {
				l.flags[FlagImpure] = true
			}
			l.at = ""
			return
		}
		l.hasSender, l.from = true, value
	case "message-id":
		if l.hasMessageID {
			l.flags[FlagDuplicateField] = true
			if value != l.messageID {
				l.flags[FlagImpure] = true
			}
			l.at = ""
			return
		}
		l.hasMessageID, l.messageID = true, value
	}
}

// continued reads a wrapped line. The parts belong together without a space. Nothing is
// to come behind the bracket that ends them.
func (l *listText) continued(text string) {
	if l.wrapped++; l.wrapped > maxWrappedFields || entryEnd(*l.field()) >= 0 {
		l.flags[FlagImpure] = true
		l.at = ""
		return
	}
	*l.field() += text
}

// field gives the field whose lines are read.
func (l *listText) field() *string {
	if l.at == "sender" {
		return &l.from
	}
	return &l.messageID
}

// listed reads a line of the list. Citadel begins each recipient with a tab and quotes
// no display name, so that there the line is all that can be gone by.
func (l *listText) listed(line, trimmed string) {
	if line[0] == '\t' && strings.HasSuffix(trimmed, ">") {
		l.endEntry()
		l.add(trimmed)
		return
	}
	if l.wrapped++; l.wrapped > maxWrapped {
		l.flags[FlagImpure] = true
		l.entry, l.wrapped = "", 1
	}
	l.entry += trimmed
	for {
		end := entryEnd(l.entry)
		if end < 0 {
			return
		}
		l.add(l.entry[:end])
		l.entry = strings.TrimLeft(l.entry[end:], ", \t")
		l.wrapped = 0
	}
}

// entryEnd gives where the first recipient of a list ends: behind the last angle bracket
// before a comma or the end; -1 when it does not end yet.
func entryEnd(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '>' && !quoted:
			if rest := strings.TrimLeft(s[i+1:], " \t"); rest == "" || rest[0] == ',' {
				return i + 1
			}
		}
	}
	return -1
}

// endEntry ends a field or the list. What is left of the list is no recipient, and of
// wrapped lines without a bracket nobody knows what they are.
func (l *listText) endEntry() {
	loose := (l.at == "sender" || l.at == "message-id") && l.wrapped > 0 && entryEnd(*l.field()) < 0
	if l.entry != "" || loose {
		l.flags[FlagImpure] = true
	}
	l.entry, l.wrapped = "", 0
}

func (l *listText) add(entry string) {
	if len(l.recipients) == maxRecipients {
		l.flags[FlagTooManyRecipients] = true
		return
	}
	address, ok := listAddress(entry)
	r := Recipient{Address: address, Class: Unknown}
	if !ok {
		l.flags[FlagOddAddress] = true
	}
	if usable(&r, l.flags) {
		l.recipients = append(l.recipients, r)
	}
}

// listAddress gives the address of "Display Name" <type:address>, and whether it is one
// of SMTP. Another type stays in front of its address.
func listAddress(entry string) (string, bool) {
	entry = strings.TrimSpace(entry)
	text, found := strings.CutSuffix(entry, ">")
	if !found {
		return "", false
	}
	if null, isNull := strings.CutSuffix(text, "<>"); isNull { // <SMTP:<>>
		text = null
	}
	text = text[strings.LastIndexByte(text, '<')+1:]
	kind, rest, found := strings.Cut(text, ":")
	switch {
	case found && strings.EqualFold(kind, "smtp"):
		return rest, true
	case found && isName(strings.ToLower(kind)):
		return text, false
	}
	return text, true
}
