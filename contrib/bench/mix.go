package main

import (
	"bytes"
	"fmt"
	"math"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"strings"
)

// kind says what a generated set of mail is like.
type kind struct {
	name     string
	messages int
	size     int     // of each message, in bytes; 0: median 12 KB, mean about 75 KB, log-normal
	repeats  float64 // the share of attachments that were sent before
}

// generatedKinds are the sets that storage is measured with when no folder is named.
func generatedKinds() []kind {
	return []kind{
		{name: "generated 4 KB", messages: 4000, size: 4 << 10, repeats: 0},
		{name: "generated mix", messages: 2000, repeats: 0.3},
		{name: "generated mix, nothing repeated", messages: 2000, repeats: 0},
	}
}

// mixer makes the messages of a kind: of people who write to each other, quote
// each other, and send on what they were sent. The same kind makes the same.
type mixer struct {
	*writer
	kind
	people      []correspondent
	recent      []string // texts that a reply may quote
	attachments []attached
	repeated    int // how many of all attachments were sent before
	total       int // attachments of all messages
}

type correspondent struct{ addr, signature string }

// attached is an attachment that was made, to make it again.
type attached struct {
	seed uint64
	size int
}

func newMixer(k kind) *mixer {
	x := &mixer{writer: newWriter(uint64(k.size)), kind: k}
	const people = 300
	for range people {
		addr := x.address()
		x.people = append(x.people, correspondent{addr, "Best regards\r\n" + addr + "\r\n\r\n" + x.lines(300, "", "")})
	}
	return x
}

// writeTo writes the messages of the kind into a folder, one file each.
func (x *mixer) writeTo(dir string) error {
	for n := range x.messages {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.eml", n)), x.next(n), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// next makes message n of the set, the messages before it having been made.
func (x *mixer) next(n int) []byte {
	raw := bytes.ReplaceAll(x.mixed().raw, []byte(stamp), []byte(token(int64(n))))
	return bytes.ReplaceAll(raw, []byte(turnStamp), []byte(token(0)))
}

// mixed makes the next message of the set, with its stamps.
func (x *mixer) mixed() *message {
	const mostRecipients = 3
	from := x.someone()
	m := &message{sender: from.addr}
	for range 1 + x.random.IntN(mostRecipients) {
		m.recipients = append(m.recipients, x.someone().addr)
	}
	size := x.aSize()
	header := x.header(m)
	room := max(size-len(header), 400)
	count := x.howMany(size)
	text := room
	if count > 0 {
		text = min(room, int(math.Exp(math.Log(4500)+0.8*x.random.NormFloat64())))
	}
	parts := x.texts(text, from.signature)
	for _, p := range parts {
		room -= len(p)
	}
	for range count {
		const smallest = 600
		if each := room / count; each >= smallest {
			parts = append(parts, x.attach(each))
		}
	}
	m.raw = []byte(header + joinParts(parts))
	return m
}

func (x *mixer) someone() correspondent { return x.people[x.random.IntN(len(x.people))] }

// aSize is how long a message shall be.
func (x *mixer) aSize() int {
	if x.size > 0 {
		return x.size*9/10 + x.random.IntN(x.size/5)
	}
	const median, sigma, least, most = 12000, 1.914, 1300, 24e6 // their mean is 75 KB
	return int(min(max(math.Exp(math.Log(median)+sigma*x.random.NormFloat64()), least), most))
}

// howMany attachments a message of a size has.
func (x *mixer) howMany(size int) int {
	switch {
	case size > 24000:
		return 1 + max(x.random.IntN(5)-2, 0)
	case size > 7000 && x.random.IntN(4) == 0:
		return 1
	}
	return 0
}

// texts are the text parts of a message: text alone, or with HTML beside it. Some
// quote what was written before.
func (x *mixer) texts(size int, signature string) []string {
	const htmlFrom = 2500
	html := size > htmlFrom && x.random.Float64() < 0.6
	plain := size
	if html {
		plain = size * 38 / 100
	}
	text := x.letter(plain, signature)
	parts := []string{x.textPart("plain", text)}
	if html {
		parts = append(parts, x.textPart("html", "<html><body>\r\n"+asHTML(text)+"</body></html>\r\n"))
	}
	return parts
}

// letter is text of about a size. It may quote one that was written before.
func (x *mixer) letter(size int, signature string) string {
	quoted := ""
	if len(x.recent) > 0 && x.random.Float64() < 0.45 {
		quoted = quote(x.recent[x.random.IntN(len(x.recent))], size/2)
	}
	own := x.lines(max(size-len(signature)-len(quoted), 80), "", "")
	const remembered = 300
	x.recent = append(x.recent, own)
	x.recent = x.recent[max(len(x.recent)-remembered, 0):]
	return "Hello, this is " + stamp + ",\r\n\r\n" + own + "\r\n" + signature + quoted
}

// quote is the beginning of a text as a reply shows it.
func quote(text string, most int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if b.Len()+len(line) > most {
			break
		}
		b.WriteString("> " + line)
	}
	return b.String()
}

// asHTML is a text as a mail program shows it beside itself.
func asHTML(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			b.WriteString(`<p class="MsoNormal"><span style="font-size:11.0pt">` + strings.ReplaceAll(line, ">", "&gt;") + "<o:p></o:p></span></p>\r\n")
		}
	}
	return b.String()
}

// textPart is a part of text, as it is or in quoted-printable.
func (x *mixer) textPart(subtype, text string) string {
	encoding := "7bit"
	if x.random.Float64() < 0.4 {
		encoding = "quoted-printable"
		var b strings.Builder
		w := quotedprintable.NewWriter(&b)
		_, _ = w.Write([]byte(text)) // a strings.Builder takes everything
		_ = w.Close()
		text = b.String()
	}
	return "Content-Type: text/" + subtype + "; charset=utf-8\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + text
}

// attach is an attachment of about a size: a new one, or that of those sent
// before that is nearest in size.
func (x *mixer) attach(size int) string {
	x.total++
	a := attached{seed: x.random.Uint64(), size: size}
	if len(x.attachments) > 0 && x.random.Float64() < x.repeats {
		x.repeated++
		a = x.nearest(size)
	} else {
		x.attachments = append(x.attachments, a)
	}
	name := x.word() + ".pdf"
	return "Content-Type: application/pdf; name=\"" + name + "\"\r\nContent-Transfer-Encoding: base64\r\n" +
		"Content-Disposition: attachment; filename=\"" + name + "\"\r\n\r\n" +
		turnStamp + seeded(a.seed).attachment(a.size)[len(turnStamp):]
}

func (x *mixer) nearest(size int) attached {
	best := x.attachments[0]
	for _, a := range x.attachments {
		if max(a.size-size, size-a.size) < max(best.size-size, size-best.size) {
			best = a
		}
	}
	return best
}
