package policy

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Error is what is wrong with a configuration: all of it, in file order.
type Error struct {
	Diagnostics []Diagnostic
}

// Diagnostic is one mistake and its place.
type Diagnostic struct {
	// File, Line and Column are where it is; lines and columns count from 1.
	File         string
	Line, Column int
	// Text says what is wrong and what would be right, in one line.
	Text string
	// Source is the line as it stands in the file, Width how many of its
	// columns from Column on are concerned.
	Source string
	Width  int
}

// Error gives the first mistake and how many there are, in one line.
func (e *Error) Error() string {
	s := e.Diagnostics[0].String()
	if n := len(e.Diagnostics) - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more)", n)
	}
	return s
}

// String gives the mistake in one line that starts with file:line:column.
func (d Diagnostic) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", d.File, d.Line, d.Column, d.Text)
}

// WriteSource writes the source line with the place marked below it.
func (d Diagnostic) WriteSource(w io.Writer) error {
	line := strings.ReplaceAll(d.Source, "\t", " ")
	_, err := fmt.Fprintf(w, "%5d | %s\n      | %s%s\n", d.Line, line,
		strings.Repeat(" ", d.Column-1), strings.Repeat("^", d.Width))
	return err
}

func newError(diags hcl.Diagnostics, files map[string][]byte) *Error {
	e := &Error{}
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			e.Diagnostics = append(e.Diagnostics, newDiagnostic(d, files))
		}
	}
	slices.SortStableFunc(e.Diagnostics, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	e.Diagnostics = slices.Compact(e.Diagnostics) // the parser may say the same twice
	return e
}

func newDiagnostic(d *hcl.Diagnostic, files map[string][]byte) Diagnostic {
	text := strings.Join(strings.Fields(d.Summary+": "+d.Detail), " ")
	if d.Subject == nil {
		return Diagnostic{Line: 1, Column: 1, Text: text, Width: 1}
	}
	at := *d.Subject
	source := ""
	if shown, ok := d.Extra.(sourceText); ok {
		source = string(shown)
	} else {
		source = withoutPassword(sourceLine(files[at.Filename], at.Start.Line))
	}
	width := at.End.Column - at.Start.Column
	if at.End.Line != at.Start.Line {
		width = len([]rune(source)) - at.Start.Column + 1
	}
	return Diagnostic{
		File: at.Filename, Line: at.Start.Line, Column: at.Start.Column,
		Text: text + hint(d, source), Source: source, Width: max(width, 1),
	}
}

// hint adds the way out to what the parser says about habits from other languages.
func hint(d *hcl.Diagnostic, source string) string {
	runes := []rune(source)
	rest := string(runes[min(d.Subject.Start.Column-1, len(runes)):])
	starts := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(rest, w) })
	}
	ends := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.HasSuffix(strings.TrimSpace(source), w) })
	}
	operators := []string{"&&", "||", "==", "!=", "?"}
	switch {
	case d.Summary == "Missing newline after argument" && starts("and ", "or ", "not "):
		return " Write && for and, || for or, ! for not."
	case d.Summary == "Argument or block definition required" && starts(operators...),
		d.Summary == "Invalid expression" && ends(operators...):
		return " An expression that goes on in the next line needs parentheses around all of it."
	}
	return ""
}

// sourceText is the source line to show with a diagnostic whose file's text is not
// at hand.
type sourceText string

func sourceLine(text []byte, number int) string {
	lines := strings.Split(string(text), "\n")
	if number < 1 || number > len(lines) {
		return ""
	}
	return strings.TrimSuffix(strings.ToValidUTF8(lines[number-1], "\uFFFD"), "\r")
}

// withoutPassword cuts a password off a line that has one where none may be: what is
// wrong with a configuration may be told to a log.
func withoutPassword(line string) string {
	at := regexp.MustCompile(`(?i)\bpas[a-z]*\s*=[^=]`).FindStringIndex(line)
	if at == nil {
		return line
	}
	return line[:at[1]-1] + " ..."
}
