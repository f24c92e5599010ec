package message

import (
	"bytes"
	"iter"
	"strings"
)

// MaxHeader is how much of a message is looked at for its header, in bytes.
const MaxHeader = 256 << 10

// field is one header field of a message.
type field struct {
	name  []byte
	value []byte // as it stands, folded, without the last line end
}

// fields gives the header fields in order (RFC 5322 section 2.2), up to the first
// empty line. Lines may end with LF alone. A line that is no field is passed
// over: the header is not judged here.
func fields(raw []byte) iter.Seq[field] {
	return func(yield func(field) bool) {
		raw = raw[:min(len(raw), MaxHeader)]
		for len(raw) > 0 {
			line := fieldLines(raw)
			raw = raw[len(line):]
			line = trimLineEnd(line)
			if len(line) == 0 {
				return
			}
			name, value, found := bytes.Cut(line, []byte(":"))
			if found && !yield(field{bytes.TrimRight(name, " \t"), value}) {
				return
			}
		}
	}
}

// fieldLines gives the first line of raw and the lines that continue it.
func fieldLines(raw []byte) []byte {
	for end := 0; ; {
		i := bytes.IndexByte(raw[end:], '\n')
		if i < 0 {
			return raw
		}
		end += i + 1
		if end == len(raw) || raw[end] != ' ' && raw[end] != '\t' || len(trimLineEnd(raw[:end])) == 0 {
			return raw[:end]
		}
	}
}

func trimLineEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// unfold takes the line ends out of a field's value, at most limit bytes of it,
// and the white space around it (RFC 5322 section 2.2.3).
func unfold(value []byte, limit int) string {
	value = bytes.TrimLeft(value, " \t\r\n")
	if end := lineEnding(value); end >= limit || end == len(value) {
		return string(bytes.TrimRight(value[:min(len(value), limit)], " \t"))
	}
	var out strings.Builder
	out.Grow(min(len(value), limit))
	for len(value) > 0 && out.Len() < limit {
		n := lineEnding(value)
		out.Write(value[:min(n, limit-out.Len())])
		value = bytes.TrimLeft(value[n:], "\r\n")
	}
	return strings.TrimRight(out.String(), " \t")
}

// lineEnding gives where the first CR or LF is, len(p) when there is none.
func lineEnding(p []byte) int {
	for i, c := range p {
		if c == '\r' || c == '\n' {
			return i
		}
	}
	return len(p)
}
