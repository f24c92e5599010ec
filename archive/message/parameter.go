package message

import (
	"iter"
	"strconv"
	"strings"
)

// maxSections is how many pieces of one parameter are put together (RFC 2231 section 3).
const maxSections = 100

// firstWord gives what stands before the parameters of a field's value, without blanks,
// quotes and comments (RFC 2045 section 5.1), and the parameters.
func firstWord(value string) (word, params string) {
	for {
		value = skipComments(value)
		n := strings.IndexAny(value, " \t;(")
		if n < 0 {
			n = len(value)
		}
		word += strings.Trim(value[:n], `"`)
		value = skipComments(value[n:])
		// There can be blanks around the slash of a type. Any other second word is none.
		inside := strings.HasSuffix(word, "/") || strings.HasPrefix(value, "/")
		if value == "" || value[0] == ';' || !inside || len(word) > maxMediaType {
			return word, value
		}
	}
}

// skipComments gives s without the blanks and comments at its beginning.
func skipComments(s string) string {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '(':
			depth++
		case depth == 0 && c != ' ' && c != '\t':
			return s[i:]
		case c == '\\':
			i++
		case c == ')':
			depth--
		}
	}
	return ""
}

// parameters gives names and values as they stand, also what RFC 2045 would have quoted
// and what no semicolon separates: senders do that. A comment before a value in quotes is
// none of it. Once there are no quotes behind one, no other is looked behind: it could
// reach to the end every time.
func parameters(s string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for comments := true; ; {
			s = skipComments(s)
			n := strings.IndexAny(s, "=; \t(")
			if n < 0 {
				return
			}
			name := s[:n]
			if s = skipComments(s[n:]); s == "" {
				return
			}
			if s[0] != '=' {
				s = strings.TrimPrefix(s, ";")
				continue
			}
			s = strings.TrimLeft(s[1:], " \t")
			if comments && strings.HasPrefix(s, "(") {
				quoted := skipComments(s)
				if comments = strings.HasPrefix(quoted, `"`); comments {
					s = quoted
				}
			}
			var value string
			value, s = parameterValue(s)
			if name != "" && !yield(name, value) {
				return
			}
		}
	}
}

// parameterValue gives a value, without its quotes, and what follows it.
func parameterValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		return bareValue(s)
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			return b.String(), s[i+1:]
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

// bareValue gives a value without quotes. A blank ends it only where a comment or a
// further parameter follows.
func bareValue(s string) (value, rest string) {
	for i := 0; i < len(s); {
		n := strings.IndexAny(s[i:], " \t;")
		if n < 0 {
			break
		}
		i += n
		if rest = strings.TrimLeft(s[i:], " \t"); rest == "" || strings.IndexByte(";(", rest[0]) >= 0 {
			return s[:i], rest
		}
		if n = strings.IndexAny(rest, "=; \t("); n > 0 && rest[n] == '=' {
			return s[:i], rest
		}
		i = len(s) - len(rest)
	}
	return s, ""
}

// hasParameter tells whether there is a parameter with a value.
func hasParameter(params, name string) bool {
	value, _ := parameter(params, name)
	return value != ""
}

// parameter gives the value of a parameter, put together where it stands in sections
// (RFC 2231), and whether it is there again. What stands there as a whole counts, and
// of two the first.
func parameter(params, name string) (value string, again bool) {
	var whole bool
	var sections map[int]string
	for key, v := range parameters(params) {
		base, section, divided := strings.Cut(key, "*")
		if !strings.EqualFold(base, name) {
			continue
		}
		if !divided {
			if again = again || whole; !whole {
				value, whole = v, true
			}
			continue
		}
		number, encoded := strings.CutSuffix(section, "*")
		n, err := strconv.Atoi(number)
		if number == "" {
			n, err, encoded = 0, nil, true
		}
		if err != nil || n < 0 || n >= maxSections {
			continue
		}
		if encoded {
			v = extendedValue(v, n == 0)
		}
		if sections == nil {
			sections = make(map[int]string)
		}
		if _, there := sections[n]; there {
			again = true
			continue
		}
		sections[n] = v
	}
	if whole {
		return value, again || sections != nil
	}
	return joined(sections), again
}

// joined puts sections together, up to the first one that is missing.
func joined(sections map[int]string) string {
	var b strings.Builder
	for n := range len(sections) {
		v, ok := sections[n]
		if !ok {
			break
		}
		b.WriteString(v)
	}
	return b.String()
}

// extendedValue gives the bytes of a value with percent signs. The first one names its
// charset and language before it.
func extendedValue(v string, first bool) string {
	if parts := strings.SplitN(v, "'", 3); first && len(parts) == 3 {
		v = parts[2]
	}
	if !strings.Contains(v, "%") {
		return v
	}
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] == '%' && i+2 < len(v) {
			if c, err := strconv.ParseUint(v[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(v[i])
	}
	return b.String()
}
