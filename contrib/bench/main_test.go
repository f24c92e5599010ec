package main

import (
	"os"
	"testing"
)

// TestMain lets the test program be a do-nothing milter too, as the program can: that is
// what the servers of a test start.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == nothingCommand {
		main()
	}
	os.Exit(m.Run())
}
