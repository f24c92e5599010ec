package message

import (
	"mime"
	"net/mail"
	"strings"

	"github.com/emersion/go-message/charset"
)

// Summary is what a listing shows of a message's header. It comes from the
// sender's own words and proves nothing.
type Summary struct {
	// MessageID is the Message-ID field as it stands, as a rule with its angle
	// brackets; empty when there is none.
	MessageID string `cbor:"1,keyasint,omitempty"`
	// Subject and From are decoded to UTF-8 (RFC 2047).
	Subject string `cbor:"2,keyasint,omitempty"`
	From    string `cbor:"3,keyasint,omitempty"`
	// Date is the Date field in seconds since 1970; 0 when it is missing or
	// cannot be read.
	Date int64 `cbor:"4,keyasint,omitempty"`
}

// maxValue is how much of one field a summary keeps, in bytes.
const maxValue = 1024

// Summarize reads the summary from the beginning of a message, of which it looks
// at [MaxHeader] bytes at most. Of a field that stands there twice the first one
// counts.
func Summarize(raw []byte) Summary {
	var s Summary
	const messageID, subject, from, date = 1, 2, 4, 8
	seen := 0
	first := func(bit int) bool {
		is := seen&bit == 0
		seen |= bit
		return is
	}
	for f := range fields(raw) {
		switch {
		case is(f.name, "message-id") && first(messageID):
			s.MessageID = unfold(f.value, maxValue)
		case is(f.name, "subject") && first(subject):
			s.Subject = decode(unfold(f.value, maxValue))
		case is(f.name, "from") && first(from):
			s.From = decode(unfold(f.value, maxValue))
		case is(f.name, "date") && first(date):
			s.Date = parseDate(unfold(f.value, 128))
		}
		if seen == messageID|subject|from|date {
			break
		}
	}
	return s
}

// parseDate gives a date in seconds since 1970, 0 when it cannot be read.
func parseDate(text string) int64 {
	if seconds, ok := plainDate(text); ok {
		return seconds
	}
	t, err := mail.ParseDate(text)
	if err != nil {
		return 0
	}
	return t.Unix()
}

func is(name []byte, want string) bool {
	return len(name) == len(want) && strings.EqualFold(string(name), want)
}

// decode reads encoded words (RFC 2047); what cannot be read stays as it is.
func decode(text string) string {
	if !strings.Contains(text, "=?") {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	d := mime.WordDecoder{CharsetReader: charset.Reader}
	out, err := d.DecodeHeader(text)
	if err != nil {
		out = text
	}
	if len(out) > 4*maxValue {
		out = out[:4*maxValue]
	}
	return strings.ToValidUTF8(out, "\uFFFD")
}
