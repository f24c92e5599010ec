package milter

import (
	"strings"

	gomilter "github.com/emersion/go-milter"
)

// maxReply bounds a reply line; RFC 5321, 4.5.3.1.5 allows 512 bytes.
const maxReply = 400

// response is a verdict for an MTA that waits at a stage before the end of the
// message.
func response(v Verdict) gomilter.Response {
	switch v.Action {
	case Accept:
		return gomilter.RespAccept
	case TempFail:
		return gomilter.NewResponseStr(byte(gomilter.ActReplyCode), replyText(v.Reply))
	default:
		return gomilter.RespContinue
	}
}

// finalResponse is a verdict at the end of the message. Accept and continue
// mean the same there.
func finalResponse(v Verdict) gomilter.Response {
	if v.Action == Accept {
		v.Action = Continue
	}
	return response(v)
}

// replyText makes a reply that both MTAs take. Postfix wants the enhanced
// status code to begin with the reply code's class; Sendmail reads the text as
// a format, so a percent sign is written twice.
func replyText(reply string) string {
	if !validReply(reply) {
		reply = DefaultReply
	}
	return strings.ReplaceAll(reply, "%", "%%")
}

func validReply(reply string) bool {
	if len(reply) < len("451 4.3.0") || len(reply) > maxReply || reply[0] != '4' || reply[3:6] != " 4." {
		return false
	}
	for i := range len(reply) {
		if reply[i] < ' ' || reply[i] > '~' {
			return false
		}
	}
	return isDigit(reply[1]) && isDigit(reply[2])
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }
