package condition

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
)

// maxDiags bounds how many mistakes of one expression are told.
const maxDiags = 20

func (c *compiler[F]) fault(at hcl.Range, summary, format string, args ...any) {
	if len(c.diags) >= maxDiags {
		return
	}
	c.diags = append(c.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  summary,
		Detail:   fmt.Sprintf(format, args...),
		Subject:  &at,
	})
}

// source is how a part is written, in one line, or "" where that is not known.
func (c *compiler[F]) source(at hcl.Range) string { return sourceText(c.src, at) }

func (c *compiler[F]) sourceOr(at hcl.Range, other string) string {
	if s := c.source(at); s != "" {
		return s
	}
	return other
}

// label names a value in a sentence.
func (c *compiler[F]) label(v value[F]) string {
	return short(c.sourceOr(v.rng, "one side"))
}

func sourceText(src []byte, at hcl.Range) string {
	if at.Start.Byte < 0 || at.End.Byte > len(src) || at.Start.Byte >= at.End.Byte {
		return ""
	}
	return strings.Join(strings.Fields(string(src[at.Start.Byte:at.End.Byte])), " ")
}

// short cuts a text that would make a sentence hard to read.
func short(text string) string {
	const most = 60
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}

// instead says what to write in place of a value of the wrong type, where that
// can be guessed.
func (c *compiler[F]) instead(v value[F], want kind) string {
	switch {
	case want == isBool && v.kind == isList && v.list.elem.kind == isBool:
		return fmt.Sprintf(" Write any(%s) or all(%[1]s).", c.label(v))
	case want == isBool && v.kind == isList:
		return fmt.Sprintf(" Write any([for x in %s : ...]), or length(%[1]s) > 0.", c.label(v))
	case want == isBool && v.constant && (v.text == "true" || v.text == "false"):
		return " Write " + v.text + "."
	case want == isBool && v.kind == isString && !v.constant:
		return fmt.Sprintf(" Write %s != \"\" for it not being empty.", c.label(v))
	case want == isNumber && v.kind == isString && v.constant:
		return c.sameType(value[F]{kind: isNumber}, v)
	}
	return ""
}

// didYouMean is a suggestion for what was given, where one of the names is near.
func didYouMean(given string, names []string) string {
	best, distance := "", 3
	for _, name := range names {
		d := levenshtein.Distance(strings.ToLower(short(given)), strings.ToLower(name), nil)
		if d < distance && d < len(name) {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %q?", best)
}

// suggest is didYouMean, or else what there is.
func suggest(given string, names []string) string {
	if s := didYouMean(given, names); s != "" || len(names) == 0 {
		return s
	}
	return " Known are " + listed(names) + "."
}

// listed gives the names in order, joined by commas.
func listed(names []string) string {
	return strings.Join(slices.Sorted(slices.Values(names)), ", ")
}

func quoted(words []string) string {
	q := make([]string, len(words))
	for i, w := range words {
		q[i] = strconv.Quote(w)
	}
	return strings.Join(q, ", ")
}
