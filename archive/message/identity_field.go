package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
)

// Bounds of what is read out of a field for an identity. What is longer counts as the
// text that it is.
const (
	maxMessageID = 998      // bytes: a line of RFC 5322
	maxParsed    = 16 << 10 // bytes of a field
	maxCostly    = 1 << 20  // bytes of addresses and encoded words in a mail, all together
	wordCost     = 100      // bytes that an encoded word counts as beside its own
)

// allowance is how many bytes may still be read as addresses and encoded words: a mail
// that is made of them takes a hundred times as long as any other.
type allowance int

func (a *allowance) take(n int) bool {
	if n > maxParsed || n > int(*a) {
		return false
	}
	*a -= allowance(n)
	return true
}

// canonicalID gives a Message-ID (RFC 5322 section 3.6.4) without blanks, comments and
// angle brackets.
func canonicalID(value []byte) string {
	text := withoutBlanks(withoutComments(unfold(value, len(value))))
	if inside, ok := bracketed(text); ok {
		return inside
	}
	return text
}

// bracketed gives what stands between angle brackets when there is nothing else.
func bracketed(text string) (string, bool) {
	inside, opened := strings.CutPrefix(text, "<")
	inside, closed := strings.CutSuffix(inside, ">")
	return inside, opened && closed && !strings.ContainsAny(inside, "<>")
}

func withoutBlanks(text string) string {
	if !strings.ContainsAny(text, " \t") {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		if text[i] != ' ' && text[i] != '\t' {
			out = append(out, text[i])
		}
	}
	return string(out)
}

// withoutComments leaves out comments (RFC 5322 section 3.2.2) outside of quotes and
// angle brackets. A comment that does not end is none.
func withoutComments(text string) string {
	if !strings.Contains(text, "(") {
		return text
	}
	var out strings.Builder
	depth, from := 0, 0
	quoted, inside := false, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && (depth > 0 || quoted):
			i++
		case depth == 0 && c == '"':
			quoted = !quoted
		case quoted:
		case depth == 0 && (c == '<' || c == '>'):
			inside = c == '<'
		case c == '(' && !inside:
			if depth++; depth == 1 {
				out.WriteString(text[from:i])
				from = i
			}
		case c == ')' && depth > 0:
			if depth--; depth == 0 {
				from = i + 1
			}
		}
	}
	out.WriteString(text[from:])
	return out.String()
}

// digestedID is the line for a Message-ID of which only the digest is told.
const digestedID = "message-id-sha256"

// idLine gives the line for a Message-ID.
func idLine(id string) line {
	if len(id) <= maxMessageID && utf8.ValidString(id) {
		return line{"message-id", id}
	}
	sum := sha256.Sum256([]byte(id))
	return line{digestedID, hex.EncodeToString(sum[:])}
}

// toldID gives a Message-ID as an [Identity] tells it.
func toldID(l line) string {
	if l.name == digestedID {
		return "sha256:" + l.value
	}
	return l.value
}

// fromLine gives the line for a From field: its addresses in lower case, or its text.
func fromLine(value []byte, left *allowance) line {
	text := unfold(value, len(value))
	if left.take(len(text)) {
		if address, ok := plainAddress(text); ok {
			return line{"from", "<" + lowerASCII(address) + ">"}
		}
		p := mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: anyCharset}}
		if list, err := p.ParseList(text); err == nil && len(list) > 0 {
			addresses := make([]string, len(list))
			for i, a := range list {
				addresses[i] = (&mail.Address{Address: lowerASCII(a.Address)}).String()
			}
			return line{"from", strings.Join(addresses, ", ")}
		}
	}
	return line{"from-text", collapse(text)}
}

// anyCharset takes the bytes of a display name as they are: names do not count.
func anyCharset(_ string, r io.Reader) (io.Reader, error) { return r, nil }

// lowerASCII changes the letters of ASCII alone: what other letters are the same is
// another matter in every version of Unicode.
func lowerASCII(s string) string {
	isUpper := func(c byte) bool { return c >= 'A' && c <= 'Z' }
	at := 0
	for at < len(s) && !isUpper(s[at]) {
		at++
	}
	if at == len(s) {
		return s
	}
	lower := []byte(s)
	for i, c := range lower {
		if isUpper(c) {
			lower[i] = c + 'a' - 'A'
		}
	}
	return string(lower)
}

// dateLine gives the line for a Date field: its instant, or its text.
func dateLine(value []byte) line {
	text := collapse(unfold(value, len(value)))
	if seconds, ok := plainDate(text); ok {
		return line{"date", strconv.FormatInt(seconds, 10)}
	}
	if t, ok := instant(text); ok {
		return line{"date", strconv.FormatInt(t.Unix(), 10)}
	}
	return line{"date-text", text}
}

// instant reads a date of RFC 5322 section 3.3 with a year of four digits. It knows no
// zone but those of the RFC, so the result is the same everywhere: [mail.ParseDate]
// asks for the local one.
func instant(text string) (time.Time, bool) {
	if len(text) > 128 {
		return time.Time{}, false
	}
	if comment := strings.IndexByte(text, '('); comment >= 0 && strings.IndexByte(text, ')') == len(text)-1 {
		text = text[:comment]
	}
	if day, rest, found := strings.Cut(text, ","); found {
		if !isWeekday(strings.TrimSpace(day)) {
			return time.Time{}, false
		}
		text = rest
	}
	words := strings.Fields(text)
	if len(words) != 5 || len(words[2]) != 4 || strings.Trim(words[3], "0123456789:") != "" {
		return time.Time{}, false
	}
	east, ok := zone(words[4])
	if !ok {
		return time.Time{}, false
	}
	layout := "2 Jan 2006 15:04:05"
	if strings.Count(words[3], ":") == 1 {
		layout = "2 Jan 2006 15:04"
	}
	t, err := time.Parse(layout, strings.Join(words[:4], " "))
	return t.Add(-east), err == nil
}

func isWeekday(word string) bool {
	switch lowerASCII(word) {
	case "mon", "tue", "wed", "thu", "fri", "sat", "sun":
		return true
	}
	return false
}

// zone gives how far a time zone is east of UTC (RFC 5322 sections 3.3 and 4.3).
func zone(word string) (time.Duration, bool) {
	switch strings.ToUpper(word) {
	case "UT", "UTC", "GMT", "Z":
		return 0, true
	case "EDT":
		return -4 * time.Hour, true
	case "EST", "CDT":
		return -5 * time.Hour, true
	case "CST", "MDT":
		return -6 * time.Hour, true
	case "MST", "PDT":
		return -7 * time.Hour, true
	case "PST":
		return -8 * time.Hour, true
	}
	if len(word) != 5 || word[0] != '+' && word[0] != '-' || strings.Trim(word[1:], "0123456789") != "" {
		return 0, false
	}
	n, _ := strconv.Atoi(word[1:])
	east := time.Duration(n/100)*time.Hour + time.Duration(n%100)*time.Minute
	if word[0] == '-' {
		east = -east
	}
	return east, n%100 < 60
}

// textLine gives the line for a text that encoded words can stand in (RFC 2047).
func textLine(name string, value []byte, left *allowance) line {
	text := unfold(value, len(value))
	if plain, ok := decodeWords(text, left); ok {
		return line{name, collapse(plain)}
	}
	return line{name + "-text", collapse(text)}
}

// decodeWords decodes encoded words. It is not ok when two readers can see two texts:
// when a word is not what its charset says, does not stand alone between blanks, or when
// the text still looks as if there were one in it.
func decodeWords(text string, left *allowance) (string, bool) {
	if !strings.Contains(text, "=?") {
		return text, true
	}
	if !left.take(len(text)+wordCost*strings.Count(text, "=?")) || !wordsStandAlone(text) {
		return "", false
	}
	d := mime.WordDecoder{CharsetReader: wholeCharset}
	plain, err := d.DecodeHeader(text)
	ok := err == nil && utf8.ValidString(plain) && !strings.ContainsRune(plain, utf8.RuneError)
	return plain, ok && !strings.Contains(plain, "=?")
}

// wordsStandAlone tells whether all that looks like an encoded word has blanks around it
// and none in it (RFC 2047 sections 2 and 5).
func wordsStandAlone(text string) bool {
	for word := range strings.FieldsFuncSeq(text, isBlank) {
		if strings.Contains(word, "=?") &&
			(!strings.HasPrefix(word, "=?") || !strings.HasSuffix(word, "?=") || strings.Count(word, "?") != 4) {
			return false
		}
	}
	return true
}

// wholeCharset reads a text of a charset at once: [mime.WordDecoder] has a large buffer
// for any reader that cannot write itself.
func wholeCharset(label string, in io.Reader) (io.Reader, error) {
	r, err := charset.Reader(label, in)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	return bytes.NewReader(text), err
}

// collapse makes every run of blanks one space and drops those around the text.
func collapse(text string) string {
	if isCollapsed(text) {
		return text
	}
	return strings.Join(strings.FieldsFunc(text, isBlank), " ")
}

func isCollapsed(text string) bool {
	blank := true // a blank at the beginning is one too many
	for i := range len(text) {
		was := blank
		if blank = isBlank(rune(text[i])); blank && (was || text[i] != ' ') {
			return false
		}
	}
	return !blank || text == ""
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }

// parameterList is what a Content-Type or Content-Disposition says behind its first
// word, in order of the names.
type parameterList []line

// splitParameters reads a field in the strict form of RFC 2045 section 5.1 and RFC
// 2231. It is not ok when the field has another form, a comment, a name twice, or a
// backslash that nothing asks for: what readers make of that is not one thing.
func splitParameters(text string) (word string, list parameterList, ok bool) {
	word, rest, more := strings.Cut(text, ";")
	word = lowerASCII(strings.TrimRight(word, " \t"))
	if len(text) > maxParsed || strings.ContainsAny(word, " \t()\"") {
		return "", nil, false
	}
	for more {
		rest = strings.TrimLeft(rest, " \t;")
		if rest == "" {
			break
		}
		var p line
		if p, rest, ok = cutParameter(rest); !ok {
			return "", nil, false
		}
		if list == nil {
			list = make(parameterList, 0, 4)
		}
		list = append(list, p)
		if rest = strings.TrimLeft(rest, " \t"); rest != "" && rest[0] != ';' {
			return "", nil, false
		}
	}
	slices.SortStableFunc(list, func(a, b line) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(list); i++ {
		if list[i].name == list[i-1].name {
			return "", nil, false
		}
	}
	list, ok = list.extended()
	return word, list, ok
}

// cutParameter reads a parameter at the beginning of s, and gives what follows it.
func cutParameter(s string) (p line, rest string, ok bool) {
	name, value, found := strings.Cut(s, "=")
	p.name = lowerASCII(strings.TrimRight(name, " \t"))
	if !found || p.name == "" || strings.ContainsAny(p.name, " \t()<>@,;:\\\"/[]?") {
		return p, "", false
	}
	value = strings.TrimLeft(value, " \t")
	if inside, quoted := strings.CutPrefix(value, `"`); quoted {
		p.value, rest, ok = cutQuoted(inside)
		return p, rest, ok
	}
	end := strings.IndexAny(value, " \t;()\"")
	if end < 0 {
		end = len(value)
	}
	p.value = value[:end]
	return p, value[end:], end > 0
}

// cutQuoted gives what stands before the quote that ends s, and what follows it.
func cutQuoted(s string) (value, rest string, ok bool) {
	end := strings.IndexAny(s, `"\`)
	if end >= 0 && s[end] == '"' {
		return s[:end], s[end+1:], true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\':
			if i++; i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// extended puts the sections of parameters together and decodes them (RFC 2231). What
// stands beside a whole parameter of the same name keeps the asterisk in its name. Few
// programs read a boundary or a charset that is written so: that is not ok.
func (l parameterList) extended() (parameterList, bool) {
	if !slices.ContainsFunc(l, func(p line) bool { return strings.IndexByte(p.name, '*') >= 0 }) {
		return l, true
	}
	sections := make(map[string]parameterList)
	whole := make(map[string]bool)
	var out parameterList
	for _, p := range l {
		if base, section, divided := strings.Cut(p.name, "*"); divided {
			sections[base] = append(sections[base], line{section, p.value})
		} else {
			out = append(out, p)
			whole[p.name] = true
		}
	}
	for base, list := range sections {
		value, ok := list.joined()
		if !ok || base == "boundary" || base == "charset" {
			return nil, false
		}
		if whole[base] {
			base += "*"
		}
		out = append(out, line{base, value})
	}
	slices.SortFunc(out, func(a, b line) int { return strings.Compare(a.name, b.name) })
	return out, true
}

// joined gives the value that sections make, when they are all there.
func (l parameterList) joined() (string, bool) {
	values := make([]string, len(l))
	codes, seen := make([]bool, len(l)), make([]bool, len(l))
	for _, p := range l {
		number, code := strings.CutSuffix(p.name, "*")
		n, err := strconv.Atoi(number)
		if p.name == "" {
			n, code, err = 0, true, nil
		}
		if err != nil || n < 0 || n >= len(l) || seen[n] || p.name != "" && number != strconv.Itoa(n) {
			return "", false
		}
		values[n], codes[n], seen[n] = p.value, code, true
	}
	label := ""
	if codes[0] {
		parts := strings.SplitN(values[0], "'", 3)
		if len(parts) != 3 {
			return "", false
		}
		label, values[0] = lowerASCII(parts[0]), parts[2]
	}
	var b strings.Builder
	for n, v := range values {
		if codes[n] {
			var ok bool
			if v, ok = percentDecoded(v); !ok {
				return "", false
			}
		}
		b.WriteString(v)
	}
	return toUTF8(b.String(), label)
}

func percentDecoded(v string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] != '%' {
			b.WriteByte(v[i])
			continue
		}
		if i+2 >= len(v) {
			return "", false
		}
		high, ok := hexValue(v[i+1])
		low, also := hexValue(v[i+2])
		if !ok || !also {
			return "", false
		}
		b.WriteByte(high<<4 | low)
		i += 2
	}
	return b.String(), true
}

// toUTF8 gives a text of a charset, when it is one.
func toUTF8(text, label string) (string, bool) {
	if label != "" && label != "utf-8" && label != "us-ascii" {
		r, err := charset.Reader(label, strings.NewReader(text))
		if err != nil {
			return "", false
		}
		all, err := io.ReadAll(r)
		if err != nil {
			return "", false
		}
		text = string(all)
	}
	return text, utf8.ValidString(text) && !strings.ContainsRune(text, utf8.RuneError)
}

// shorten cuts a text that is to be shown, and makes it valid UTF-8.
func shorten(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxValue)], "")
}
