package message

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// part adds the part i and all that stands in it, and gives the number of the next one.
func (d *identification) part(i int) int {
	p := &d.parts[i]
	h := d.header(p.Header)
	switch {
	case p.Parent < 0:
		d.messageHeader(h)
	case p.Parent < i && d.parts[p.Parent].Kind == PartMessage:
		d.embeddedHeader(h)
	}
	if len(h.strange) > 0 || h.tooLong {
		d.headerText(p.Header, h)
	}
	if p.Header.Start == p.Header.End && p.Body.Start < p.Body.End {
		d.mark("no-header", "")
	}
	if p.Kind == PartLeaf {
		d.leaf(p, h)
		return i + 1
	}
	return d.container(i, h)
}

// messageHeader adds the header of the mail itself.
func (d *identification) messageHeader(h *fieldList) {
	ids, from, date, subject := h.author()
	if usable(ids) {
		ids = ids[:1]
		d.id.MessageID = toldID(ids[0])
	}
	for _, l := range ids {
		d.write(nil, l.name, l.value)
	}
	header := func(name string, lines []line) Item {
		d.add(lines...)
		if len(lines) == 0 || !d.items {
			return Item{}
		}
		return d.done(name, shown(lines), 0)
	}
	d.id.From = header("From", from)
	d.id.Date = header("Date", date)
	d.id.Subject = header("Subject", subject)
	if d.id.MessageID == "" || len(from) == 0 || len(date) == 0 {
		return
	}
	d.text = appendLine(d.text[:0], "fields", identityVersion)
	for _, list := range [...][]line{ids, from, date} {
		for _, l := range list {
			d.text = appendLine(d.text, l.name, l.value)
		}
	}
	d.id.Fields = sha256.Sum256(d.text)
}

// usable tells whether there is one Message-ID and no other.
func usable(ids []line) bool {
	for _, id := range ids {
		if id.value == "" || id != ids[0] {
			return false
		}
	}
	return len(ids) > 0
}

// shown gives the text for the lines of a field.
func shown(lines []line) string {
	var b strings.Builder
	for i, l := range lines {
		if b.Len() > maxValue {
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		if seconds, err := strconv.ParseInt(l.value, 10, 64); l.name == "date" && err == nil {
			b.WriteString(time.Unix(seconds, 0).UTC().Format(time.RFC3339))
		} else {
			b.WriteString(l.value)
		}
	}
	return b.String()
}

// embeddedHeader adds the header of a message that stands in the mail. No relay changes
// it, so every field of it counts.
func (d *identification) embeddedHeader(h *fieldList) {
	ids, from, date, subject := h.author()
	for _, list := range [...][]line{ids, from, date, subject} {
		d.add(list...)
	}
	for _, f := range h.fields {
		switch name := lowerASCII(string(f.name)); name {
		case "message-id", "from", "date", "subject", "content-transfer-encoding", "content-length":
		case "content-type", "content-disposition", "content-id", "content-location", "content-base", "content-description":
		default:
			d.add(line{"field", name + ": " + collapse(string(f.value))})
		}
	}
	if d.items && len(h.fields) > 0 {
		d.content("header of a message", shown(subject), 0)
	}
}

// container adds a multipart, or a part with a message in it.
func (d *identification) container(i int, h *fieldList) int {
	p := &d.parts[i]
	kind := "multipart"
	if p.Kind == PartMessage {
		kind = "message"
	}
	d.mark(kind, p.MediaType)
	lines, _ := h.declared(p)
	for _, l := range lines {
		d.mark(l.name, l.value)
	}
	d.sketch(p.MediaType)
	d.sketch("(")
	if p.Kind == PartMultipart {
		d.fences.enter(h.boundary)
	}
	at, next := p.Body.Start, i+1
	for first := true; next < len(d.parts) && d.parts[next].Parent == i && d.err == nil; first = false {
		child := &d.parts[next]
		d.gap(p.Kind, first, at, child.Header.Start)
		if !first {
			d.sketch(" ")
		}
		next = d.part(next)
		at = child.Body.End
	}
	d.gap(p.Kind, false, at, p.Body.End)
	if p.Kind == PartMultipart {
		if boundary := d.fences.leave(); boundary != "" {
			d.mark("boundary", boundary)
		}
	}
	d.mark("end", p.MediaType)
	d.sketch(")")
	return next
}

// gap adds what stands between two parts besides the delimiter: before the first part
// that is the last line, behind a part the first one.
func (d *identification) gap(kind PartKind, first bool, from, to int64) {
	if from = max(from, 0); from >= min(to, d.in.size) || d.err != nil {
		return
	}
	to = min(to, d.in.size)
	switch {
	case kind != PartMultipart:
	case first:
		start := max(from, to-maxDelimiter)
		w := d.in.from(start, int(to-start))
		if len(w) == 0 {
			return
		}
		to = start + int64(bytes.LastIndexByte(w[:to-start-1], '\n')) + 1
		d.fences.delimiter(d.in.line(to, maxDelimiter))
	default:
		if w := d.in.line(from, 2); len(trimLineEnd(w)) == 0 {
			from += int64(len(w))
		}
		w := d.in.line(from, maxDelimiter)
		d.fences.delimiter(w)
		from += int64(len(w))
	}
	name := "text behind a part"
	if first {
		name = "preamble"
	}
	d.outside(name, from, to)
}

// headerText adds what of a header some readers can show as text. Every blank of it
// counts, and of its line ends the first CR alone does not.
func (d *identification) headerText(r Range, h *fieldList) {
	s := d.decoder.sum
	s.reset(false)
	w := lineEnds{to: s}
	if h.tooLong {
		d.readLines(r, &w)
	} else {
		w.take(h.strange)
	}
	w.close()
	d.mark("part", "header text")
	d.addBytes()
	if d.items {
		d.content("header text", "", s.size)
	}
}

// readLines passes on a range that begins with a line, and looks for fences in it.
func (d *identification) readLines(r Range, to sink) {
	d.fences.begin()
	for p := range d.pieces(r) {
		d.fences.take(p)
		to.take(p)
	}
	d.fences.end()
}

// outside adds text that stands where no part is. Nothing is added for blanks and for
// what mail programs write there themselves.
func (d *identification) outside(name string, from, to int64) {
	f := form{text: true, outside: true}
	w := d.decoder.open(f)
	d.readLines(Range{from, to}, w)
	d.decoder.close(f)
	s := d.decoder.sum
	if s.size == 0 || s.size <= maxStart && isUsual(string(s.start)) {
		return
	}
	d.mark("part", name)
	d.addBytes()
	if d.items {
		d.content(name, "", s.size)
	}
}

// isUsual tells whether a text is one that programs write before the first part.
func isUsual(text string) bool {
	switch collapse(text) {
	case "This is a multi-part message in MIME format.", "This is a multipart message in MIME format.",
		"This is a MIME-encapsulated message":
		return true
	}
	return false
}

// leaf adds a part that is made of bytes.
func (d *identification) leaf(p *Part, h *fieldList) {
	d.mark("part", "leaf")
	d.sketch(p.MediaType)
	lines, known := h.declared(p)
	f := form{encoding: p.Encoding, text: known.text, exact: h.isBinary() || isText(p)}
	w := d.decoder.open(f)
	d.readLines(p.Body, w)
	d.decoder.close(f)
	s := d.decoder.sum
	d.add(line{"type", p.MediaType})
	d.add(lines...)
	if known.text {
		label := known.charset
		if known.ascii && !s.high {
			label = "us-ascii"
		}
		lines = append(lines, line{"charset", label})
		d.add(line{"charset", label})
	}
	if d.decoder.broken {
		d.add(line{"undecoded", strconv.FormatInt(d.decoder.base64.size, 10)})
	}
	d.addBytes()
	if d.items {
		d.content(p.MediaType, details(lines), s.size)
	}
}

// details shows what is declared about a content.
func details(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		if b.Len() > maxValue {
			break
		}
		fmt.Fprintf(&b, "; %s: %s", l.name, l.value)
	}
	return strings.TrimPrefix(b.String(), "; ")
}
