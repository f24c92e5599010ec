package lmtp

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxReplyText keeps a reply line within 512 octets (RFC 5321 section 4.5.3.1.5).
const maxReplyText = 512 - len("250 2.000.000 \r\n")

// tempFail is the reply for any trouble of our own.
func tempFail() Reply {
	return Reply{Code: 451, Enhanced: "4.3.0", Text: "message not taken, try again later"}
}

func tooLarge(maxMessage int64) Reply {
	return Reply{Code: 552, Enhanced: "5.3.4", Text: "message exceeds " + strconv.FormatInt(maxMessage, 10) + " octets"}
}

// line formats r for the wire, whatever is in it. Text beyond ASCII is for a peer that asked for it (RFC 6531 section 3.7.4.1).
func (r Reply) line(utf8OK bool) string {
	class := r.Code / 100
	if r.Code > 599 || class != 2 && class != 4 && class != 5 {
		r, class = tempFail(), 4
	}
	if !validEnhanced(r.Enhanced, class) {
		r.Enhanced = strconv.Itoa(class) + ".0.0"
	}
	text := cleanText(r.Text, utf8OK)
	if text == "" {
		text = "OK"
		if class != 2 {
			text = "not taken"
		}
	}
	return strconv.Itoa(r.Code) + " " + r.Enhanced + " " + text + "\r\n"
}

// validEnhanced reports whether s is class "." 1*3digit "." 1*3digit (RFC 3463 section 2).
func validEnhanced(s string, class int) bool {
	rest, ok := strings.CutPrefix(s, strconv.Itoa(class)+".")
	subject, detail, both := strings.Cut(rest, ".")
	return ok && both && isCode(subject) && isCode(detail)
}

// isCode reports whether s is one to three digits.
func isCode(s string) bool {
	return s != "" && len(s) <= 3 && strings.Trim(s, "0123456789") == ""
}

func cleanText(s string, utf8OK bool) string {
	if plain(s) {
		return strings.TrimSpace(s)
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < ' ' || r == 0x7f:
			r = ' '
		case r >= 0x80 && (!utf8OK || r == utf8.RuneError || r < 0xa0):
			r = '?'
		}
		if b.Len()+utf8.RuneLen(r) > maxReplyText {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// plain reports whether s can be sent as it is: nearly all of it can.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= maxReplyText
}

// perRecipient returns n replies: those given by the handler, and tempFail where one is missing.
func perRecipient(given []Reply, n int) []Reply {
	replies := make([]Reply, n)
	for i := range replies {
		replies[i] = tempFail()
		if i < len(given) && given[i].Code != 0 {
			replies[i] = given[i]
		}
	}
	return replies
}

// combined chooses the one reply of SMTP: a recipient that has to be tried again outweighs the others, since a resend of what
// was taken already does no harm; then a refusal, which must not be hidden.
func combined(replies []Reply) Reply {
	for _, class := range []int{4, 5} {
		for _, r := range replies {
			if r.Code/100 == class {
				return r
			}
		}
	}
	for _, r := range replies {
		if r.Code/100 != 2 {
			return tempFail()
		}
	}
	return replies[0]
}
