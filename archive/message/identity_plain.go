package message

import (
	"strings"
	"time"
)

// Most mail writes its addresses and dates in one plain form. What is read here gives
// what the parsers of package mail give for the same text; anything else is left to them.

// plainDate reads "Sun, 22 Nov 2026 11:00:00 +0100", in seconds since 1970. The day of
// the week and the seconds can be missing, and a word in parentheses can follow.
func plainDate(text string) (seconds int64, ok bool) {
	if len(text) > 5 && text[3] == ',' && text[4] == ' ' {
		switch text[:3] {
		case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
			text = text[5:]
		default:
			return 0, false
		}
	}
	c := numbers{text: text, ok: true}
	day := c.number(1, 2)
	c.skip(' ')
	month := c.month()
	c.skip(' ')
	year := c.number(4, 4)
	c.skip(' ')
	hour := c.number(2, 2)
	c.skip(':')
	minute, second := c.number(2, 2), 0
	if c.next() == ':' {
		c.skip(':')
		second = c.number(2, 2)
	}
	c.skip(' ')
	east := c.zone()
	if !c.ok || !isPlainComment(c.text) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	t := time.Date(year, month, day, hour, minute, second, 0, time.UTC)
	return t.Unix() - int64(east), t.Day() == day && t.Month() == month
}

// isPlainComment tells whether there is nothing, or a word of letters in parentheses.
func isPlainComment(text string) bool {
	if text == "" {
		return true
	}
	word, opened := strings.CutPrefix(text, " (")
	word, closed := strings.CutSuffix(word, ")")
	for i := range len(word) {
		if c := word[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return opened && closed
}

// numbers reads the pieces of a date from the left. Once one is not there, ok is false.
type numbers struct {
	text string
	ok   bool
}

// next gives the byte that is read next, 0 when there is none.
func (n *numbers) next() byte {
	if n.text == "" {
		return 0
	}
	return n.text[0]
}

func (n *numbers) skip(c byte) {
	if n.ok = n.ok && n.next() == c; n.ok {
		n.text = n.text[1:]
	}
}

// number reads all digits that are there, so many at least and at most.
func (n *numbers) number(least, most int) int {
	value, i := 0, 0
	for ; i < len(n.text) && i <= most && n.text[i] >= '0' && n.text[i] <= '9'; i++ {
		value = value*10 + int(n.text[i]-'0')
	}
	n.ok = n.ok && i >= least && i <= most
	n.text = n.text[i:]
	return value
}

func (n *numbers) month() time.Month {
	const names = "JanFebMarAprMayJunJulAugSepOctNovDec"
	if len(n.text) < 3 {
		n.ok = false
		return 0
	}
	i := strings.Index(names, n.text[:3])
	n.ok = n.ok && i >= 0 && i%3 == 0
	n.text = n.text[3:]
	return time.Month(i/3 + 1)
}

// zone reads a zone in digits, in seconds east of UTC.
func (n *numbers) zone() int {
	sign := n.next()
	if n.ok = n.ok && (sign == '+' || sign == '-'); !n.ok {
		return 0
	}
	n.text = n.text[1:]
	digits := n.number(4, 4)
	n.ok = n.ok && digits/100 <= 23 && digits%100 <= 59
	if sign == '-' {
		digits = -digits
	}
	return (digits/100*60 + digits%100) * 60
}

// plainAddress reads "Ann Archer <ann@x.example>", or the address alone, and gives the
// address. The name can be in quotes, or made of encoded words.
func plainAddress(text string) (address string, ok bool) {
	address = text
	if i := strings.IndexByte(text, '<'); i >= 0 {
		if text[len(text)-1] != '>' || !isPlainName(text[:i]) {
			return "", false
		}
		address = text[i+1 : len(text)-1]
	}
	local, domain, _ := strings.Cut(address, "@")
	return address, isPlainAtom(local) && isPlainAtom(domain)
}

// isPlainName tells whether a display name is made of words of ASCII and quotes that end.
// An encoded word without a text is no word to some.
func isPlainName(name string) bool {
	quoted := false
	for i := range len(name) {
		switch c := name[i]; {
		case c == '"':
			quoted = !quoted
		case c == ' ' || c == '\t' || c == '.' || isAtomByte(c):
		case !quoted || c < ' ' || c >= 0x7f || c == '\\':
			return false
		}
	}
	return !quoted && !strings.Contains(name, "??=")
}

// isPlainAtom tells whether a text is a dot-atom (RFC 5322 section 3.2.3) of ASCII.
func isPlainAtom(text string) bool {
	dot := true
	for i := range len(text) {
		if c := text[i]; c == '.' && !dot {
			dot = true
		} else if isAtomByte(c) {
			dot = false
		} else {
			return false
		}
	}
	return !dot
}

// isAtomByte knows the atext of RFC 5322 section 3.2.3.
func isAtomByte(c byte) bool {
	switch {
	case c <= ' ' || c >= 0x7f:
		return false
	case c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}
