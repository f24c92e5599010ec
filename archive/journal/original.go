package journal

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"

	"daybook/archive/message"

	"github.com/emersion/go-message/charset"
)

// Open reads the original out of the delivery r, decoded where Encoding says so. A
// decoding that breaks off ends with an error; the bytes before it are right. There is
// nothing to close.
func (o Original) Open(r io.ReaderAt) io.Reader {
	return decoded(io.NewSectionReader(r, o.Start, o.End-o.Start), o.Encoding)
}

func decoded(r io.Reader, encoding string) io.Reader {
	switch encoding {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, r)
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	}
	return r
}

// original reads the header of an original.
func (p *parser) original(at part) (Original, entity) {
	o := Original{Start: at.body.start, End: at.body.end}
	var e entity
	switch at.encoding {
	case "base64", "quoted-printable":
		o.Encoding = at.encoding
		p.flags[FlagOriginalEncoded] = true
		// What cannot be decoded has no header that could be read.
		raw, _ := io.ReadAll(io.LimitReader(decoded(&section{p.in, at.body}, at.encoding), maxHeader))
		end, _ := cutHeader(raw)
		e = newEntity(raw[:end], at.body)
	default:
		e = p.in.entity(at.body, maxHeader)
	}
	if e.cut {
		p.flags[FlagHeaderTooLong] = true
	}
	o.Summary = message.Summarize(e.raw)
	for name, field := range fields(e.raw) {
		if name == "return-path" {
			_, path, _ := bytes.Cut(field, []byte(":"))
			o.ReturnPath = strings.ToValidUTF8(strings.TrimSpace(string(path[:min(len(path), maxAddress)])), "\uFFFD")
		}
	}
	if path := address(o.ReturnPath); path != "" {
		o.ReturnPath = path
	}
	return o, e
}

// wrapped reads a report whose kind is known: its parts, its text, its originals.
func (p *parser) wrapped(top entity, kind Kind) {
	leaves := p.leaves(top)
	before := len(leaves) // parts before the first original
	var first *entity
	for i, at := range leaves {
		switch {
		case at.media == "application/ms-tnef" || at.media == "application/vnd.ms-tnef":
			p.flags[FlagTNEF] = true
		case !at.isMessage():
		case len(p.report.Originals) == maxOriginals:
			p.flags[FlagManyOriginals] = true
		default:
			e := p.addOriginal(at)
			if first == nil {
				before, first = i, &e
			}
		}
	}
	if first == nil {
		p.flags[FlagNoOriginal] = true
	}
	used := p.reportText(leaves[:before], kind, subjects(top, first))
	p.extraParts(leaves, used)
	p.protection(first)
	p.compare(top, first)
}

func (p *parser) addOriginal(at part) entity {
	o, e := p.original(at)
	if marked(e.header) != None || agent(e.header) {
		p.flags[FlagNestedReport] = true
	}
	if at.depth > 1 {
		p.flags[FlagNestedOriginal] = true
	}
	p.report.Originals = append(p.report.Originals, o)
	return e
}

// reportText finds the report text among the parts before the original, and takes what
// it says. It gives the part's index; -1 when there is none.
func (p *parser) reportText(leaves []part, kind Kind, subjects []string) int {
	tries := 0
	for _, media := range []string{"text/plain", "text/html"} {
		for i, at := range leaves {
			is := at.media == media || at.media == "" && media == "text/plain"
			if !is || tries == maxTexts {
				continue
			}
			tries++
			if p.try(at, kind, subjects, media == "text/html") {
				return i
			}
		}
	}
	p.flags[FlagNoText] = true
	return -1
}

// try reads a part as the report text, and takes it if it is one. A text in which the
// grammar of its kind finds nobody is read by the other one, too.
func (p *parser) try(at part, kind Kind, subjects []string, isHTML bool) bool {
	tried := parser{in: p.in, flags: flags{}}
	text := tried.text(at)
	if isHTML {
		tried.flags[FlagHTML] = true
	}
	isList := kind == Exchange2003
	f, seen := readText(text, isHTML, isList, subjects)
	if len(f.recipients) == 0 {
		if other, found := readText(text, isHTML, !isList, subjects); other.isReport() && len(other.recipients) > 0 {
			f, seen, isList = other, found, !isList
			seen[FlagOtherGrammar] = true
		}
	}
	if !f.isReport() {
		return false
	}
	p.take(f, isList, tried.flags, seen)
	return true
}

// readText reads a report text by one of the two grammars.
func readText(text string, isHTML, isList bool, subjects []string) (facts, flags) {
	all, gap := lines(text), 1
	if isHTML {
		all, gap = htmlLines(text), 2
	}
	seen := flags{}
	if isList {
		return readListText(all, gap, seen), seen
	}
	return readEnvelopeText(all, subjects, seen), seen
}

// take puts what a report text says into the report.
func (p *parser) take(f facts, list bool, all ...flags) {
	r := &p.report
	r.Sender, r.OnBehalfOf = cut(f.sender, maxAddress), cut(f.onBehalfOf, maxAddress)
	r.Subject, r.MessageID = cut(f.subject, maxSubject), cut(f.messageID, maxMessageID)
	r.Label, r.Fields, r.Recipients = cut(f.label, maxLabel), f.fields, f.recipients
	for _, seen := range all {
		for flag := range seen {
			p.flags[flag] = true
		}
	}
	if r.Sender == "" {
		p.flags[FlagNoSender] = true
	}
	if r.MessageID == "" {
		p.flags[FlagNoMessageID] = true
	}
	if len(r.Recipients) == 0 {
		p.flags[FlagNoRecipients] = true
	}
	if !f.hasSubject && !list {
		p.flags[FlagNoSubject] = true
	}
}

// cut gives the beginning of a text, at most limit bytes of it.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "")
}

// subjects gives the message's subject as the headers of report and original have it,
// with the line breaks that are encoded in it. It reads all of a subject, however long.
func subjects(top entity, original *entity) []string {
	headers := [][]byte{top.raw}
	if original != nil {
		headers = append(headers, original.raw)
	}
	var list []string
	words := mime.WordDecoder{CharsetReader: charset.Reader}
	for _, raw := range headers {
		for name, field := range fields(raw) {
			if name != "subject" {
				continue
			}
			_, value, _ := strings.Cut(string(field), ":")
			value = strings.NewReplacer("\r", "", "\n", "").Replace(value)
			if text, err := words.DecodeHeader(value); err == nil {
				list = append(list, text)
			}
		}
	}
	return list
}
