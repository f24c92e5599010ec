package journal

import (
	"bytes"
	"html"
	"strings"
	"unicode"
)

// usualPreamble is what mail programs write before the first part, for readers that do
// not know MIME.
const usualPreamble = "This is a multi-part message in MIME format."

// usualPreamble tells whether a text is the usual preamble.
func (in *input) usualPreamble(s span) bool {
	const most = 4 * len(usualPreamble)
	return s.end-s.start <= int64(most) && string(bytes.TrimSpace(in.window(s.start, most, s))) == usualPreamble
}

// blank tells whether a span is empty but for white space.
func (in *input) blank(s span) bool {
	for ; s.start < s.end; s.start += int64(in.block) {
		if len(bytes.TrimSpace(in.window(s.start, in.block, s))) > 0 {
			return false
		}
	}
	return true
}

// extraParts flags parts that are neither the report text nor its other form nor an
// original.
func (p *parser) extraParts(leaves []part, used int) {
	said, known := "", false
	for i, at := range leaves {
		if i == used || at.isMessage() {
			continue
		}
		if used < 0 || at.parent != "multipart/alternative" {
			p.flags[FlagExtraPart] = true
			return
		}
		if !known {
			said, _ = p.shown(leaves[used])
			known = true
		}
		if other, ok := p.shown(at); !ok || other != said && other != "" {
			p.flags[FlagExtraPart] = true
			return
		}
	}
}

// shown gives what a reader sees of a text, without its white space, and whether that is
// all of it. The two forms of a report text differ in their line breaks only.
func (p *parser) shown(at part) (text string, ok bool) {
	if at.media != "text/plain" && at.media != "text/html" && at.media != "" {
		return "", false
	}
	tried := parser{in: p.in, flags: flags{}}
	text = tried.text(at)
	if at.media == "text/html" {
		text = html.UnescapeString(withoutTags(text))
	}
	return squashed(text), !tried.flags[FlagTextTooLong] && !tried.flags[FlagTextDamaged] && !at.open
}

// squashed gives a text without its white space.
func squashed(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}

// long flags a line whose value is free where it is longer than a report's.
func (f flags) long(line string) {
	if len(line) > maxPureLine {
		f[FlagImpure] = true
	}
}

// spaced flags the value of an address line whose addresses have white space in them
// that does not stand within quotes: those are words.
func (f flags) spaced(value string) {
	if strings.EqualFold(value, "Unspecified Address") {
		return
	}
	r := redirected(value)
	for _, a := range []string{r.Address, r.From} {
		for i, part := range strings.Split(a, `"`) {
			if i%2 == 0 && strings.ContainsFunc(part, unicode.IsSpace) {
				f[FlagImpure] = true
			}
		}
	}
}
