package lmtp

import (
	"fmt"
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
	return fmt.Sprintf("%d %s %s\r\n", r.Code, r.Enhanced, text)
}

// validEnhanced reports whether s is class "." 1*3digit "." 1*3digit (RFC 3463 section 2).
func validEnhanced(s string, class int) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || parts[0] != strconv.Itoa(class) {
		return false
	}
	for _, p := range parts[1:] {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return true
}

func cleanText(s string, utf8OK bool) string {
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
