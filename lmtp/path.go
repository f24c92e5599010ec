package lmtp

import (
	"bytes"
	"strconv"
	"strings"
)

// splitCommand divides a command line into verb, in upper case, and argument.
func splitCommand(line string) (verb, arg string) {
	verb = line
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		verb, arg = line[:i], line[i+1:]
	}
	return strings.ToUpper(verb), strings.Trim(arg, " \t")
}

// clean reports whether a command line is free of control characters. No command has a use for them (RFC 5321 section 4.1.2), and
// replies are safer without.
func clean(line []byte) bool {
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// hasPath reports whether a line that is not clean may be taken all the same: MTAs let control characters through in addresses, and
// whoever chooses an address must not be able to keep a message out of the archive with it. A bare CR and NUL are too much.
func hasPath(line []byte) bool {
	verb, _ := splitCommand(string(line))
	return (verb == "MAIL" || verb == "RCPT") && bytes.IndexByte(line, 0) < 0 && bytes.IndexByte(line, '\r') < 0
}

// announcesChunk reports whether octets follow a line that are no commands, even if the line itself is odd.
func announcesChunk(line []byte) bool {
	line = bytes.TrimLeft(line, " \t")
	return len(line) >= len("BDAT") && strings.EqualFold(string(line[:len("BDAT")]), "BDAT")
}

// parsePath reads the argument of MAIL or RCPT after its keyword, "FROM:" or "TO:". An address is taken as it stands, well-formed or
// not: the sender of a message chooses its address, other MTAs are tolerant, and a refusal would lose the message.
func parsePath(arg, keyword string) (path Path, ok bool) {
	if len(arg) < len(keyword) || !strings.EqualFold(arg[:len(keyword)], keyword) {
		return path, false
	}
	rest := strings.TrimLeft(arg[len(keyword):], " \t")
	end := scanPath(rest)
	if end < 0 {
		return path, false
	}
	path.Address = rest[:end]
	if strings.HasPrefix(rest, "<") {
		path.Address = rest[1 : end-1]
	}
	rest = rest[end:]
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return path, false
	}
	path.Args = strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == '\t' })
	return path, true
}

// scanPath returns where the path at the start of s ends, or -1. A path without "<" ends at a space.
func scanPath(s string) int {
	bracket := strings.HasPrefix(s, "<")
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '>' && bracket:
			return i + 1
		case (c == ' ' || c == '\t') && !bracket:
			return i
		}
	}
	if bracket || quoted || s == "" {
		return -1
	}
	return len(s)
}

// A refusal is a reply to a command that cannot be carried out, as an error.
type refusal Reply

func (r *refusal) Error() string { return strconv.Itoa(r.Code) + " " + r.Enhanced + " " + r.Text }

func refuse(code int, enhanced, text string) error {
	return &refusal{Code: code, Enhanced: enhanced, Text: text}
}

// mailParameters checks the parameters of MAIL and sets what e takes from them. AUTH is one where the extension is offered
// (RFC 4954 section 5).
func mailParameters(e *Envelope, maxMessage int64, auth bool) error {
	for _, arg := range e.Sender.Args {
		key, value, has := strings.Cut(arg, "=")
		switch strings.ToUpper(key) {
		case "SIZE":
			if err := checkSize(value, maxMessage); err != nil {
				return err
			}
		case "BODY":
			e.BodyType = strings.ToUpper(value)
			if e.BodyType != "7BIT" && e.BodyType != "8BITMIME" && e.BodyType != "BINARYMIME" {
				return refuse(501, "5.5.4", "unknown BODY value")
			}
		case "SMTPUTF8":
			if has {
				return refuse(501, "5.5.4", "SMTPUTF8 takes no value")
			}
			e.SMTPUTF8 = true
		case "RET", "ENVID":
			// For whoever reads the archive. A value that is not well-formed is no reason to refuse a message.
		case "AUTH":
			if !auth {
				return refuse(555, "5.5.4", "unknown MAIL parameter")
			}
		default:
			return refuse(555, "5.5.4", "unknown MAIL parameter")
		}
	}
	return nil
}

// checkSize is RFC 1870 section 6.1. The value has up to 20 digits, which need not fit in 64 bits.
func checkSize(value string, maxMessage int64) error {
	if value == "" || len(value) > 20 || strings.Trim(value, "0123456789") != "" {
		return refuse(501, "5.5.4", "SIZE is not a number")
	}
	if size, err := strconv.ParseInt(value, 10, 64); err != nil || size > maxMessage {
		return refuse(552, "5.3.4", "message size exceeds "+strconv.FormatInt(maxMessage, 10)+" octets")
	}
	return nil
}

// recipientParameters checks the parameters of RCPT (RFC 3461 section 4).
func recipientParameters(args []string) error {
	for _, arg := range args {
		key, _, _ := strings.Cut(arg, "=")
		switch strings.ToUpper(key) {
		case "NOTIFY", "ORCPT":
		default:
			return refuse(555, "5.5.4", "unknown RCPT parameter")
		}
	}
	return nil
}
