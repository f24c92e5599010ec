package condition

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
)

// Error is why a condition has no value for some facts.
type Error struct {
	// At is the part of the expression that has no value; it is empty where no
	// single part is to blame.
	At hcl.Range
	// Text says what is missing or wrong, without the place.
	Text string
}

// Error gives the text after file:line:column.
func (e *Error) Error() string {
	if e.At.Filename == "" && e.At.Start.Line == 0 {
		return e.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.At.Filename, e.At.Start.Line, e.At.Start.Column, e.Text)
}
