package policy

import (
	_ "embed"
	"strings"
)

// reference is the source of this package's comment.
//
//go:embed doc.go
var reference string

// Reference gives the reference of the language as plain text, in lines of at most
// 90 characters.
func Reference() string {
	var b strings.Builder
	_, text, _ := strings.Cut(reference, "The rest of this")
	_, text, _ = strings.Cut(text, "\n//\n")
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "//") {
			break // the package clause
		}
		line = strings.TrimPrefix(strings.TrimRight(line, "\n"), "//")
		line = strings.TrimPrefix(line, " ")
		if code, ok := strings.CutPrefix(line, "\t"); ok {
			line = "    " + code
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
