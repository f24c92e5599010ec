package main

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

const (
	// minSizeKB is the size of the smallest message: header and a little text.
	minSizeKB = 4
	// setBytes is how much mail a set has: so much that of what is sent again nothing
	// is near enough to be compressed with it. Each sending is unique all the same, see
	// template.
	setBytes = 32 << 20
	// minSet is how many messages a set has at least.
	minSet = 16
)

// stamp stands in a message where the token of a sending comes: in the
// Message-ID, in the text and in the first line of each attachment, so that no
// part of a message is the same as one that was sent before. A token is as long,
// and both are base64.
const stamp = "stamp0stamp0"

// turnStamp stands at the beginning of the attachments of the mix, where the token
// of the turn through the set comes: when the set is sent once more its attachments
// are new ones, and within a turn as many of them repeat as before.
const turnStamp = "turns0turns0"

// token names one sending.
func token(n int64) string {
	text := strconv.FormatInt(n, 36)
	return strings.Repeat("0", len(stamp)-len(text)) + text
}

// message is one message of a set.
type message struct {
	sender     string
	recipients []string
	raw        []byte // CRLF line ends; with stamps
}

// newSet makes so many messages of about one size in KB, always the same ones.
func newSet(sizeKB, count int) []*message {
	x := newMixer(kind{size: sizeKB << 10})
	set := make([]*message, count)
	for i := range set {
		set[i] = x.message(sizeKB<<10, i)
	}
	return set
}

// setLength is how many messages of a size in KB a set has.
func setLength(sizeKB int) int { return max(setBytes/(sizeKB<<10), minSet) }

// message makes the nth message of a set: a letter, in two of five small ones and in all
// larger ones with the same as HTML beside it, and an attachment in the largest.
func (x *mixer) message(size, n int) *message {
	from := x.someone()
	m := &message{sender: from.addr}
	for range 1 + n%3 {
		m.recipients = append(m.recipients, x.someone().addr)
	}
	header := x.header(m)
	room := size - len(header)
	var parts []string
	switch {
	case size < 12<<10 && n%5 >= 2:
		parts = []string{x.plainPart(x.letter(room-room/20, from.signature))}
	case size < 24<<10 && (size < 12<<10 || n%4 != 0):
		parts = x.alternatives(room, from.signature)
	default:
		text := min(room/3, 12<<10)
		parts = append(x.alternatives(text, from.signature), x.attachmentPart(room-text-room/50))
	}
	m.raw = []byte(header + joinParts(parts))
	return m
}

// alternatives are parts of a size together with the same letter: plain, and as HTML.
func (x *mixer) alternatives(size int, signature string) []string {
	text := x.letter(size*9/20, signature)
	return []string{x.plainPart(text), x.htmlPart(text)}
}

func (w *writer) address() string {
	return fmt.Sprintf("%s.%s@%s.example", w.madeUp(), w.madeUp(), w.madeUp())
}

// header is what a message carries after two relays, without the end.
func (w *writer) header(m *message) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	const date = "Mon, 05 Jan 2026 09:41:%02d +0000"
	at := func() string { return fmt.Sprintf(date, w.random.IntN(60)) }
	line("Return-Path: <%s>", m.sender)
	for hop := range 2 {
		line("Received: from mx%d.sender.example (mx%d.sender.example [192.0.2.%d])\r\n"+
			"\tby relay%d.example (Postfix) with ESMTPS id %s\r\n\tfor <%s>; %s",
			hop, hop, w.random.IntN(255), hop, w.key(8), m.recipients[0], at())
	}
	line("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=sender.example;\r\n"+
		"\ts=mail; bh=%s;\r\n\th=From:To:Subject:Date:Message-ID;\r\n\tb=%s\r\n\t %s\r\n\t %s\r\n\t %s\r\n\t %s",
		w.key(32), w.key(51), w.key(51), w.key(51), w.key(51), w.key(51))
	line("Authentication-Results: relay1.example; dkim=pass header.d=sender.example;\r\n\tspf=pass smtp.mailfrom=%s", m.sender)
	line("From: %s %s <%s>", w.madeUp(), w.madeUp(), m.sender)
	to := make([]string, len(m.recipients))
	for i, r := range m.recipients {
		to[i] = fmt.Sprintf("%s %s <%s>", w.madeUp(), w.madeUp(), r)
	}
	line("To: %s", strings.Join(to, ",\r\n\t"))
	line("Subject: %s", w.phrase(6))
	line("Date: %s", at())
	line("Message-ID: <%s.%s@sender.example>", stamp, w.key(12))
	line("User-Agent: Example Mail 12.3")
	line("MIME-Version: 1.0")
	return b.String()
}

// key is n random bytes as text.
func (w *writer) key(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(w.random.Uint32())
	}
	return base64.StdEncoding.EncodeToString(b)
}

func (x *mixer) plainPart(text string) string {
	return "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" + text
}

func (x *mixer) htmlPart(text string) string {
	return "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" +
		"<html><body>\r\n" + strings.NewReplacer(">", "&gt;", "\r\n", "<br>\r\n").Replace(text) + "</body></html>\r\n"
}

func (w *writer) attachmentPart(size int) string {
	// 48 octets of base64, so that what follows stays whole groups of four.
	first := stamp + strings.Repeat("A", 36) + "\r\n"
	return "Content-Type: application/pdf; name=\"report.pdf\"\r\nContent-Transfer-Encoding: base64\r\n" +
		"Content-Disposition: attachment; filename=\"report.pdf\"\r\n\r\n" + first + w.attachment(size)
}

// joinParts ends a header with one part, or with several.
func joinParts(parts []string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	const boundary = "=_9f1d5b4c7a2e4f6088aa"
	var b strings.Builder
	b.WriteString("Content-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n\r\n")
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\n" + p)
	}
	b.WriteString("--" + boundary + "--\r\n")
	return b.String()
}
